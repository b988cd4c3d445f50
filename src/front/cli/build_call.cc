// SPDX-License-Identifier: Apache-2.0
#include "front/cli/build_call.h"

#include <algorithm>

#include "base/text.h"
#include "build/mount.h"
#include "front/cli/build_view.h"
#include "front/cli/render.h"

namespace tare::cli {
namespace {

using Method = BuildCall::Method;

constexpr std::uint32_t kShownAround = 2;  // Lines before and behind a place.

json::Value position(std::uint32_t line) {
  json::Value value;
  value.set("line", line);
  return value;
}

// As BuildKit gives places: lines alone, since that is what its parser knows of them.
json::Value location(const build::Range& range) {
  json::Value between;
  between.set("start", position(range.begin.line));
  // What ends with its line's end has its end at the start of the next one.
  const bool is_behind = range.end.column <= 1 && range.end.line > range.begin.line;
  between.set("end", position(is_behind ? range.end.line - 1 : range.end.line));
  json::Value value;
  value.set("ranges", json::Array{std::move(between)});
  return value;
}

void set_text(json::Value& value, std::string_view name, const std::string& text) {
  if (!text.empty()) value.set(name, text);
}

json::Array print_items(const std::vector<build::OutlineItem>& items) {
  json::Array all;
  for (const build::OutlineItem& item : items) {
    json::Value value;
    value.set("name", item.name);
    set_text(value, "description", item.description);
    set_text(value, "value", item.value);
    if (item.required) value.set("required", true);
    value.set("location", location(item.range));
    all.push_back(std::move(value));
  }
  return all;
}

std::string indented(const json::Value& value) {
  return json::print(value, json::Style::Indented) + "\n";
}

std::string print_secrets(const char* title, const std::vector<build::OutlineItem>& items) {
  if (items.empty()) return "";
  std::vector<std::vector<std::string>> rows{{title, "REQUIRED"}};
  for (const build::OutlineItem& item : items)
    rows.push_back({escaped(item.name), item.required ? "true" : ""});
  return render_table(rows, 0) + "\n";
}

// The place with lines around it.
std::string excerpt(const build::Source& source, const build::Range& range) {
  const std::uint32_t first = range.begin.line;
  if (first == 0 || first > source.lines()) return "";
  const std::uint32_t last = std::clamp(range.end.line, first, source.lines());
  const std::string rule(20, '-');
  std::string text = escaped(source.name()) + ":" + std::to_string(first) + "\n" + rule + "\n";
  const std::uint32_t from = first > kShownAround ? first - kShownAround : 1;
  const std::uint32_t to = std::min(last + kShownAround, source.lines());
  for (std::uint32_t line = from; line <= to; ++line) {
    const std::string number = std::to_string(line);
    const std::string words = escaped(source.line(line));
    text += std::string(number.size() < 4 ? 4 - number.size() : 0, ' ') + number + " | " +
            (line >= first && line <= last ? ">>>" : "   ") + (words.empty() ? "" : " " + words) +
            "\n";
  }
  return text + rule + "\n";
}

// Names of sources by their number, as findings refer to them.
class Sources {
 public:
  std::size_t number(const build::SourcePtr& source) {
    const auto found = std::ranges::find(sources_, source);
    if (found != sources_.end()) return static_cast<std::size_t>(found - sources_.begin());
    sources_.push_back(source);
    return sources_.size() - 1;
  }
  json::Array print() const {
    json::Array all;
    for (const build::SourcePtr& source : sources_) {
      json::Value value;
      value.set("filename", source->name());
      value.set("language", "Dockerfile");
      value.set("data", to_base64(source->text()));
      all.push_back(std::move(value));
    }
    return all;
  }

 private:
  std::vector<build::SourcePtr> sources_;
};

json::Value print_findings(const build::CheckReport& report) {
  Sources sources;
  json::Array warnings;
  for (const build::Finding& finding : report.findings) {
    json::Value value;
    value.set("ruleName", finding.rule->name);
    value.set("description", finding.rule->about);
    set_text(value, "url", finding.rule->page.empty() ? "" : finding.rule->url());
    value.set("detail", finding.message);
    json::Value& place = value.set("location", location(finding.range));
    if (const std::size_t number = sources.number(finding.source); number > 0)
      place.set("sourceIndex", static_cast<std::uint64_t>(number));
    warnings.push_back(std::move(value));
  }
  json::Value all;
  all.set("warnings", std::move(warnings));
  all.set("sources", sources.print());
  if (report.error) all.set("buildError", json::Object()).set("message", report.error->message());
  return all;
}

}  // namespace

Result<std::optional<BuildCall>> build_call(const Arguments& arguments) {
  const auto given = arguments.value("call");
  if (!given)
    return arguments.flag("check") ? std::optional(BuildCall()) : std::optional<BuildCall>();
  BuildCall call;
  std::string method;
  for (const std::string& field : TRY(build::split_csv(*given), "--call")) {
    const auto pair = split_once(field, '=');
    if (!pair && method.empty()) {
      method = field;
    } else if (pair && pair->first == "format" &&
               (pair->second == "json" || pair->second == "text")) {
      call.is_json = pair->second == "json";
    } else if (pair && pair->first == "ignorestatus" &&
               (pair->second == "true" || pair->second == "false")) {
      call.ignores_status = pair->second == "true";
    } else {
      return bad_value("call", *given, "write METHOD[,format=json][,ignorestatus=true]");
    }
  }
  if (method == "build" || method.empty()) return std::optional<BuildCall>();
  if (method != "check" && method != "lint" && method != "outline" && method != "targets")
    return bad_value("call", *given, "the methods are build, check, outline and targets");
  if (method == "outline") call.method = Method::Outline;
  if (method == "targets") call.method = Method::Targets;
  return std::optional(call);
}

Result<int> print_report(Context& context, const BuildCall& call,
                         const build::CheckReport& report) {
  const std::size_t count = report.findings.size();
  const int status = (count > 0 || report.fails) && !call.ignores_status ? 1 : report.error ? 1 : 0;
  if (call.is_json) {
    context.print(indented(print_findings(report)));
    return status;
  }
  if (count > 0)
    context.print("Check complete, " + std::to_string(count) +
                  (count == 1 ? " warning has been found!\n" : " warnings have been found!\n"));
  for (const build::Finding& finding : report.findings) {
    const std::string page = finding.rule->page.empty() ? "" : " - " + finding.rule->url();
    context.print("\nWARNING: " + std::string(finding.rule->name) + page + "\n" +
                  escaped(finding.message) + "\n" + excerpt(*finding.source, finding.range));
  }
  if (report.error) (void)report_with_line(context, *report.error);
  if (count == 0 && !report.error) context.print("Check complete, no warnings found.\n");
  return status;
}

Result<int> print_outline(Context& context, const BuildCall& call, const build::Outline& outline,
                          const std::string& text) {
  if (call.is_json) {
    json::Value value{json::Object()};
    set_text(value, "name", outline.name);
    set_text(value, "description", outline.description);
    if (!outline.arguments.empty()) value.set("args", print_items(outline.arguments));
    if (!outline.secrets.empty()) value.set("secrets", print_items(outline.secrets));
    if (!outline.agents.empty()) value.set("ssh", print_items(outline.agents));
    value.set("sources", json::Array{to_base64(text)});
    context.print(indented(value));
    return 0;
  }
  std::string out;
  if (!outline.name.empty() || !outline.description.empty()) {
    std::vector<std::vector<std::string>> rows{
        {"TARGET:", outline.name.empty() ? "(default)" : escaped(outline.name)}};
    if (!outline.description.empty())
      rows.push_back({"DESCRIPTION:", escaped(outline.description)});
    out += render_table(rows, 0, 1) + "\n";
  }
  if (!outline.arguments.empty()) {
    std::vector<std::vector<std::string>> rows{{"BUILD ARG", "VALUE", "DESCRIPTION"}};
    for (const build::OutlineItem& item : outline.arguments)
      rows.push_back({escaped(item.name), escaped(item.value), escaped(item.description)});
    out += render_table(rows, 0) + "\n";
  }
  out += print_secrets("SECRET", outline.secrets);
  out += print_secrets("SSH", outline.agents);
  context.print(out);
  return 0;
}

Result<int> print_targets(Context& context, const BuildCall& call, const build::Dockerfile& file) {
  json::Array targets;
  std::vector<std::vector<std::string>> rows{{"TARGET", "DESCRIPTION"}};
  std::vector<const build::Instruction*> stages;
  for (const build::Instruction& instruction : file.instructions)
    if (instruction.as<build::From>() != nullptr) stages.push_back(&instruction);
  for (const build::Instruction* stage : stages) {
    const auto& from = *stage->as<build::From>();
    const bool is_default = stage == stages.back();
    const std::string name = from.name ? from.name->text : "";
    const std::string shown = name.empty() ? (is_default ? "(default)" : "")
                                           : escaped(name) + (is_default ? " (default)" : "");
    rows.push_back({shown, escaped(from.description)});
    json::Value target{json::Object()};
    set_text(target, "name", name);
    if (is_default) target.set("default", true);
    set_text(target, "description", from.description);
    set_text(target, "base", from.image.text);
    if (from.platform) set_text(target, "platform", from.platform->text);
    target.set("location", location(stage->range));
    targets.push_back(std::move(target));
  }
  if (call.is_json) {
    json::Value value;
    value.set("targets", std::move(targets));
    value.set("sources", json::Array{to_base64(file.source->text())});
    context.print(indented(value));
    return 0;
  }
  context.print(render_table(rows, 0, 1));
  return 0;
}

}  // namespace tare::cli
