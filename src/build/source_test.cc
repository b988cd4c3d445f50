// SPDX-License-Identifier: Apache-2.0
#include "build/source.h"

#include <doctest/doctest.h>

namespace tare::build {
namespace {

std::string marked(const std::string& text, Position begin, Position end) {
  return marked_line(Source("D", text), {.begin = begin, .end = end});
}

}  // namespace

TEST_CASE(
    "source: a place in a line has carets, one of several lines has them all and some around") {
  const std::string text = "one\ntwo\nthree \\\n  four\nfive\nsix\nseven\n";
  CHECK(marked(text, {2, 1}, {2, 4}) == "\n2 | two\n  | ^^^");
  CHECK(marked(text, {3, 1}, {4, 7}) ==
        "\n1 |     one\n2 |     two\n3 | >>> three \\\n4 | >>>   four\n5 |     five\n6 |     six");
  // An end at the beginning of a line is that of the one before.
  CHECK(marked(text, {2, 1}, {3, 1}) == "\n2 | two\n  | ^^^");
  CHECK(marked(text, {6, 1}, {7, 6}) ==
        "\n4 |       four\n5 |     five\n6 | >>> six\n7 | >>> seven");
  CHECK(marked("a\nb", {1, 1}, {2, 2}) == "\n1 | >>> a\n2 | >>> b");
}

TEST_CASE("source: of a thousand marked lines the ends are shown, and long lines are cut") {
  std::string text;
  for (int i = 1; i <= 1000; ++i)
    text += std::to_string(i) + std::string(i == 3 ? 300 : 0, 'x') + "\n";
  const std::string shown = marked(text, {2, 1}, {999, 1});
  CHECK(shown.starts_with("\n   1 |     1\n   2 | >>> 2\n   3 | >>> 3xxx"));
  CHECK(shown.contains("xxx...\n"));
  CHECK(shown.contains("\n  16 | >>> 16\n     | >>> ...\n 984 | >>> 984\n"));
  CHECK(shown.ends_with("\n 998 | >>> 998\n 999 |     999\n1000 |     1000"));
  CHECK(shown.size() < 2000);
}

}  // namespace tare::build
