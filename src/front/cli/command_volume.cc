// SPDX-License-Identifier: Apache-2.0
// volume create, ls, inspect and rm; volume prune is with the other prunes.
#include <algorithm>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/render.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

using engine::VolumeInfo;
using enum OptionKind;

constexpr std::string_view kNoCluster = "Tare runs on one machine and has no cluster volumes";

constexpr Option kVolumeCreate[] = {
    {'d', "driver", Value, "name", "local, the only one"},
    {0, "label", List, "NAME=VALUE", "Attach a label to the volume"},
    {'o', "opt", List, "NAME=VALUE",
     "A directory of the host: type=none, o=bind (or bind,ro) and device=/path"},
    {0, "name", Value, "name", "", {}, false, true},
    {0, "availability", MissingValue, "", kNoCluster},
    {0, "group", MissingValue, "", kNoCluster},
    {0, "scope", MissingValue, "", kNoCluster},
    {0, "sharing", MissingValue, "", kNoCluster},
};
constexpr Option kVolumeList[] = {
    {'f', "filter", List, "key=value", "Only some: dangling, driver, label, name"},
    {0, "format", Value, "format", "table, json, or a Go template as '{{.Name}}'"},
    {'q', "quiet", Flag, "", "Print names only"},
    {0, "cluster", MissingFlag, "", kNoCluster},
};
constexpr Option kVolumeRemove[] = {
    {'f', "force", Flag, "", "No failure when it is not there"},
    {0, "no-undo", Flag, "", "Remove for good, at once"},
};

Result<> check_driver(const Arguments& arguments) {
  const std::string driver = arguments.value_or("driver", "local");
  if (driver == "local") return {};
  return std::unexpected(
      Error(Kind::Unsupported, "--driver " + quoted(driver) + ": there are no plugins of volumes")
          .hint("local is the driver there is"));
}

bool has_label(const store::Volume& volume, const std::string& label) {
  const auto pair = split_once(label, '=');
  const auto found = volume.labels.find(std::string(pair ? pair->first : label));
  return found != volume.labels.end() && (!pair || found->second == pair->second);
}

using Filters = std::vector<std::pair<std::string, std::string>>;

// Of several values of one key any is enough, but for labels. [docker volume ls, "Filtering"]
Result<bool> passes(const VolumeInfo& info, const Filters& filters) {
  std::map<std::string, bool> found;
  for (const auto& [key, value] : filters) {
    bool fits = false;
    if (key == "name") {
      fits = info.volume.name.find(value) != std::string::npos;
    } else if (key == "driver") {
      fits = value == "local";
    } else if (key == "dangling") {
      const auto on = parse_bool(value);
      if (!on) return bad_value("filter", "dangling=" + value, on.error().message());
      fits = *on == info.containers.empty();
    } else if (!has_label(info.volume, value)) {
      return false;
    } else {
      fits = true;
    }
    found[key] = found[key] || fits;
  }
  return std::ranges::all_of(found, [](const auto& entry) { return entry.second; });
}

Row make_row(const engine::Engine& engine, const VolumeInfo& info) {
  Row row;
  row.fields.set("Availability", "N/A");
  row.fields.set("Driver", "local");
  row.fields.set("Group", "N/A");
  std::vector<std::string> labels;
  json::Value by_name{json::Object()};
  for (const auto& [key, value] : info.volume.labels) {
    labels.push_back(key + "=" + value);
    by_name.set(key, value);
  }
  row.fields.set("Labels", join(labels, ","));
  row.methods.set("Label", std::move(by_name));
  row.fields.set("Links", std::to_string(info.containers.size()));
  row.fields.set("Mountpoint", engine.root() + "/" + store::volume_data_path(info.volume.name));
  row.fields.set("Name", info.volume.name);
  row.fields.set("Scope", "local");
  row.fields.set("Size", "N/A");
  row.fields.set("Status", "N/A");
  return row;
}

}  // namespace

std::span<const Option> volume_create_options() { return kVolumeCreate; }
std::span<const Option> volume_list_options() { return kVolumeList; }
std::span<const Option> volume_remove_options() { return kVolumeRemove; }

Result<int> cmd_volume_create(Context& context, const Arguments& arguments) {
  TRY(check_driver(arguments));
  engine::CreateVolumeRequest request;
  request.name = arguments.value_or("name", "");
  if (!arguments.operands.empty()) {
    if (!request.name.empty())
      return fail(Kind::Invalid, "the name is given twice: as operand and with --name");
    request.name = arguments.operands[0];
    if (request.name.empty()) return fail(Kind::Invalid, "the volume's name is empty");
  }
  request.labels = TRY(pairs_of(arguments, "label"));
  request.options = TRY(pairs_of(arguments, "opt"));
  engine::Engine& engine = *TRY(context.engine());
  context.print(TRY(engine.create_volume(request)).name + "\n");
  return 0;
}

Result<int> cmd_volume_ls(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const Filters filters =
      TRY(parse_filters(arguments.list("filter"), {"dangling", "driver", "label", "name"}));
  const std::string format = arguments.value_or("format", "");
  std::vector<Row> rows;
  for (const VolumeInfo& info : TRY(engine.volumes())) {
    const bool wanted = TRY(passes(info, filters));
    if (wanted) rows.push_back(make_row(engine, info));
  }
  if (arguments.flag("quiet") && format.empty()) {
    for (const Row& row : rows) context.print(row.fields["Name"].as_string() + "\n");
    return 0;
  }
  const Columns columns = {{"Driver", "DRIVER"}, {"Name", "VOLUME NAME"}};
  Columns titles = columns;
  for (const auto& title : Columns{{"Availability", "AVAILABILITY"},
                                   {"Group", "GROUP"},
                                   {"Labels", "LABELS"},
                                   {"Links", "LINKS"},
                                   {"Mountpoint", "MOUNTPOINT"},
                                   {"Scope", "SCOPE"},
                                   {"Size", "SIZE"},
                                   {"Status", "STATUS"}})
    titles.push_back(title);
  context.print(TRY(render_rows(rows, format, columns, titles)));
  return 0;
}

Result<int> cmd_volume_inspect(Context& context, const Arguments& arguments) {
  const std::string format = arguments.value_or("format", "");
  if (!format.empty() && format != "json") TRY(Template::parse(format));
  engine::Engine& engine = *TRY(context.engine());
  json::Array found;
  std::vector<Error> problems;
  for (const std::string& name : arguments.operands) {
    auto info = engine.find_volume(name);
    if (info)
      found.push_back(engine.inspect_volume(info->volume));
    else
      problems.push_back(std::move(info).error());
  }
  if (format.empty())
    context.print(json::print(found, json::Style::Indented) + "\n");
  else if (format == "json")
    context.print(json::print(found) + "\n");
  else
    context.print(TRY(render_values(found, format)));
  for (const Error& problem : problems) context.report(problem);
  return problems.empty() ? 0 : 1;
}

Result<int> cmd_volume_rm(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  return context.for_each(arguments.operands, [&](const std::string& name) -> Result<> {
    auto removed = engine.remove_volume(name, arguments.flag("no-undo"));
    if (!removed && arguments.flag("force") && removed.error().kind() == Kind::NotFound) return {};
    return removed;
  });
}

}  // namespace tare::cli
