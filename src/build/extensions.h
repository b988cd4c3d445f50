// SPDX-License-Identifier: Apache-2.0
// INCLUDE, IF, FOR and PARAM: what Tare's Dockerfiles have beyond Docker's. They are replaced by
// plain lines before anything else is done, so keys of steps, checks and Docker see only those.
// [docs/formats/dockerfile.md, "Extensions"]
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "build/arguments.h"
#include "build/parser.h"

namespace tare::build {

// The text of what INCLUDE names. `from` is the name of the file that includes it.
using IncludeReader =
    std::function<Result<std::string>(std::string_view what, std::string_view from)>;

// Lines without extensions, of several sources if there were INCLUDEs; what has none comes back
// as it is. Errors: Invalid, with the place; those of `read`.
Result<Lines> expand_extensions(Lines lines, const BuildOptions& options,
                                const IncludeReader& read);

// All in one: text, extensions, instructions.
Result<Dockerfile> parse_extended(std::string name, std::string text, const BuildOptions& options,
                                  const IncludeReader& read);

// A Dockerfile of these lines, each on one line. What Docker does not know even so (UNSET, LAYER,
// PKG, flags) is a comment, or has one above it.
std::string print_plain(const Lines& lines);

}  // namespace tare::build
