// SPDX-License-Identifier: Apache-2.0
#include "front/cli/render.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "base/text.h"

namespace tare::cli {
namespace {

// "\t" and "\n" in a format may be written with a backslash. [observed: docker ps --format]
std::string unescape(std::string_view format) {
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const char next = i + 1 < format.size() ? format[i + 1] : '\0';
    if (format[i] == '\\' && (next == 't' || next == 'n')) {
      out += next == 't' ? '\t' : '\n';
      ++i;
    } else {
      out += format[i];
    }
  }
  return out;
}

Result<std::string> table_by_template(const std::vector<Row>& rows, const Template& layout,
                                      const Columns& titles) {
  json::Value head;
  json::Value methods;
  for (const auto& [field, title] : titles) head.set(field, title);
  if (!rows.empty())
    for (const auto& method : rows[0].methods.as_object())
      methods.set(method.first, json::Object());
  std::vector<std::vector<std::string>> cells;
  cells.push_back(split(TRY(layout.run(head, methods)), '\t'));
  for (const Row& row : rows)
    cells.push_back(split(TRY(layout.run(row.fields, row.methods)), '\t'));
  return render_table(cells);
}

json::Value sorted(const json::Value& fields) {
  json::Object members = fields.as_object();
  std::ranges::sort(members, {}, [](const auto& member) { return member.first; });
  return members;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string ellipsis(std::string_view text, std::size_t count) {
  if (display_width(text) <= count) return std::string(text);
  std::size_t end = 0;
  for (std::size_t characters = 0; end < text.size(); ++end) {
    const bool starts = (static_cast<unsigned char>(text[end]) & 0xc0) != 0x80;
    if (starts && characters++ == count - 1) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string render_table(const std::vector<std::vector<std::string>>& rows, std::size_t minimum,
                         std::size_t gap) {
  std::vector<std::vector<std::string>> cells;
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    auto& line = cells.emplace_back();
    for (const std::string& cell : row) line.push_back(escaped(cell));
    for (std::size_t i = 0; i + 1 < line.size(); ++i) {
      if (i == widths.size()) widths.push_back(minimum);
      widths[i] = std::max(widths[i], display_width(line[i]) + gap);
    }
  }
  std::string out;
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      out += line[i];
      if (i + 1 < line.size()) out.append(widths[i] - display_width(line[i]), ' ');
    }
    out += '\n';
  }
  return out;
}

namespace {

// A template prints what an image holds as it is, for programs to read; but not on a terminal.
std::string shown(std::string text) {
  if (::isatty(STDOUT_FILENO) != 1) return text;
  std::string out;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != '\n' && text[i] != '\t') continue;
    out += escaped(std::string_view(text).substr(begin, i - begin));
    if (i < text.size()) out += text[i];
    begin = i + 1;
  }
  return out;
}

}  // namespace

Result<std::string> render_rows(const std::vector<Row>& rows, const std::string& format,
                                const Columns& columns, const Columns& titles) {
  std::string out;
  if (format.empty() || format == "table") {
    std::vector<std::vector<std::string>> cells(1);
    for (const auto& column : columns) cells[0].emplace_back(column.second);
    for (const Row& row : rows) {
      auto& line = cells.emplace_back();
      for (const auto& column : columns) line.push_back(go_text(row.fields[column.first]));
    }
    return render_table(cells);
  }
  if (format == "json") {
    for (const Row& row : rows) out += json::print(sorted(row.fields)) + "\n";
    return out;
  }
  const bool is_table = format.starts_with("table ");
  const Template layout = TRY(Template::parse(unescape(is_table ? format.substr(6) : format)));
  if (is_table) return table_by_template(rows, layout, titles);
  for (const Row& row : rows) out += TRY(layout.run(sorted(row.fields), row.methods)) + "\n";
  return shown(std::move(out));
}

Result<std::string> render_go_value(const Row& value, const std::string& format) {
  const Template layout = TRY(Template::parse(unescape(format)));
  std::string out =
      TRY(layout.run(value.fields, value.methods, {.has_go_names = true, .indents_json = true}));
  if (!out.ends_with('\n')) out += '\n';
  return shown(std::move(out));
}

Result<std::string> render_values(const std::vector<json::Value>& values,
                                  const std::string& format) {
  std::string out;
  const Template layout = TRY(Template::parse(unescape(format)));
  for (const json::Value& value : values) out += TRY(layout.run(value)) + "\n";
  return shown(std::move(out));
}

std::string familiar(const std::string& name) {
  const auto reference = image::Reference::parse(name);
  return reference ? reference->familiar() : name;
}

std::string ago(UnixNanos when, UnixNanos now) {
  if (when == 0) return "N/A";
  return human_duration(std::chrono::nanoseconds(now - when)) + " ago";
}

std::string created_at(UnixNanos when) {
  const std::time_t seconds = when / 1'000'000'000;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[64];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z %Z", &parts);
  return {text, length};
}

std::string_view state_text(const engine::Container& container) {
  if (container.paused) return "paused";
  switch (container.status) {
    case engine::Status::Created:
      return "created";
    case engine::Status::Running:
      return "running";
    case engine::Status::Exited:
      return "exited";
  }
  return "";
}

namespace {

// [moby: container/state.go, String()]
const char* health_suffix(engine::HealthStatus health) {
  switch (health) {
    case engine::HealthStatus::None:
      return "";
    case engine::HealthStatus::Starting:
      return " (health: starting)";
    case engine::HealthStatus::Healthy:
      return " (healthy)";
    case engine::HealthStatus::Unhealthy:
      return " (unhealthy)";
  }
  return "";
}

}  // namespace

std::string status_text(const engine::Container& container, UnixNanos now) {
  switch (container.status) {
    case engine::Status::Created:
      return "Created";
    case engine::Status::Running:
      return "Up " + human_duration(std::chrono::nanoseconds(now - container.started_at)) +
             (container.paused ? " (Paused)" : health_suffix(container.health));
    case engine::Status::Exited:
      return fmt::format("Exited ({}) {}{}", container.exit_code, ago(container.finished_at, now),
                         container.oom_killed ? " (out of memory)" : "");
  }
  return "";
}

Result<std::vector<std::pair<std::string, std::string>>> parse_filters(
    const std::vector<std::string>& texts, const std::vector<std::string>& known) {
  std::vector<std::pair<std::string, std::string>> filters;
  for (const std::string& text : texts) {
    const auto pair = split_once(text, '=');
    if (!pair) return bad_value("filter", text, "write KEY=VALUE");
    const std::string key = lower(trim(pair->first));
    if (std::ranges::find(known, key) == known.end()) {
      const auto close = nearest(key, known);
      return std::unexpected(
          Error(Kind::Invalid, "there is no filter " + quoted(key))
              .hint(close ? "did you mean " + *close + "?" : "known are " + join(known, ", ")));
    }
    filters.emplace_back(key, trim(pair->second));
  }
  return filters;
}

}  // namespace tare::cli
