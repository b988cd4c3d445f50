// SPDX-License-Identifier: Apache-2.0
#include "build/ignore.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::build;

// Which files each rule leaves is in tests/dockerfile/recorded, beside Docker.
TEST_CASE("glob: paths as Go matches them") {
  struct Case {
    const char* pattern;
    const char* path;
    bool matches;
  };
  const Case cases[] = {
      {"abc", "abc", true},
      {"*", "abc", true},
      {"*c", "abc", true},
      {"a*", "ab/c", false},
      {"a*/b", "a/c/b", false},
      {"a*b*c*d/f", "axbxcxd/f", true},
      {"a?c", "abc", true},
      {"a?c", "a/c", false},
      {"?", "\xc3\xa4", true},
      {"ab[c]", "abc", true},
      {"ab[b-d]", "abc", true},
      {"ab[^c]", "abc", false},
      {"ab[^e-g]", "abc", true},
      {"a\\*b", "a*b", true},
      {"a\\*b", "ab", false},
      {"[\\]a]", "]", true},
      {"[\\-x]", "-", true},
      {"[x\\-]", "z", false},
      {"[\xc3\xa0-\xc3\xbc]", "\xc3\xa4", true},
      {"**", "a/b", false},
      {"", "", true},
      {"*", "", true},
      {"a[^a]b", "a/b", true},
  };
  for (const Case& one : cases) {
    CAPTURE(one.pattern);
    CAPTURE(one.path);
    CHECK(Glob::parse(one.pattern)->matches(one.path) == one.matches);
  }
  for (const char* const bad : {"[", "[]a]", "[-]", "[x-]", "[-x]", "a[", "[a-", "a\\", "[\\"}) {
    CAPTURE(bad);
    CHECK_FALSE(Glob::parse(bad).has_value());
  }
}

TEST_CASE("glob: folders and text before wildcards") {
  using Pair = std::pair<std::string, std::string>;
  CHECK(split_wildcards("a/b*/c") == Pair("a", "b*/c"));
  CHECK(split_wildcards("a/b") == Pair("a/b", ""));
  CHECK(split_wildcards("*") == Pair("", "*"));
  CHECK(has_wildcards("a[b"));
  CHECK_FALSE(has_wildcards("a\\*b"));
  CHECK(Glob::parse("src/\\*x*.c")->literal_prefix() == "src/*x");
}

TEST_CASE("glob: paths are cleaned as Go cleans them") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "."},        {"/", "/"},      {"a//b/", "a/b"}, {"./a", "a"},          {"a/../b", "b"},
      {"../a", "../a"}, {"/../a", "/a"}, {"a/..", "."},    {"a/b/../../..", ".."}};
  for (const auto& [path, clean] : cases) CHECK(clean_path(path) == clean);
  CHECK(join_path("/a", "b/../c") == "/a/c");
  CHECK(join_path("/a", "/b") == "/b");
}

TEST_CASE("ignore: errors, exceptions and places to look") {
  const auto bad = IgnoreRules::parse(Source(".dockerignore", "a\n  [b\n"));
  CHECK(bad.error().message().starts_with(".dockerignore:2:1: the pattern has a '[' without ']'"));
  const auto alone = IgnoreRules::parse(Source(".dockerignore", "!"));
  CHECK(alone.error().message().starts_with(".dockerignore:1:1: there is no pattern behind '!'"));
  const auto rules = IgnoreRules::from_patterns({"*", "!src/*.c", "!doc/a"});
  CHECK(rules->has_exceptions());
  CHECK(rules->may_except_below("src"));
  CHECK(rules->may_except_below("doc"));
  CHECK_FALSE(rules->may_except_below("srcs"));
  CHECK_FALSE(rules->may_except_below("doc/a"));
  CHECK(rules->ignores_all());
  CHECK(ignore_files("sub/My.Dockerfile")[0] == "sub/My.Dockerfile.dockerignore");
}
