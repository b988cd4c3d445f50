// SPDX-License-Identifier: Apache-2.0
// A text that a person wrote, and places in it: what errors and warnings point at.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tare::build {

// Both count from 1; the column counts bytes. {0, 0} is "nowhere": what no text has.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  auto operator<=>(const Position&) const = default;
};

// `end` is the place behind the last byte.
struct Range {
  Position begin;
  Position end;
  bool operator==(const Range&) const = default;
};

// A piece of a text and where it stood. `text` is not always what stands there: quotes and
// continuations may have been taken out.
struct Text {
  std::string text;
  Range range;
  bool empty() const { return text.empty(); }
};

class Source {
 public:
  // `name` is what errors call it ("Dockerfile", "- (standard input)").
  Source(std::string name, std::string text);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  std::uint32_t lines() const { return static_cast<std::uint32_t>(starts_.size()); }
  // Without its line end; empty for a number that is not a line.
  std::string_view line(std::uint32_t number) const;
  // `offset` in bytes from the start of the text; what is behind the end is the end.
  Position position(std::size_t offset) const;

  // "NAME:LINE:COLUMN: what", below it the line with the place marked. Kind Invalid.
  Error error(const Range& where, std::string_view what) const;

 private:
  std::string name_;
  std::string text_;
  std::vector<std::size_t> starts_;  // Of each line.
};

using SourcePtr = std::shared_ptr<const Source>;

// The line of `where` as it is shown below messages: its number, its text escaped and cut around
// the place, and a line of carets below. Two lines, each with a line feed before it. A place of
// several lines is shown with ">>>" before each of them, and with some lines around.
// [observed: docker build 28]
std::string marked_line(const Source& source, const Range& where);

}  // namespace tare::build
