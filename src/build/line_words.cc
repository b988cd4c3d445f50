// SPDX-License-Identifier: Apache-2.0
#include "build/line_words.h"

#include <algorithm>

#include "base/text.h"
#include "codec/json.h"

namespace tare::build {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::size_t skip_spaces(std::string_view line, std::size_t at) {
  while (at < line.size() && is_space(line[at])) ++at;
  return at;
}

Piece trimmed(std::string_view line, std::size_t begin, std::size_t end) {
  begin = std::min(begin, end);
  while (begin < end && is_space(line[begin])) ++begin;
  while (end > begin && is_space(line[end - 1])) --end;
  return {begin, end, std::string(line.substr(begin, end - begin))};
}

// A flag: to the next space outside of quotes, which are taken off.
Piece take_flag(std::string_view line, std::size_t at, char escape) {
  Piece flag{.begin = at};
  char quote = '\0';
  for (; at < line.size(); ++at) {
    const char c = line[at];
    if (quote == '\0' && is_space(c)) break;
    if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = '\0';
    } else if (c != escape) {
      flag.text += c;
    } else if (at + 1 < line.size()) {
      flag.text += line[++at];
    }
  }
  flag.end = at;
  return flag;
}

}  // namespace

LineParts split_parts(std::string_view line, char escape, std::size_t from) {
  LineParts parts;
  std::size_t at = skip_spaces(line, from);
  const std::size_t begin = at;
  while (at < line.size() && !is_space(line[at])) ++at;
  parts.keyword = {begin, at, std::string(line.substr(begin, at - begin))};
  for (at = skip_spaces(line, at); line.substr(at).starts_with("--");) {
    Piece flag = take_flag(line, at, escape);
    at = skip_spaces(line, flag.end);
    if (flag.text == "--") break;
    parts.flags.push_back(std::move(flag));
  }
  parts.arguments = trimmed(line, at, line.size());
  return parts;
}

std::vector<Piece> split_words(std::string_view line, const Piece& within) {
  std::vector<Piece> words;
  for (std::size_t at = within.begin; at < within.end;) {
    std::size_t end = at;
    while (end < within.end && !is_space(line[end])) ++end;
    if (end > at) words.push_back({at, end, std::string(line.substr(at, end - at))});
    at = end + 1;
  }
  return words;
}

std::vector<Piece> split_quoted_words(std::string_view line, const Piece& within, char escape) {
  std::vector<Piece> words;
  for (std::size_t at = within.begin; at < within.end; ++at) {
    if (is_space(line[at])) continue;
    Piece word{.begin = at};
    char quote = '\0';
    for (; at < within.end && (quote != '\0' || !is_space(line[at])); ++at) {
      const char c = line[at];
      // Nothing can be escaped in single quotes.
      if (c == escape && quote != '\'') {
        if (at + 1 == within.end) continue;  // One at the very end is left out.
        word.text += c;
        word.text += line[++at];
        continue;
      }
      if (c == quote)
        quote = '\0';
      else if (quote == '\0' && (c == '\'' || c == '"'))
        quote = c;
      word.text += c;
    }
    word.end = at;
    if (!word.text.empty()) words.push_back(std::move(word));
  }
  return words;
}

Result<std::optional<std::vector<std::string>>> parse_json_form(std::string_view text) {
  using Strings = std::optional<std::vector<std::string>>;
  text = trim(text);
  if (!text.starts_with('[')) return Strings();
  const Result<json::Value> value = json::parse(text);
  if (!value || !value->is_array()) return Strings();
  std::vector<std::string> strings;
  for (const json::Value& member : value->as_array()) {
    if (!member.is_string())
      return fail(Kind::Invalid, "the JSON form is a list of strings, and " +
                                     quoted(json::print(member)) + " is none");
    if (member.as_string().contains('\0'))
      return fail(Kind::Invalid, "a string of the JSON form has a NUL byte");
    strings.push_back(member.as_string());
  }
  return Strings(std::move(strings));
}

bool takes_heredocs(std::string_view line, char escape) {
  LineParts parts = split_parts(line, escape);
  std::string keyword = lower(parts.keyword.text);
  if (keyword == "onbuild") {
    parts = split_parts(line, escape, parts.arguments.begin);
    keyword = lower(parts.keyword.text);
  }
  if (keyword != "run" && keyword != "copy" && keyword != "add") return false;
  const auto form = parse_json_form(parts.arguments.text);
  return form && !*form;
}

}  // namespace tare::build
