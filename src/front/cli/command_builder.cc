// SPDX-License-Identifier: Apache-2.0
// docker buildx has builders to be made and chosen; programs ask for theirs before they build. Here
// is one, always, on this machine and without a server, and these commands say so.
#include "front/cli/command_builder.h"

#include <set>

#include "base/text.h"
#include "engine/build.h"
#include "front/cli/render.h"
#include "oci/manifest.h"

namespace tare::cli {
namespace {

constexpr const char* kBuilder = "default";
constexpr const char* kDriver = "tare";

std::string platform() { return "linux/" + std::string(oci::host_architecture()); }

}  // namespace

Result<int> cmd_builders(Context& context, const Arguments& arguments) {
  Row row;
  row.fields.set("Name", kBuilder);
  row.fields.set("DriverEndpoint", kDriver);
  row.fields.set("Status", "running");
  row.fields.set("Buildkit", "");
  row.fields.set("Platforms", platform());
  const Columns columns = {{"Name", "NAME/NODE"},
                           {"DriverEndpoint", "DRIVER/ENDPOINT"},
                           {"Status", "STATUS"},
                           {"Buildkit", "BUILDKIT"},
                           {"Platforms", "PLATFORMS"}};
  const std::string format = arguments.value_or("format", "");
  // The one that is chosen has a star, in the table alone. [observed: docker buildx ls]
  if (format.empty() || format.starts_with("table"))
    row.fields.set("Name", std::string(kBuilder) + "*");
  context.print(TRY(render_rows({row}, format, columns, columns)));
  return 0;
}

Result<int> cmd_builder_inspect(Context& context, const Arguments& /*arguments*/) {
  const std::string name = std::string("Name:   ") + kBuilder + "\n";
  context.print(name + "Driver: " + kDriver + "\n\nNodes:\n" + "Name:      " + kBuilder +
                "\nEndpoint:  this machine\nStatus:    running\n" + "Platforms: " + platform() +
                "\n");
  return 0;
}

Result<int> cmd_builder_create(Context& context, const Arguments& arguments) {
  const std::string driver = arguments.value_or("driver", "docker");
  if (driver != "docker" && driver != "docker-container" && driver != kDriver)
    return std::unexpected(
        Error(Kind::Unsupported, "there is no driver " + quoted(driver) + " for builds")
            .hint("builds run on this machine; leave out --driver"));
  for (const char* option : {"driver-opt", "buildkitd-flags", "buildkitd-config", "config"})
    if (!arguments.list(option).empty())
      context.warn(std::string("--") + option + " has no effect: there is no server for builds");
  context.warn("there is one builder, which is always there; nothing was made");
  context.print(escaped(arguments.value_or("name", kBuilder)) + "\n");
  return 0;
}

Result<int> cmd_builder_use(Context& context, const Arguments& /*arguments*/) {
  context.warn("there is one builder, which is always there; nothing was changed");
  return 0;
}

Result<int> cmd_builder_version(Context& context, const Arguments& /*arguments*/) {
  context.print("tare " + std::string(TARE_VERSION) + ", which builds without buildx\n");
  return 0;
}

Result<int> cmd_builder_usage(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const std::vector<image::Step> steps = TRY(engine::build_cache(engine));
  const UnixNanos now = now_ns();
  std::set<Digest> counted;
  std::uint64_t total = 0;
  std::vector<Row> rows;
  for (const image::Step& step : steps) {
    // A layer that several have is there once.
    if (counted.insert(step.diff_id).second) total += step.size;
    Row row;
    row.fields.set("ID", step.key.short_hex());
    row.fields.set("Reclaimable", "true");
    row.fields.set("Size", human_size(step.size));
    row.fields.set("LastUsedSince", ago(step.last_used, now));
    row.fields.set("CreatedSince", ago(step.made_at, now));
    row.fields.set("Description", arguments.flag("verbose") ? step.what : ellipsis(step.what, 50));
    rows.push_back(std::move(row));
  }
  const Columns columns = {{"ID", "ID"},
                           {"Reclaimable", "RECLAIMABLE"},
                           {"Size", "SIZE"},
                           {"LastUsedSince", "LAST ACCESSED"},
                           {"Description", "DESCRIPTION"}};
  Columns titles = columns;
  titles.emplace_back("CreatedSince", "CREATED");
  const std::string format = arguments.value_or("format", "");
  context.print(TRY(render_rows(rows, format, columns, titles)));
  if (format.empty()) context.print("Total:\t" + human_size(total) + "\n");
  return 0;
}

}  // namespace tare::cli
