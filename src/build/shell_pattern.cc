// SPDX-License-Identifier: Apache-2.0
#include "build/shell_pattern.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"
#include "build/glob.h"

namespace tare::build {
namespace {

struct Element {
  enum class What : std::uint8_t { Literal, AnyCharacter, AnyText } what;
  std::string_view character;  // Of a literal.
};

Result<std::vector<Element>> compile(std::string_view pattern) {
  std::vector<Element> elements;
  const std::vector<std::string_view> all = utf8_characters(pattern);
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::string_view character = all[i];
    if (character == "*") {
      if (elements.empty() || elements.back().what != Element::What::AnyText)
        elements.push_back({Element::What::AnyText, {}});
      continue;
    }
    if (character == "?") {
      elements.push_back({Element::What::AnyCharacter, {}});
      continue;
    }
    if (character == "\\") {
      const std::string_view next = i + 1 < all.size() ? all[i + 1] : std::string_view();
      // '}' and '/' had to be escaped to get here, which says nothing about the pattern.
      if (next != "}" && next != "/" && next != "*" && next != "?" && next != "\\")
        return fail(Kind::Invalid, "the pattern " + quoted(pattern) + " has '\\' before " +
                                       (next.empty() ? "its end" : quoted(next)));
      character = next;
      ++i;
    }
    elements.push_back({Element::What::Literal, character});
  }
  return elements;
}

// A quarter of a second or so, whatever the pattern and the value.
constexpr std::size_t kMaxSteps = 1 << 27;
constexpr std::size_t kMaxBytes = 1 << 20;  // Of a result.

std::unexpected<Error> too_long() {
  return fail(Kind::Invalid, "the pattern takes too long on a value of this length");
}

// The end of the shortest or longest match that begins at `from`: all ways through the pattern are
// followed at once, one character at a time. Nothing once `steps` are used up.
std::optional<std::size_t> match_at(const std::vector<Element>& pattern,
                                    const std::vector<std::string_view>& text, std::size_t from,
                                    Match match, std::size_t& steps) {
  using What = Element::What;
  std::vector<char> at(pattern.size() + 1);  // at[i]: the first i elements have matched.
  std::vector<char> next(at.size());
  const auto skip_empty = [&](std::vector<char>& states) {
    for (std::size_t i = 0; i < pattern.size(); ++i)
      if (states[i] != 0 && pattern[i].what == What::AnyText) states[i + 1] = 1;
  };
  at[0] = 1;
  skip_empty(at);
  std::optional<std::size_t> end;
  for (std::size_t place = from;; ++place) {
    if (at.back() != 0) {
      end = place;
      if (match == Match::Shortest) return end;
    }
    if (place == text.size() || std::ranges::count(at, 1) == 0) return end;
    steps += at.size();
    if (steps > kMaxSteps) return std::nullopt;
    std::ranges::fill(next, 0);
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (at[i] == 0) continue;
      if (pattern[i].what == What::Literal ? pattern[i].character != text[place]
                                           : text[place] == "\n")
        continue;
      next[pattern[i].what == What::AnyText ? i : i + 1] = 1;
    }
    skip_empty(next);
    at.swap(next);
  }
}

std::string joined(const std::vector<std::string_view>& parts, std::size_t from, std::size_t to) {
  std::string out;
  for (std::size_t i = from; i < to; ++i) out += parts[i];
  return out;
}

}  // namespace

Result<std::string> without_prefix(std::string_view value, std::string_view pattern, Match match) {
  const std::vector<Element> elements = TRY(compile(pattern));
  const std::vector<std::string_view> text = utf8_characters(value);
  std::size_t steps = 0;
  const std::optional<std::size_t> end = match_at(elements, text, 0, match, steps);
  if (steps > kMaxSteps) return too_long();
  return joined(text, end.value_or(0), text.size());
}

Result<std::string> without_suffix(std::string_view value, std::string_view pattern, Match match) {
  std::vector<Element> elements = TRY(compile(pattern));
  std::vector<std::string_view> text = utf8_characters(value);
  std::ranges::reverse(elements);
  std::ranges::reverse(text);
  std::size_t steps = 0;
  const std::optional<std::size_t> end = match_at(elements, text, 0, match, steps);
  if (steps > kMaxSteps) return too_long();
  text.erase(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end.value_or(0)));
  std::ranges::reverse(text);
  return joined(text, 0, text.size());
}

Result<std::string> with_replaced(std::string_view value, std::string_view pattern,
                                  std::string_view replacement, bool all) {
  const std::vector<Element> elements = TRY(compile(pattern));
  const std::vector<std::string_view> text = utf8_characters(value);
  std::string out;
  std::size_t at = 0;
  std::size_t steps = 0;
  bool after_match = false;
  while (at <= text.size()) {
    const std::optional<std::size_t> end = match_at(elements, text, at, Match::Longest, steps);
    if (steps > kMaxSteps) return too_long();
    if (out.size() > kMaxBytes) return fail(Kind::Invalid, "it expands to more than 1 MiB");
    // An empty match right behind another match is none. [Go regexp.ReplaceAllString]
    if (end && !(after_match && *end == at)) {
      out += replacement;
      after_match = *end > at;
      if (!all) return out + joined(text, *end, text.size());
      if (*end > at) {
        at = *end;
        continue;
      }
    }
    if (at < text.size()) out += text[at];
    after_match = false;
    ++at;
  }
  return out;
}

}  // namespace tare::build
