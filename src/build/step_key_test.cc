// SPDX-License-Identifier: Apache-2.0
#include "build/step_key.h"

#include <doctest/doctest.h>

namespace tare::build {
namespace {

StepKey key(const std::vector<std::pair<std::string, std::string>>& parts) {
  StepKey made;
  for (const auto& [name, value] : parts) made.add(name, value);
  return made;
}

}  // namespace

TEST_CASE("step key: depends on every name and value, and not on their order") {
  const Digest one = key({{"a", "1"}, {"b", "2"}}).digest();
  CHECK(key({{"b", "2"}, {"a", "1"}}).digest() == one);
  CHECK(key({{"a", "1"}, {"b", "3"}}).digest() != one);
  CHECK(key({{"a", "1"}, {"c", "2"}}).digest() != one);
  CHECK(key({{"a", "1"}}).digest() != one);
  // What ends one part does not begin the next.
  CHECK(key({{"a", "1\nb\t2"}}).digest() != one);
  const std::string long_one(1000, 'x');
  CHECK(key({{"a", long_one + "1"}}).digest() != key({{"a", long_one + "2"}}).digest());
}

TEST_CASE("step key: says what has changed, and the file system last") {
  const StepKey now = key({{"files", "sha256:1"}, {"src/main.c", "sha256:a"}, {"variable X", "2"}});
  CHECK(now.difference({}).empty());
  CHECK(now.difference(now.parts()) == "its result is not kept any more");
  auto before = now.parts();
  before["files"] = "sha256:0";
  CHECK(now.difference(before) == "what it stands on changed");
  before["src/main.c"] = "sha256:b";
  CHECK(now.difference(before) == "src/main.c changed");
  before["src/main.c"] = "sha256:a";
  before["variable X"] = "1";
  CHECK(now.difference(before) == "variable X: 1 -> 2");
  before.erase("variable X");
  CHECK(now.difference(before) == "variable X is new");
  before["variable X"] = "2";
  before["files"] = "sha256:1";
  before["gone"] = "1";
  CHECK(now.difference(before) == "gone is gone");
}

TEST_CASE("step notes: those of this build are what the next one compares with") {
  StepNotes first = StepNotes::parse("");
  CHECK(first.before("a#1").empty());
  first.note("a#1", key({{"x", "1\n\""}}));
  const StepNotes second = StepNotes::parse(first.print());
  CHECK(second.before("a#1") == std::map<std::string, std::string>{{"x", "1\n\""}});
  CHECK(second.before("a#2").empty());
  StepNotes other = StepNotes::parse(first.print());
  other.keep_to("another");
  CHECK(other.before("a#1").empty());
  other.note("a#1", key({{"x", "2"}}));
  StepNotes same = StepNotes::parse(other.print());
  same.keep_to("another");
  CHECK(same.before("a#1") == std::map<std::string, std::string>{{"x", "2"}});
  CHECK(StepNotes::parse("{ broken").before("a#1").empty());
}

}  // namespace tare::build
