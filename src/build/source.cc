// SPDX-License-Identifier: Apache-2.0
#include "build/source.h"

#include <algorithm>

#include "base/text.h"

namespace tare::build {
namespace {

constexpr std::size_t kShownBefore = 80;  // Bytes of a long line before the place.
constexpr std::size_t kShownAll = 140;
// Lines before and behind marked ones; at each end of many marked ones.
constexpr std::uint32_t kLinesAround = 2;
constexpr std::uint32_t kLinesOfEnd = 15;

bool continues_utf8(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// How many columns of a terminal `text` takes, taking every character for one column.
std::size_t columns(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues_utf8));
}

}  // namespace

Source::Source(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)) {
  starts_.push_back(0);
  for (std::size_t at = 0; (at = text_.find('\n', at)) != std::string::npos;)
    starts_.push_back(++at);
}

std::string_view Source::line(std::uint32_t number) const {
  if (number == 0 || number > starts_.size()) return {};
  const std::size_t begin = starts_[number - 1];
  std::string_view text = std::string_view(text_).substr(begin);
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

Position Source::position(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto next = std::ranges::upper_bound(starts_, offset);
  const auto line = static_cast<std::size_t>(next - starts_.begin());
  return {.line = static_cast<std::uint32_t>(line),
          .column = static_cast<std::uint32_t>(offset - starts_[line - 1] + 1)};
}

namespace {

std::string shown_line(const Source& source, std::uint32_t number, std::size_t width, bool marked) {
  const std::string_view whole = source.line(number);
  std::size_t to = std::min(whole.size(), kShownAll);
  while (to < whole.size() && continues_utf8(whole[to])) ++to;
  const std::string digits = std::to_string(number);
  std::string text = escaped(whole.substr(0, to)) + (to < whole.size() ? "..." : "");
  text =
      std::string(width - digits.size(), ' ') + digits + " | " + (marked ? ">>> " : "    ") + text;
  return "\n" + text.substr(0, text.find_last_not_of(' ') + 1);
}

// Of many marked lines the first and the last.
std::string marked_lines(const Source& source, std::uint32_t first, std::uint32_t last) {
  const std::uint32_t from = first > kLinesAround ? first - kLinesAround : 1;
  std::uint32_t to = std::min(source.lines(), last + kLinesAround);
  // Behind the last line feed there is no line.
  if (to > last && to == source.lines() && source.line(to).empty()) --to;
  const std::size_t width = std::to_string(to).size();
  std::string out;
  for (std::uint32_t number = from; number <= to; ++number) {
    if (number == first + kLinesOfEnd && last - first > 2 * kLinesOfEnd) {
      number = last - kLinesOfEnd + 1;
      out += "\n" + std::string(width, ' ') + " | >>> ...";
    }
    out += shown_line(source, number, width, number >= first && number <= last);
  }
  return out;
}

}  // namespace

std::string marked_line(const Source& source, const Range& where) {
  // An end at the beginning of a line is that of the line before.
  const std::uint32_t last = where.end.line - (where.end.column <= 1 && where.end.line > 0 ? 1 : 0);
  if (last > where.begin.line) return marked_lines(source, where.begin.line, last);
  const std::string_view whole = source.line(where.begin.line);
  const std::size_t begin =
      std::min<std::size_t>(where.begin.column == 0 ? 0 : where.begin.column - 1, whole.size());
  std::size_t end = where.end.line == where.begin.line ? where.end.column - 1 : whole.size();
  end = std::clamp(end, begin, whole.size());
  std::size_t from = begin > kShownBefore ? begin - kShownBefore : 0;
  while (from > 0 && from < begin && continues_utf8(whole[from])) ++from;
  std::size_t to = std::min(whole.size(), from + kShownAll);
  while (to < whole.size() && continues_utf8(whole[to])) ++to;
  end = std::min(end, to);

  const std::string number = std::to_string(where.begin.line);
  const std::string before = (from > 0 ? "..." : "") + escaped(whole.substr(from, begin - from));
  const std::string marked = escaped(whole.substr(begin, end - begin));
  std::string out = "\n" + number + " | " + before + marked + escaped(whole.substr(end, to - end));
  if (to < whole.size()) out += "...";
  out += "\n" + std::string(number.size(), ' ') + " | " + std::string(columns(before), ' ');
  return out + std::string(std::max<std::size_t>(columns(marked), 1), '^');
}

Error Source::error(const Range& where, std::string_view what) const {
  std::string place = name_;
  if (where.begin.line != 0)
    place += ":" + std::to_string(where.begin.line) + ":" + std::to_string(where.begin.column);
  std::string message = place + ": " + std::string(what);
  if (where.begin.line != 0) message += marked_line(*this, where);
  return {Kind::Invalid, std::move(message)};
}

}  // namespace tare::build
