// SPDX-License-Identifier: Apache-2.0
#include "front/cli/command_history.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "engine/build_history.h"
#include "front/cli/program_output.h"
#include "front/cli/render.h"

namespace tare::cli {
namespace {

using engine::BuildRecord;
using Status = BuildRecord::Status;

constexpr std::size_t kShownName = 36;

std::string_view status_word(Status status) {
  if (status == Status::Canceled) return "canceled";
  return status == Status::Error ? "error" : "completed";
}

// As buildx tells it: "1.4s", "1m  1s".
std::string span_text(UnixNanos span) {
  constexpr UnixNanos kSecond = 1'000'000'000;
  char text[48];
  if (span < 60 * kSecond)
    std::snprintf(text, sizeof text, "%.1fs", static_cast<double>(span) / kSecond);
  else
    std::snprintf(text, sizeof text, "%lldm %2llds", static_cast<long long>(span / kSecond / 60),
                  static_cast<long long>(span / kSecond % 60));
  return text;
}

// Of what is too long the end tells more.
std::string shown_name(const std::string& name, bool whole) {
  if (whole || name.size() <= kShownName) return escaped(name);
  return ".." + escaped(name.substr(name.size() - kShownName + 2));
}

std::string shown_status(Status status) {
  std::string word(status_word(status));
  word[0] = static_cast<char>(word[0] - 'a' + 'A');
  return word;
}

// A line of JSON has other names than templates. [observed: docker buildx history ls]
Row json_row(const BuildRecord& record) {
  Row row;
  row.fields.set("ref", "default/default/" + record.id);
  row.fields.set("name", escaped(record.name()));
  row.fields.set("status", shown_status(record.status));
  row.fields.set("created_at", rfc3339(record.started));
  row.fields.set("completed_at", rfc3339(record.ended));
  row.fields.set("total_steps", record.steps);
  row.fields.set("completed_steps", record.completed);
  row.fields.set("cached_steps", record.cached);
  return row;
}

Row row_of(const BuildRecord& record, bool is_whole, UnixNanos now) {
  Row row;
  row.fields.set("Ref", record.id);
  row.fields.set("Name", shown_name(record.name(), is_whole));
  row.fields.set("Status", shown_status(record.status));
  row.fields.set("CreatedAt", ago(record.started, now));
  row.fields.set("Duration", span_text(record.ended - record.started));
  return row;
}

bool is_wanted(const BuildRecord& record,
               const std::vector<std::pair<std::string, std::string>>& filters) {
  return std::ranges::all_of(filters, [&](const auto& filter) {
    if (filter.first == "ref") return record.id == filter.second;
    const bool is_status = status_word(record.status) == filter.second ||
                           (filter.second == "success" && record.status == Status::Completed);
    return filter.first == "status" ? is_status : !is_status;
  });
}

json::Array named(const std::map<std::string, std::string>& map) {
  json::Array all;
  for (const auto& [name, value] : map) {
    json::Value each;
    each.set("Name", name);
    each.set("Value", value);
    all.push_back(std::move(each));
  }
  return all;
}

std::map<std::string, std::string> arguments_of(const BuildRecord& record) {
  std::map<std::string, std::string> all;
  for (const auto& [name, value] : record.arguments) all[name] = value.value_or("(not told)");
  return all;
}

json::Value value_of(const BuildRecord& record) {
  json::Value value;
  value.set("Name", record.name());
  value.set("Ref", record.id);
  value.set("Context", record.context);
  value.set("Dockerfile", record.dockerfile);
  value.set("Target", record.target);
  value.set("Platform", json::Array{record.platform});
  value.set("NamedContexts", named(record.contexts));
  value.set("StartedAt", rfc3339(record.started));
  value.set("CompletedAt", rfc3339(record.ended));
  value.set("Duration", record.ended - record.started);
  value.set("Status", status_word(record.status));
  if (!record.error.empty()) value.set("Error", json::Object()).set("Message", record.error);
  value.set("NumCompletedSteps", record.completed);
  value.set("NumTotalSteps", record.steps);
  value.set("NumCachedSteps", record.cached);
  value.set("BuildArgs", named(arguments_of(record)));
  value.set("Labels", named(record.labels));
  json::Value& config = value.set("Config", json::Object());
  if (!record.network.empty()) config.set("Network", record.network);
  if (record.no_cache) config.set("NoCache", true);
  json::Value& materials = value.set("Materials", json::Array());
  for (const BuildRecord::Material& each : record.materials) {
    json::Value material;
    material.set("URI", each.uri);
    material.set("Digests", json::Array{each.digest});
    materials.push(std::move(material));
  }
  value.set("Image", record.image);
  value.set("Tags", json::Value(record.names));
  return value;
}

void add_table(std::string& out, const char* first, const char* second,
               const std::vector<std::pair<std::string, std::string>>& lines) {
  if (lines.empty()) return;
  std::vector<std::vector<std::string>> rows{{first, second}};
  for (const auto& [name, value] : lines) rows.push_back({escaped(name), escaped(value)});
  out += render_table(rows) + "\n";
}

std::string pretty(const BuildRecord& record) {
  std::string out;
  const auto line = [&](const std::string& title, const std::string& text) {
    if (!text.empty()) out += title + std::string(16 - title.size(), ' ') + escaped(text) + "\n";
  };
  line("Name:", record.name());
  line("Ref:", record.id);
  line("Context:", record.context);
  line("Dockerfile:", record.dockerfile);
  line("Target:", record.target);
  line("Platforms:", record.platform);
  line("Image:", record.image);
  line("Tags:", join(record.names, ", "));
  out += "\n";
  add_table(out, "NAMED CONTEXT", "VALUE", {record.contexts.begin(), record.contexts.end()});
  line("Started:", created_at(record.started).substr(0, 19));
  line("Duration:", span_text(record.ended - record.started));
  if (record.status == Status::Canceled) line("Status:", "Canceled");
  line("Error:", record.error.substr(0, record.error.find('\n')));
  const std::uint64_t percent = record.steps == 0 ? 0 : record.cached * 100 / record.steps;
  line("Build Steps:", std::to_string(record.completed) + "/" + std::to_string(record.steps) +
                           " (" + std::to_string(percent) + "% cached)");
  out += "\n";
  line("Network:", record.network);
  line("No Cache:", record.no_cache ? "true" : "");
  if (!record.network.empty() || record.no_cache) out += "\n";
  const auto arguments = arguments_of(record);
  add_table(out, "BUILD ARG", "VALUE", {arguments.begin(), arguments.end()});
  add_table(out, "LABEL", "VALUE", {record.labels.begin(), record.labels.end()});
  std::vector<std::pair<std::string, std::string>> materials;
  for (const BuildRecord::Material& each : record.materials)
    materials.emplace_back(each.uri, each.digest);
  if (!materials.empty()) out += "Materials:\n";
  add_table(out, "URI", "DIGEST", materials);
  return out + "Print build logs: tare buildx history logs " + record.id + "\n";
}

Result<BuildRecord> wanted_record(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  return engine::find_build(engine, arguments.operands.empty() ? "" : arguments.operands[0]);
}

}  // namespace

Result<int> cmd_build_records(Context& context, const Arguments& arguments) {
  std::vector<std::pair<std::string, std::string>> filters;
  for (const std::string& text : arguments.list("filter")) {
    const auto pair = split_once(text, '=');
    const std::string key(pair ? pair->first : "");
    if (key != "status" && key != "status!" && key != "ref")
      return bad_value("filter", text, "write status=WORD, status!=WORD or ref=ID");
    filters.emplace_back(key, pair->second);
  }
  engine::Engine& engine = *TRY(context.engine());
  const std::string format = arguments.value_or("format", "");
  const bool is_whole =
      arguments.flag("no-trunc") || !(format.empty() || format.starts_with("table"));
  std::vector<Row> rows;
  for (const BuildRecord& record : TRY(engine::build_records(engine)))
    if (is_wanted(record, filters))
      rows.push_back(format == "json" ? json_row(record) : row_of(record, is_whole, now_ns()));
  const Columns columns = {{"Ref", "BUILD ID"},
                           {"Name", "NAME"},
                           {"Status", "STATUS"},
                           {"CreatedAt", "CREATED AT"},
                           {"Duration", "DURATION"}};
  context.print(TRY(render_rows(rows, format, columns, columns)));
  return 0;
}

Result<int> cmd_build_record_inspect(Context& context, const Arguments& arguments) {
  const std::string format = arguments.value_or("format", "pretty");
  const BuildRecord record = TRY(wanted_record(context, arguments));
  if (format == "pretty")
    context.print(pretty(record));
  else if (format == "json")
    context.print(json::print(value_of(record), json::Style::Indented) + "\n");
  else
    context.print(TRY(render_values({value_of(record)}, format)));
  return 0;
}

Result<int> cmd_build_record_logs(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const BuildRecord record = TRY(wanted_record(context, arguments));
  if (record.has_said_secret)
    context.warn("what the steps said is not kept: a secret of the build is in it, or may be");
  const std::string log = TRY(engine::build_log(engine, record.id));
  const OutputStyle style{.colours = ::isatty(STDOUT_FILENO) == 1};
  for (const std::string& line : split(log, '\n'))
    if (!line.empty()) context.print(program_line(line, style) + "\n");
  return 0;
}

Result<int> cmd_build_record_remove(Context& context, const Arguments& arguments) {
  if (arguments.flag("all") != arguments.operands.empty())
    return fail(Kind::Invalid, "name builds, or give --all");
  engine::Engine& engine = *TRY(context.engine());
  std::vector<std::string> ids;
  if (arguments.flag("all"))
    for (const BuildRecord& record : TRY(engine::build_records(engine))) ids.push_back(record.id);
  // All are found before one goes: "^1" is another one then.
  for (const std::string& wanted : arguments.operands)
    ids.push_back(TRY(engine::find_build(engine, wanted)).id);
  TRY(engine::remove_builds(engine, ids));
  for (const std::string& id : ids) context.print(id + "\n");
  return 0;
}

}  // namespace tare::cli
