// SPDX-License-Identifier: Apache-2.0
// Lines that programs of a build wrote, for a terminal that must not believe them.
#pragma once

#include <string>
#include <string_view>

namespace tare::cli {

struct OutputStyle {
  bool colours = false;  // Colours and the like (SGR) pass; else they are left out.
  bool tabs = true;      // As they are; else spaces up to the next eighth column.
};

// One line without its end, as a terminal would show it: of parts with a carriage return between,
// the last that has something. Any other sequence for terminals and every byte that is no text
// comes out escaped, as escaped() has it. With colours that were used, the line ends without any.
// [ECMA-48, 8.3.117 SGR]
std::string program_line(std::string_view line, const OutputStyle& style);

}  // namespace tare::cli
