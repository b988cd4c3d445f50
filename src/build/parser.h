// SPDX-License-Identifier: Apache-2.0
// From the text of a Dockerfile to typed instructions.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "build/instruction.h"

namespace tare::build {

struct Dockerfile {
  SourcePtr source;
  Directives directives;
  std::vector<Instruction> instructions;
  std::vector<Range> empty_continuations;
};

// Errors: Invalid, with the place, the line and, where one is known, the remedy as hint.
// That there is a FROM, and what comes before it, is not looked at: see resolve_stages.
Result<Dockerfile> parse_dockerfile(std::string name, std::string text);
// The same for lines that were cut already.
Result<Dockerfile> parse_lines(SourcePtr source, Lines lines);
// One logical line. `escape` is that of the directives.
Result<Instruction> parse_instruction(const LogicalLine& line, char escape);

// An ONBUILD trigger of an image's config. `base` is the name of the image, for errors. ONBUILD,
// FROM and MAINTAINER are refused.
Result<Instruction> parse_trigger(std::string_view base, std::string_view trigger);

// "RUN", "COPY", ...: what can begin a line, in upper case, extensions included.
std::span<const std::string> instruction_names();

}  // namespace tare::build
