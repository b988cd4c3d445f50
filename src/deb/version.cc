// SPDX-License-Identifier: Apache-2.0
#include "deb/version.h"

#include <algorithm>

namespace tare::deb {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

struct Parts {
  std::string_view epoch;
  std::string_view upstream;
  std::string_view revision;
};

Parts parts_of(std::string_view text) {
  Parts parts;
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    parts.epoch = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  const std::size_t hyphen = text.rfind('-');
  parts.upstream = text.substr(0, hyphen);
  if (hyphen != std::string_view::npos) parts.revision = text.substr(hyphen + 1);
  return parts;
}

// '~' before the end, the end before letters, letters before all others.
int rank(std::string_view text) {
  if (text.empty() || is_digit(text[0])) return 0;
  const char c = text[0];
  if (c == '~') return -1;
  return static_cast<unsigned char>(c) + (is_letter(c) ? 0 : 256);
}

std::string_view take_number(std::string_view& text) {
  while (!text.empty() && text[0] == '0') text.remove_prefix(1);
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const std::string_view number = text.substr(0, count);
  text.remove_prefix(count);
  return number;
}

int compare_numbers(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
  return left.compare(right);
}

// Text that is no number and numbers by turns.
int compare_part(std::string_view left, std::string_view right) {
  while (!left.empty() || !right.empty()) {
    while ((!left.empty() && !is_digit(left[0])) || (!right.empty() && !is_digit(right[0]))) {
      const int difference = rank(left) - rank(right);
      if (difference != 0) return difference;
      left.remove_prefix(1);
      right.remove_prefix(1);
    }
    const std::string_view number = take_number(left);
    if (const int difference = compare_numbers(number, take_number(right))) return difference;
  }
  return 0;
}

}  // namespace

bool is_version(std::string_view text) {
  const Parts parts = parts_of(text);
  const auto fits = [](char c) {
    return is_digit(c) || is_letter(c) ||
           std::string_view("+.~-:").find(c) != std::string_view::npos;
  };
  const bool has_epoch = text.find(':') != std::string_view::npos;
  if (has_epoch && (parts.epoch.empty() || !std::ranges::all_of(parts.epoch, is_digit)))
    return false;
  return !parts.upstream.empty() && std::ranges::all_of(text, fits);
}

int compare_versions(std::string_view left, std::string_view right) {
  const Parts a = parts_of(left);
  const Parts b = parts_of(right);
  if (const int difference = compare_part(a.epoch, b.epoch)) return difference;
  if (const int difference = compare_part(a.upstream, b.upstream)) return difference;
  return compare_part(a.revision, b.revision);
}

}  // namespace tare::deb
