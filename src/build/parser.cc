// SPDX-License-Identifier: Apache-2.0
#include "build/parser.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "build/line_parsers.h"

namespace tare::build {
namespace {

struct Rule {
  std::string_view name;
  Result<Body> (*parse)(const LineContext&);
};

constexpr std::array<Rule, 21> kRules = {{
    {"ADD", parse_add},
    {"ARG", parse_arg},
    {"CMD", parse_cmd},
    {"COPY", parse_copy},
    {"ENTRYPOINT", parse_entrypoint},
    {"ENV", parse_env},
    {"EXPOSE", parse_expose},
    {"FROM", parse_from},
    {"HEALTHCHECK", parse_healthcheck},
    {"LABEL", parse_label},
    {"LAYER", parse_layer},
    {"MAINTAINER", parse_maintainer},
    {"ONBUILD", parse_onbuild},
    {"PKG", parse_package},
    {"RUN", parse_run},
    {"SHELL", parse_shell},
    {"STOPSIGNAL", parse_stopsignal},
    {"UNSET", parse_unset},
    {"USER", parse_user},
    {"VOLUME", parse_volume},
    {"WORKDIR", parse_workdir},
}};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

std::unexpected<Error> unknown_instruction(const LineContext& context) {
  const std::string& written = context.parts.keyword.text;
  Error error = context.error(context.parts.keyword, quoted(written) + " is no instruction");
  const auto near = nearest(upper(written), instruction_names());
  if (std::ranges::any_of(written, [](char c) { return (c & 0x80) != 0; }))
    error = std::move(error).hint(
        "it has characters that are no ASCII letters, perhaps a space that is not an ordinary one");
  else if (near)
    error = std::move(error).hint("is " + *near + " meant?");
  else
    error = std::move(error).hint("if it goes on from the line above, that line wants a '" +
                                  std::string(1, context.escape) + "' at its end");
  return std::unexpected(std::move(error));
}

}  // namespace

std::span<const std::string> instruction_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Rule& rule : kRules) all.emplace_back(rule.name);
    return all;
  }();
  return names;
}

Result<Body> parse_line_body(const LogicalLine& line, char escape) {
  const LineContext context{line, split_parts(line.text, escape), escape};
  const auto* const rule =
      std::ranges::find(kRules, upper(context.parts.keyword.text), &Rule::name);
  if (rule == kRules.end()) return unknown_instruction(context);
  return rule->parse(context);
}

Result<Instruction> parse_instruction(const LogicalLine& line, char escape) {
  Instruction instruction;
  instruction.body = TRY(parse_line_body(line, escape));
  instruction.source = line.source;
  instruction.range = line.whole();
  instruction.keyword = split_parts(line.text, escape).keyword.text;
  instruction.text = line.text;
  instruction.comments = line.comments;
  return instruction;
}

Result<Dockerfile> parse_lines(SourcePtr source, Lines lines) {
  Dockerfile file{.source = std::move(source),
                  .directives = std::move(lines.directives),
                  .empty_continuations = std::move(lines.empty_continuations)};
  for (const LogicalLine& line : lines.lines)
    file.instructions.push_back(TRY(parse_instruction(line, file.directives.escape)));
  return file;
}

Result<Dockerfile> parse_dockerfile(std::string name, std::string text) {
  const auto source = std::make_shared<const Source>(std::move(name), std::move(text));
  Lines lines = TRY(split_lines(source));
  return parse_lines(source, std::move(lines));
}

Result<Instruction> parse_trigger(std::string_view base, std::string_view trigger) {
  const auto source =
      std::make_shared<const Source>("ONBUILD of " + std::string(base), std::string(trigger));
  Lines lines = TRY(split_lines(source));
  if (lines.lines.size() != 1)
    return std::unexpected(source->error({}, "the trigger is not one instruction"));
  Instruction instruction = TRY(parse_instruction(lines.lines[0], lines.directives.escape));
  if (instruction.as<OnBuild>() != nullptr || instruction.as<From>() != nullptr ||
      instruction.as<Maintainer>() != nullptr)
    return std::unexpected(instruction.error(upper(instruction.keyword) + " cannot be a trigger"));
  instruction.from_trigger = true;
  return instruction;
}

Error Instruction::error(std::string_view what, std::optional<Range> where) const {
  Range place = where.value_or(range);
  if (!where && place.end.line != place.begin.line)
    place.end = {.line = place.begin.line, .column = place.begin.column};
  return source->error(place, what);
}

}  // namespace tare::build
