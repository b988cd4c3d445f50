// SPDX-License-Identifier: Apache-2.0
#include "build/conditions.h"

#include <algorithm>

#include "base/text.h"
#include "build/line_words.h"

namespace tare::build {
namespace {

std::unexpected<Error> wrong(std::string what) {
  return std::unexpected(Error(Kind::Invalid, std::move(what))
                             .hint("a condition is A, A == B, A != B or A IN B C, with NOT, AND "
                                   "and OR between"));
}

class Condition {
 public:
  Condition(const std::vector<Piece>& words, const Lookup& lookup, char escape)
      : words_(words), lookup_(lookup), escape_(escape) {}

  Result<bool> run() {
    const bool holds = TRY(either());
    if (at_ < words_.size()) return wrong(quoted(words_[at_].text) + " has no place in it");
    return holds;
  }

 private:
  bool next_is(std::string_view word) const {
    return at_ < words_.size() && words_[at_].text == word;
  }
  bool skip(std::string_view word) {
    const bool is = next_is(word);
    if (is) ++at_;
    return is;
  }
  bool at_end_of_list() const { return at_ == words_.size() || next_is("AND") || next_is("OR"); }

  Result<bool> either() {
    bool holds = TRY(both());
    while (skip("OR")) {
      const bool other = TRY(both());
      holds = holds || other;
    }
    return holds;
  }

  Result<bool> both() {
    bool holds = TRY(one());
    while (skip("AND")) {
      const bool other = TRY(one());
      holds = holds && other;
    }
    return holds;
  }

  Result<bool> one() {
    bool negated = false;
    while (skip("NOT")) negated = !negated;
    const std::string left = TRY(value());
    bool holds = !left.empty() && left != "0" && left != "false";
    if (skip("==")) {
      const std::string right = TRY(value());
      holds = left == right;
    } else if (skip("!=")) {
      const std::string right = TRY(value());
      holds = left != right;
    } else if (skip("IN")) {
      holds = false;
      if (at_end_of_list()) return wrong("there is nothing behind IN");
      while (!at_end_of_list()) {
        const std::string member = TRY(value());
        holds = holds || member == left;
      }
    }
    return holds != negated;
  }

  Result<std::string> value() {
    if (at_end_of_list()) return wrong("there is no value where one belongs");
    Expansion expansion = TRY(expand(words_[at_].text, lookup_, {.escape = escape_}));
    ++at_;
    return std::move(expansion.text);
  }

  const std::vector<Piece>& words_;
  const Lookup& lookup_;
  char escape_;
  std::size_t at_ = 0;
};

}  // namespace

Result<bool> evaluate_condition(std::string_view text, const Lookup& lookup, char escape) {
  // Cut before variables are replaced: a value is one value whatever is in it.
  const std::vector<Piece> words = split_quoted_words(text, {0, text.size(), ""}, escape);
  return Condition(words, lookup, escape).run();
}

Result<Parameter> read_parameter(std::string_view text, const Lookup& lookup, char escape) {
  const std::size_t equals = text.find('=');
  const std::string_view head = trim(text.substr(0, equals));
  const auto typed = split_once(head, ':');
  Parameter parameter{.name = std::string(trim(typed ? typed->first : head))};
  if (typed) parameter.type = trim(typed->second);
  const auto fits = [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (parameter.name.empty() || !std::ranges::all_of(parameter.name, fits) ||
      parameter.type.empty())
    return std::unexpected(Error(Kind::Invalid, quoted(head) + " is no parameter")
                               .hint("write PARAM NAME:number=3; types are string, number, bool "
                                     "and choices like a|b|c"));
  if (equals == std::string_view::npos) return parameter;
  Expansion value = TRY(expand(trim(text.substr(equals + 1)), lookup, {.escape = escape}));
  parameter.value = std::move(value.text);
  return parameter;
}

Result<> check_parameter(const Parameter& parameter) {
  const std::string& value = *parameter.value;
  const auto refuse = [&](const std::string& what) {
    return fail(Kind::Invalid, "the parameter " + quoted(parameter.name) + " is " + what +
                                   ", not " + quoted(value));
  };
  if (value.find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos)
    return refuse("of one line");
  if (parameter.type == "string") return {};
  if (parameter.type == "number") return parse_i64(value) ? Result<>() : refuse("a whole number");
  if (parameter.type == "bool")
    return value == "true" || value == "false" ? Result<>() : refuse("true or false");
  const std::vector<std::string> choices = split(parameter.type, '|');
  if (choices.size() < 2) return fail(Kind::Invalid, "there is no type " + quoted(parameter.type));
  if (std::ranges::find(choices, value) == choices.end())
    return refuse("one of " + join(choices, ", "));
  return {};
}

}  // namespace tare::build
