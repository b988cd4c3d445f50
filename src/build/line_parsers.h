// SPDX-License-Identifier: Apache-2.0
// One parser for each instruction, from a logical line to its type. See parser.h.
#pragma once

#include <string>
#include <string_view>

#include "build/instruction.h"
#include "build/line_words.h"

namespace tare::build {

struct LineContext {
  const LogicalLine& line;
  LineParts parts;
  char escape = '\\';

  bool has_arguments() const { return !parts.arguments.text.empty(); }
  Text text(const Piece& piece) const { return {piece.text, line.range(piece.begin, piece.end)}; }
  Error error(const Piece& where, std::string_view what) const {
    return line.source->error(line.range(where.begin, where.end), what);
  }
};

// All fail with Invalid, with the place.
Result<Body> parse_add(const LineContext& context);
Result<Body> parse_arg(const LineContext& context);
Result<Body> parse_cmd(const LineContext& context);
Result<Body> parse_copy(const LineContext& context);
Result<Body> parse_entrypoint(const LineContext& context);
Result<Body> parse_env(const LineContext& context);
Result<Body> parse_expose(const LineContext& context);
Result<Body> parse_from(const LineContext& context);
Result<Body> parse_healthcheck(const LineContext& context);
Result<Body> parse_label(const LineContext& context);
Result<Body> parse_layer(const LineContext& context);
Result<Body> parse_maintainer(const LineContext& context);
Result<Body> parse_onbuild(const LineContext& context);
Result<Body> parse_package(const LineContext& context);
Result<Body> parse_run(const LineContext& context);
Result<Body> parse_shell(const LineContext& context);
Result<Body> parse_stopsignal(const LineContext& context);
Result<Body> parse_unset(const LineContext& context);
Result<Body> parse_user(const LineContext& context);
Result<Body> parse_volume(const LineContext& context);
Result<Body> parse_workdir(const LineContext& context);

// Whichever it is. Used for the instruction within ONBUILD.
Result<Body> parse_line_body(const LogicalLine& line, char escape);

// "ARG" of "arg": the keyword in upper case, for sentences.
std::string keyword_of(const LineContext& context);
// Fails when there are no arguments; `example` shows what was wanted.
Result<> want_arguments(const LineContext& context, std::string_view example);
// Fails when there are flags, since this instruction has none.
Result<> want_no_flags(const LineContext& context);
// The JSON form, or the shell form of `arguments` as one word; heredocs are those of the line.
Result<CommandLine> parse_command_line(const LineContext& context, const Piece& arguments);
// What follows "NAME " in one of the comments; empty when none starts so.
std::string description_of(const LineContext& context, std::string_view name);

}  // namespace tare::build
