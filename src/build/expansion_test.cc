// SPDX-License-Identifier: Apache-2.0
#include "build/expansion.h"

#include <doctest/doctest.h>

#include "build/shell_pattern.h"

using namespace tare;
using namespace tare::build;

namespace {

std::optional<std::string> variables(std::string_view name) {
  if (name == "x") return "value";
  if (name == "e") return "";
  if (name == "p") return "a.b.c";
  if (name == "w") return "one two";
  if (name == "big") return std::string(300'000, 'a');
  return std::nullopt;
}

std::string expanded(std::string_view text, const ExpandOptions& options = {}) {
  const auto result = expand(text, variables, options);
  return result ? result->text : "error: " + result.error().message();
}

using Words = std::vector<std::string>;

}  // namespace

// What each form gives is in tests/dockerfile/recorded as well, beside Docker.
TEST_CASE("expansion: variables, quotes and escapes") {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"plain text", "plain text"},
      {"$x", "value"},
      {"a${x}b", "avalueb"},
      {"$x$n$x", "valuevalue"},
      {"${n:-d}${e:-d}${e-d}", "dd"},
      {"${x:+a}${e:+a}${e+a}${n+a}", "aa"},
      {"${n:-${n:-${x}}}", "value"},
      {"${p##*.} ${p#*.} ${p%%.*} ${p%.*}", "c b.c a a.b"},
      {"${p/./-} ${p//./-}", "a-b.c a-b-c"},
      {"'$x' \"$x\" \\$x", "$x value $x"},
      {"'it''s' \"q\\\"q\"", "its q\"q"},
      {"\"a\\b\\\\c\"", "a\\b\\c"},
      {"$ $$ $", "$  $"},
      {"a\\", "a"},
  };
  for (const auto& [text, result] : cases) {
    CAPTURE(text);
    CHECK(expanded(text) == result);
  }
}

TEST_CASE("expansion: what is wrong is said") {
  const std::pair<const char*, const char*> cases[] = {
      {"${x", "error: there is no '}' of '${' to the end"},
      {"${", "error: there is no '}' of '${' to the end"},
      {"${}", "error: there is no name between '${' and '}'"},
      {"${x:=1}", "error: '${x:=' is not a form that variables have"},
      {"${x^}", "error: '${x^' is not a form that variables have"},
      {"${n:?}", "error: n: must be set"},
      {"${e:?}", "error: e: must not be empty"},
      {"${n?give it}", "error: n: give it"},
      {"'a", "error: there is no single quote to the end"},
      {"\"a", "error: there is no double quote to the end"},
      {"${p/a", "error: there is no '/' to the end"},
      {"${p#\\a}", "error: the pattern '\\a' has '\\' before 'a'"},
  };
  for (const auto& [text, result] : cases) {
    CAPTURE(text);
    CHECK(expanded(text) == result);
  }
}

TEST_CASE("expansion: words are cut at spaces that are not quoted") {
  const std::pair<const char*, Words> cases[] = {
      {" a  b ", {"a", "b"}},        {"'a b' c\"d e\"f", {"a b", "cd ef"}},
      {"a\\ b c", {"a b", "c"}},     {"x$w y", {"xone", "two", "y"}},
      {"\"$w\"", {"one two"}},       {"$n", {}},
      {"<< EOF x", {"<< EOF", "x"}},
  };
  for (const auto& [text, words] : cases) {
    CAPTURE(text);
    const auto result = expand(text, variables);
    REQUIRE(result.has_value());
    CHECK(result->words == words);
  }
}

TEST_CASE("expansion: options") {
  CHECK(expanded("'a' \"$x\"", {.keep_quotes = true}) == "'a' \"value\"");
  CHECK(expanded("a\\b", {.keep_escapes = true}) == "a\\b");
  CHECK(expanded("'$x\" \\$x", {.quotes_are_text = true}) == "'value\" $x");
  CHECK(expanded("$n ${n} ${n:-a} $x", {.keep_unset = true}) == "$n ${n} ${n:-a} value");
  CHECK(expanded("a`$x c\\d", {.escape = '`'}) == "a$x c\\d");
  const auto used = expand("$x ${n:-$x} $e", variables);
  REQUIRE(used.has_value());
  CHECK(used->found == std::set<std::string>{"e", "x"});
  CHECK(used->unset == std::set<std::string>{"n"});
}

TEST_CASE("expansion: nothing grows without end") {
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "${n:-";
  CHECK(expanded(deep + std::string(200, '}')) == "error: variables are nested more than 64 deep");
  CHECK(expanded("$big$big$big$big$big") == "error: it expands to more than 1 MiB");
  CHECK(expanded("${big//a/aaaaa}") == "error: it expands to more than 1 MiB");
  CHECK(expanded("${big//?*b/x}") == "error: the pattern takes too long on a value of this length");
}

TEST_CASE("shell patterns: shortest and longest") {
  CHECK(*without_prefix("abcabc", "*b", Match::Shortest) == "cabc");
  CHECK(*without_prefix("abcabc", "*b", Match::Longest) == "c");
  CHECK(*without_prefix("abc", "b", Match::Longest) == "abc");
  CHECK(*without_prefix("\xc3\xa4x", "?", Match::Shortest) == "x");
  CHECK(*without_suffix("abcabc", "b*", Match::Shortest) == "abca");
  CHECK(*without_suffix("abcabc", "b*", Match::Longest) == "a");
  CHECK(*without_suffix("a*", "\\*", Match::Longest) == "a");
  CHECK(*with_replaced("aaa", "a", "b", false) == "baa");
  CHECK(*with_replaced("abc", "*", "-", true) == "-");
  CHECK(*with_replaced("abc", "", "-", true) == "-a-b-c-");
  CHECK(*with_replaced("", "*", "-", true) == "-");
}
