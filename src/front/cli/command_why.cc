// SPDX-License-Identifier: Apache-2.0
// why and blame: where the files of an image come from.
#include "engine/origins.h"
#include "front/cli/handlers.h"
#include "front/cli/render.h"

namespace tare::cli {
namespace {

json::Value step_value(const engine::OriginStep& step) {
  json::Value value;
  value.set("Place", step.place);
  value.set("Stage", step.stage);
  value.set("Instruction", step.instruction);
  return value;
}

json::Value origin_value(const engine::FileOrigin& origin) {
  json::Value value;
  value.set("Path", escaped(origin.path));
  value.set("Type", origin.type);
  value.set("Size", origin.size);
  value.set("Digest", origin.content.text());
  value.set("Link", escaped(origin.link));
  value.set("Layer", origin.layer.text());
  value.set("Image", origin.image);
  json::Value& steps = value.set("Steps", json::Array());
  for (const engine::OriginStep& step : origin.steps) steps.push(step_value(step));
  value.set("Source", origin.source);
  value.set("Package", origin.package);
  value.set("Url", origin.url);
  return value;
}

// On one line, however many it had.
std::string instruction_text(const engine::OriginStep& step) {
  return escaped(step.instruction.substr(0, step.instruction.find('\n')));
}

std::string place_text(const engine::OriginStep& step) {
  if (step.place.empty()) return "a step";
  return escaped(step.place) + (step.stage.empty() ? "" : " in " + escaped(step.stage));
}

std::string describe(const engine::FileOrigin& origin) {
  std::string out = escaped(origin.path) + ": " + origin.type;
  if (origin.type == "file") out += ", " + human_size(origin.size);
  if (!origin.link.empty()) out += " to " + escaped(origin.link);
  out += "\n";
  const auto line = [&](const std::string& title, const std::string& text) {
    if (!text.empty()) out += "  " + title + std::string(10 - title.size(), ' ') + text + "\n";
  };
  if (!origin.image.empty()) line("image", escaped(familiar(origin.image)));
  for (std::size_t i = 0; i < origin.steps.size(); ++i)
    line(i == 0 ? "step" : "made by",
         place_text(origin.steps[i]) + ": " + instruction_text(origin.steps[i]));
  line("from", escaped(origin.source));
  line("package", escaped(origin.package));
  line("url", escaped(origin.url));
  line("layer", origin.layer.text());
  line("content", origin.content.text());
  return out;
}

void tell_notes(Context& context, const engine::Origins& origins) {
  for (const std::string& note : origins.notes()) context.warn(note);
}

}  // namespace

Result<int> cmd_why(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  auto origins = TRY(engine::Origins::open(engine, arguments.operands[0]));
  std::string format = arguments.value_or("format", "");
  if (arguments.flag("json") || format == "json") format = "{{json .}}";
  std::vector<json::Value> values;
  for (std::size_t i = 1; i < arguments.operands.size(); ++i) {
    const engine::FileOrigin origin = TRY(origins.find(arguments.operands[i]));
    if (format.empty())
      context.print(describe(origin));
    else
      values.push_back(origin_value(origin));
  }
  tell_notes(context, origins);
  if (!format.empty()) context.print(TRY(render_values(values, format)));
  return 0;
}

Result<int> cmd_blame(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  auto origins = TRY(engine::Origins::open(engine, arguments.operands[0]));
  const std::string format = arguments.flag("json") ? "json" : arguments.value_or("format", "");
  std::vector<Row> rows;
  TRY(origins.each([&](const engine::FileOrigin& origin) {
    Row row;
    const engine::OriginStep* const step = origin.steps.empty() ? nullptr : &origin.steps.back();
    const std::string place = step == nullptr ? "" : escaped(step->place);
    row.fields.set("Place", place.empty() ? escaped(familiar(origin.image)) : place);
    row.fields.set("Path", escaped(origin.path));
    row.fields.set("Package", escaped(origin.package));
    row.fields.set("Source", escaped(origin.url.empty() ? origin.source : origin.url));
    row.fields.set("Image", escaped(origin.image));
    row.fields.set("Stage", step == nullptr ? "" : escaped(step->stage));
    row.fields.set("Instruction", step == nullptr ? "" : instruction_text(*step));
    row.fields.set("Layer", origin.layer.text());
    row.fields.set("Digest", origin.content.text());
    rows.push_back(std::move(row));
  }));
  tell_notes(context, origins);
  const Columns columns = {
      {"Place", "STEP"}, {"Package", "PACKAGE"}, {"Source", "SOURCE"}, {"Path", "PATH"}};
  Columns titles = columns;
  for (const char* name : {"Image", "Stage", "Instruction", "Layer", "Digest"})
    titles.emplace_back(name, name);
  context.print(TRY(render_rows(rows, format, columns, titles)));
  return 0;
}

}  // namespace tare::cli
