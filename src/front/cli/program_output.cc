// SPDX-License-Identifier: Apache-2.0
#include "front/cli/program_output.h"

#include "base/text.h"
#include "front/cli/render.h"

namespace tare::cli {
namespace {

constexpr std::size_t kLongestColour = 64;  // Bytes; real ones have fewer than 40.
constexpr std::size_t kTab = 8;

// Of "\x1b[1;31m..." the number of bytes up to the m; 0: something else begins here.
std::size_t colour_length(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  for (std::size_t i = 2; i < text.size() && i < kLongestColour; ++i) {
    if (text[i] == 'm') return i + 1;
    if (text[i] != ';' && text[i] != ':' && (text[i] < '0' || text[i] > '9')) return 0;
  }
  return 0;
}

std::string_view last_part(std::string_view line) {
  while (line.ends_with('\r')) line.remove_suffix(1);
  return line.substr(line.rfind('\r') + 1);  // npos + 1 is the beginning.
}

}  // namespace

std::string program_line(std::string_view line, const OutputStyle& style) {
  std::string out;
  std::size_t column = 0;
  bool coloured = false;
  std::string_view rest = last_part(line);
  while (!rest.empty()) {
    const std::size_t special = rest.find_first_of("\t\x1b");
    const std::string text = escaped(rest.substr(0, special));
    out += text;
    column += display_width(text);
    if (special == std::string_view::npos) break;
    rest.remove_prefix(special);
    std::size_t length = 1;
    if (rest[0] == '\t') {
      const std::size_t spaces = kTab - column % kTab;
      out += style.tabs ? "\t" : std::string(spaces, ' ');
      column += spaces;
    } else if (const std::size_t colour = colour_length(rest); colour != 0) {
      if (style.colours) out += rest.substr(0, colour);
      coloured = style.colours;
      length = colour;
    } else {
      out += escaped(rest.substr(0, 1));
      column += 4;  // "\\x1b".
    }
    rest.remove_prefix(length);
  }
  return coloured ? out + "\x1b[0m" : out;
}

}  // namespace tare::cli
