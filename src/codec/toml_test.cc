// SPDX-License-Identifier: Apache-2.0
#include "codec/toml.h"

#include <doctest/doctest.h>

namespace tare {
namespace {

std::string printed(std::string_view text) {
  const auto value = toml::parse(text);
  return value ? json::print(*value) : value.error().message();
}

TEST_CASE("toml: tables, lists of tables, values") {
  CHECK(printed("a = 1\nb = \"x\\ty\"  # why\nc = 'C:\\d'\n") ==
        R"({"a":1,"b":"x\ty","c":"C:\\d"})");
  CHECK(printed("l = [\n  'a', # first\n  true,\n]\n") == R"({"l":["a",true]})");
  CHECK(printed("[[r]]\nx = 1\n[[r.m]]\ny = 2\n[[r.m]]\ny = 3\n[[r]]\nx = 4\n") ==
        R"({"r":[{"x":1,"m":[{"y":2},{"y":3}]},{"x":4}]})");
  CHECK(printed("[t.\"a b\"]\nx.y = {z = 1, w = []}\n") ==
        R"({"t":{"a b":{"x":{"y":{"z":1,"w":[]}}}}})");
}

TEST_CASE("toml: what is wrong is told with its line") {
  CHECK(printed("a = 1\na = 2\n") == "line 2: 'a' comes twice");
  CHECK(printed("a = \"x\n").starts_with("line 1: a text has no end"));
  CHECK(printed("\n\na 1\n").starts_with("line 3: there is no '='"));
  CHECK(printed("a = 1 b = 2\n") == "line 1: there is more than a line may have");
  CHECK(printed("[a\n").starts_with("line 1: a bracket"));
  CHECK(printed("a = 1.5\n").starts_with("line 1: '1.5' is not"));
  CHECK(printed("a = 1\n[[a]]\n") == "line 2: 'a' is no list of tables");
  CHECK(printed("a = " + std::string(100, '[')).find("nested too deeply") != std::string::npos);
}

}  // namespace
}  // namespace tare
