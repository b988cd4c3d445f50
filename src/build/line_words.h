// SPDX-License-Identifier: Apache-2.0
// The three ways in which instructions cut their line: flags, words at spaces, words with quotes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "build/lines.h"

namespace tare::build {

// Bytes [begin, end) of a logical line.
struct Piece {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string text;  // With quotes taken off, for flags.
};

struct LineParts {
  Piece keyword;  // "RUN", as written.
  std::vector<Piece> flags;
  Piece arguments;  // The rest, without spaces at its ends; may be empty.
};

// Cuts `line` from `from` on into keyword, flags ("--x" words before anything else; "--" ends
// them) and the rest.
LineParts split_parts(std::string_view line, char escape, std::size_t from = 0);
// At white space, whatever is quoted.
std::vector<Piece> split_words(std::string_view line, const Piece& within);
// At white space that is neither quoted nor escaped; quotes and escapes stay.
std::vector<Piece> split_quoted_words(std::string_view line, const Piece& within, char escape);

// The strings of a JSON array, nullopt when `text` is no JSON array. Errors: Invalid when it is one
// of something else than strings.
Result<std::optional<std::vector<std::string>>> parse_json_form(std::string_view text);

// Whether heredocs may follow: RUN, COPY and ADD, also behind ONBUILD, and not in the JSON form.
bool takes_heredocs(std::string_view line, char escape);

}  // namespace tare::build
