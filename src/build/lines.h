// SPDX-License-Identifier: Apache-2.0
// From the text of a Dockerfile to its logical lines: continuations joined, comments taken out,
// the bodies of heredocs collected. [BuildKit frontend 1.20, reference.md "Format"]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build/source.h"

namespace tare::build {

// "<<EOF", "<<-EOF", "3<<'EOF'".
struct Heredoc {
  std::string name;         // Without quotes.
  unsigned descriptor = 0;  // The number before "<<".
  bool expand = true;       // The name was not quoted.
  bool strip_tabs = false;  // "<<-"
  std::string content;      // As it stands there, with the tabs; with a line feed at the end.
  Range range;              // Of the body, without the line that ends it.
};
// What a program gets to read: without leading tabs where "<<-" says so.
std::string heredoc_text(const Heredoc& heredoc);
// `word` as the mark of a heredoc; nullopt when it is none. `content` and `range` are empty.
std::optional<Heredoc> parse_heredoc_mark(std::string_view word);

struct LogicalLine {
  SourcePtr source;
  std::string text;                    // No spaces at either end. Never empty.
  std::vector<std::uint32_t> offsets;  // Of each byte of `text` in the source.
  std::uint32_t last_line = 0;         // Heredocs included.
  std::vector<std::string> comments;   // Above it, each without '#' and spaces at its ends.
  std::vector<Heredoc> heredocs;

  // Of the bytes [begin, end) of `text`, which may be empty.
  Range range(std::size_t begin, std::size_t end) const;
  Range whole() const;  // From the first byte to the end of the last line.
};

struct Directives {
  std::optional<Text>
      syntax;  // "docker/dockerfile:1": which front end the author wants. Not obeyed.
  std::optional<Text> check;  // "skip=all;error=true"
  char escape = '\\';         // '\\' or '`'
};

struct Lines {
  Directives directives;
  std::vector<LogicalLine> lines;
  std::vector<Range> empty_continuations;  // The first blank line within an instruction.
};

// Errors: Invalid, with the place: a directive twice, an escape that is none, a heredoc without its
// end, a NUL byte, more than 4 MiB.
Result<Lines> split_lines(const SourcePtr& source);

}  // namespace tare::build
