// SPDX-License-Identifier: Apache-2.0
#include "build/glob.h"

#include <algorithm>

#include "base/text.h"

namespace tare::build {
namespace {

// The number of a character; a stray byte has one above all characters.
char32_t code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  switch (character.size()) {
    case 1:
      return byte(0) < 0x80 ? byte(0) : 0x110000U + byte(0);
    case 2:
      return (byte(0) & 0x1fU) << 6 | (byte(1) & 0x3fU);
    case 3:
      return (byte(0) & 0x0fU) << 12 | (byte(1) & 0x3fU) << 6 | (byte(2) & 0x3fU);
    default:
      return (byte(0) & 0x07U) << 18 | (byte(1) & 0x3fU) << 12 | (byte(2) & 0x3fU) << 6 |
             (byte(3) & 0x3fU);
  }
}

std::unexpected<Error> bad(std::string_view why) {
  return fail(Kind::Invalid, "the pattern has " + std::string(why));
}

}  // namespace

std::vector<std::string_view> utf8_characters(std::string_view text) {
  std::vector<std::string_view> all;
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    for (std::size_t i = 1; i < length; ++i)
      if (at + i >= text.size() || (static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80)
        length = 1;
    all.push_back(text.substr(at, length));
    at += length;
  }
  return all;
}

std::string join_path(std::string_view directory, std::string_view path) {
  if (path.starts_with('/')) return clean_path(path);
  return clean_path(std::string(directory) + "/" + std::string(path));
}

Result<std::size_t> Glob::parse_class(const std::vector<std::string_view>& all, std::size_t at,
                                      Element& element) {
  element.what = Element::What::Class;
  ++at;
  if (at < all.size() && all[at] == "^") {
    element.negated = true;
    ++at;
  }
  const auto take = [&]() -> Result<char32_t> {
    if (at < all.size() && all[at] == "\\")
      ++at;
    else if (at < all.size() && (all[at] == "-" || all[at] == "]"))
      return bad("an empty range in '[...]'");
    if (at >= all.size()) return bad("a '[' without ']'");
    return code_point(all[at++]);
  };
  while (at >= all.size() || all[at] != "]" || element.ranges.empty()) {
    const char32_t low = TRY(take());
    char32_t high = low;
    if (at < all.size() && all[at] == "-") {
      ++at;
      high = TRY(take());
    }
    element.ranges.emplace_back(low, high);
  }
  return at;
}

Result<Glob> Glob::parse(std::string_view pattern, GlobStyle style) {
  using What = Element::What;
  Glob glob;
  const std::vector<std::string_view> all = utf8_characters(pattern);
  bool other_wildcards = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Element element;
    if (all[i] == "*" && style == GlobStyle::Ignore && i + 1 < all.size() && all[i + 1] == "*") {
      const bool first = i == 0;
      ++i;
      const bool last = i + 1 == all.size() || (all[i + 1] == "/" && i + 2 == all.size());
      if (i + 1 < all.size() && all[i + 1] == "/") ++i;
      element.what = last ? What::Everything : What::Folders;
      (first ? glob.any_suffix_ : other_wildcards) = true;
    } else if (all[i] == "*" || all[i] == "?") {
      element.what = all[i] == "*" ? What::Star : What::AnyCharacter;
      other_wildcards = true;
    } else if (all[i] == "[") {
      i = TRY(parse_class(all, i, element));
      other_wildcards = true;
    } else {
      other_wildcards = other_wildcards || all[i] == "\\";
      if (all[i] == "\\" && ++i == all.size()) return bad("a '\\' at its end");
      element.literal = all[i];
      if (glob.literal_) glob.prefix_ += all[i];
    }
    glob.literal_ = glob.literal_ && element.what == What::Literal;
    glob.elements_.push_back(std::move(element));
  }
  // "**text" ends so, in the middle of a name as well, but only if it has no other wildcard.
  glob.any_suffix_ = glob.any_suffix_ && !other_wildcards && glob.elements_.size() > 1;
  if (glob.any_suffix_) glob.suffix_ = pattern.substr(2);
  return glob;
}

bool Glob::in_class(const Element& element, std::string_view character) {
  const char32_t point = code_point(character);
  const bool inside = std::ranges::any_of(element.ranges, [&](const auto& range) {
    return range.first <= point && point <= range.second;
  });
  return inside != element.negated;
}

// `rest[j]` says whether what is behind `element` matches the path from character j on; the result
// says the same for `element` and what is behind it.
std::vector<char> Glob::step(const Element& element, const std::vector<std::string_view>& path,
                             const std::vector<char>& rest) {
  using What = Element::What;
  std::vector<char> fits(rest.size());
  bool in_folders = false;  // Some '/' from here on is followed by the rest.
  for (std::size_t j = path.size() + 1; j-- > 0;) {
    const bool at_end = j == path.size();
    const bool next = !at_end && rest[j + 1] != 0;
    const bool slash = !at_end && path[j] == "/";
    bool fit = rest[j] != 0;
    if (element.what == What::Literal) fit = next && path[j] == element.literal;
    if (element.what == What::AnyCharacter) fit = next && !slash;
    if (element.what == What::Class) fit = next && in_class(element, path[j]);
    if (element.what == What::Star) fit = fit || (!at_end && !slash && fits[j + 1] != 0);
    if (element.what == What::Everything) fit = fit || (!at_end && fits[j + 1] != 0);
    if (element.what == What::Folders) {
      in_folders = in_folders || (slash && next);
      fit = fit || in_folders;
    }
    fits[j] = fit ? 1 : 0;
  }
  return fits;
}

bool Glob::matches(std::string_view path) const {
  if (literal_) return path == prefix_;
  if (any_suffix_)
    return path.ends_with(suffix_) || (suffix_.starts_with('/') && path == suffix_.substr(1));
  if (!path.starts_with(prefix_)) return false;
  const std::vector<std::string_view> all = utf8_characters(path);
  std::vector<char> fits(all.size() + 1);
  fits[all.size()] = 1;
  for (std::size_t i = elements_.size(); i-- > 0;) fits = step(elements_[i], all, fits);
  return fits[0] != 0;
}

bool has_wildcards(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '*' || path[i] == '?' || path[i] == '[') return true;
    if (path[i] == '\\') ++i;
  }
  return false;
}

std::pair<std::string, std::string> split_wildcards(std::string_view path) {
  std::vector<std::string> parts = split(path, '/');
  const auto first = std::ranges::find_if(parts, has_wildcards);
  std::vector<std::string> above(parts.begin(), first);
  std::vector<std::string> below(first, parts.end());
  return {join(above, "/"), join(below, "/")};
}

}  // namespace tare::build
