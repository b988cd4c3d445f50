// SPDX-License-Identifier: Apache-2.0
// df and undo: what the store takes, and what brings back what was removed.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/render.h"

namespace tare::cli {
namespace {

using store::UsageClass;

std::string reclaimable(std::uint64_t bytes, std::uint64_t of) {
  const std::string text = human_size(bytes);
  return of == 0 ? text : fmt::format("{} ({}%)", text, bytes * 100 / of);
}

Row df_row(std::string_view type, std::size_t total, std::size_t active, std::uint64_t size,
           std::uint64_t free) {
  Row row;
  row.fields.set("Type", type);
  row.fields.set("TotalCount", std::to_string(total));
  row.fields.set("Active", std::to_string(active));
  row.fields.set("Size", human_size(size));
  row.fields.set("Reclaimable", reclaimable(free, size));
  return row;
}

// Docker's table. What is in the bin has a line of its own, which Docker's has not.
std::vector<Row> docker_rows(const engine::Usage& usage) {
  std::size_t images = 0;
  std::size_t active_images = 0;
  std::size_t containers = 0;
  std::size_t running = 0;
  std::size_t removed = 0;
  std::uint64_t written = 0;
  std::uint64_t stopped = 0;
  for (const engine::ImageUsage& image : usage.images) {
    removed += image.removed;
    images += !image.removed;
    active_images += image.containers > 0;
  }
  std::size_t volumes = 0;
  std::size_t active_volumes = 0;
  for (const engine::VolumeUsage& volume : usage.volumes) {
    removed += volume.removed;
    volumes += !volume.removed;
    active_volumes += volume.containers > 0;
  }
  for (const engine::ContainerUsage& container : usage.containers) {
    const bool in_bin = container.status == "removed";
    removed += in_bin;
    containers += !in_bin;
    running += container.status == "running";
    if (!in_bin) written += container.written + container.logs;
    if (!in_bin && container.status != "running") stopped += container.written + container.logs;
  }
  std::size_t used_caches = 0;
  std::uint64_t free_caches = 0;
  for (const engine::VolumeUsage& cache : usage.caches) {
    used_caches += cache.containers > 0;
    if (cache.containers == 0) free_caches += cache.bytes;
  }
  const std::uint64_t bin = usage.store.of(UsageClass::Bin).bytes + usage.removed_images_bytes;
  return {df_row("Images", images, active_images, usage.images_bytes, usage.images_reclaimable),
          df_row("Containers", containers, running, written, stopped),
          df_row("Local Volumes", volumes, active_volumes,
                 usage.store.of(UsageClass::Volumes).bytes - usage.caches_bytes,
                 usage.volumes_reclaimable),
          df_row("Build Cache", usage.steps + usage.caches.size(), used_caches,
                 usage.store.of(UsageClass::Caches).bytes + usage.steps_bytes + usage.caches_bytes,
                 usage.steps_bytes + free_caches),
          df_row("Removed", removed, 0, bin, bin)};
}

std::vector<Row> class_rows(const engine::Usage& usage) {
  std::vector<Row> rows;
  const auto add = [&](std::string_view name, const store::UsageSum& sum) {
    Row row;
    row.fields.set("Class", name);
    row.fields.set("Files", std::to_string(sum.files));
    row.fields.set("Bytes", std::to_string(sum.bytes));
    row.fields.set("Size", human_size(sum.bytes));
    rows.push_back(std::move(row));
  };
  for (std::size_t i = 0; i < store::kUsageClasses; ++i) {
    const auto which = static_cast<UsageClass>(i);
    if (usage.store.of(which).files > 0) add(store::usage_class_name(which), usage.store.of(which));
  }
  add("total", usage.store.total);
  return rows;
}

json::Value usage_json(const engine::Usage& usage) {
  json::Value out;
  out.set("Total", usage.store.total.bytes);
  json::Value classes;
  for (std::size_t i = 0; i < store::kUsageClasses; ++i) {
    const auto which = static_cast<UsageClass>(i);
    classes.set(std::string(store::usage_class_name(which)), usage.store.of(which).bytes);
  }
  out.set("Classes", std::move(classes));
  json::Array images;
  for (const engine::ImageUsage& image : usage.images) {
    json::Value one;
    one.set("Id", image.id.text());
    one.set("Names", json::Value(image.names));
    one.set("Removed", image.removed);
    one.set("Containers", image.containers);
    one.set("SharedSize", image.shared);
    one.set("UniqueSize", image.unique);
    images.push_back(std::move(one));
  }
  out.set("Images", std::move(images));
  json::Array containers;
  for (const engine::ContainerUsage& container : usage.containers) {
    json::Value one;
    one.set("Id", container.id);
    one.set("Name", container.name);
    one.set("Status", container.status);
    one.set("Written", container.written);
    one.set("Logs", container.logs);
    containers.push_back(std::move(one));
  }
  out.set("Containers", std::move(containers));
  json::Array volumes;
  for (const engine::VolumeUsage& volume : usage.volumes) {
    json::Value one;
    one.set("Name", volume.name);
    one.set("Anonymous", volume.anonymous);
    one.set("Removed", volume.removed);
    one.set("Links", volume.containers);
    one.set("Size", volume.bytes);
    volumes.push_back(std::move(one));
  }
  out.set("Volumes", std::move(volumes));
  json::Array caches;
  for (const engine::VolumeUsage& cache : usage.caches) {
    json::Value one;
    one.set("Name", cache.cache);
    one.set("Volume", cache.name);
    one.set("Size", cache.bytes);
    caches.push_back(std::move(one));
  }
  out.set("CacheMounts", std::move(caches));
  return out;
}

void print_details(Context& context, const engine::Usage& usage) {
  std::vector<std::vector<std::string>> rows = {
      {"IMAGE", "IMAGE ID", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS", "STATUS"}};
  for (const engine::ImageUsage& image : usage.images)
    rows.push_back({image.names.empty() ? "<none>" : familiar(image.names[0]), image.id.short_hex(),
                    human_size(image.shared), human_size(image.unique),
                    std::to_string(image.containers),
                    image.removed          ? "removed"
                    : image.containers > 0 ? "in use"
                                           : "unused"});
  context.print("\nImages:\n" + render_table(rows));
  rows = {{"CONTAINER", "CONTAINER ID", "IMAGE", "WRITTEN", "LOGS", "STATUS"}};
  for (const engine::ContainerUsage& container : usage.containers)
    rows.push_back({container.name, container.id.substr(0, 12), container.image,
                    human_size(container.written), human_size(container.logs), container.status});
  context.print("\nContainers:\n" + render_table(rows));
  rows = {{"VOLUME NAME", "LINKS", "SIZE", "STATUS"}};
  for (const engine::VolumeUsage& volume : usage.volumes)
    rows.push_back({volume.name, std::to_string(volume.containers), human_size(volume.bytes),
                    volume.removed          ? "removed"
                    : volume.containers > 0 ? "in use"
                                            : "unused"});
  context.print("\nLocal Volumes:\n" + render_table(rows));
}

// Parts of what is not an image's, and files that are nobody's, by name.
void print_strangers(Context& context, const engine::Usage& usage) {
  for (const auto& [owner, bytes] : usage.store.owners)
    if (store::owner_of(owner).which == UsageClass::Other)
      context.warn(
          fmt::format("{} in the store is not of Tare ({})", quoted(owner), human_size(bytes)));
}

Result<int> print_why(Context& context, engine::Engine& engine, const std::string& path,
                      const std::string& format) {
  const engine::Why why = TRY(engine.why(path));
  if (format == "json") {
    json::Value out;
    out.set("Path", why.path);
    out.set("Bytes", why.bytes);
    out.set("Class", why.which);
    out.set("Whose", json::Value(why.whose));
    out.set("FreedBy", why.freed_by);
    context.print(json::print(out) + "\n");
    return 0;
  }
  context.print(fmt::format("{}: {} ({})\n", why.path.empty() ? "." : escaped(why.path),
                            human_size(why.bytes), why.which));
  for (const std::string& whose : why.whose) context.print("  " + escaped(whose) + "\n");
  if (!why.freed_by.empty()) context.print("  freed by: " + escaped(why.freed_by) + "\n");
  return 0;
}

// "finished 2026-01-02 03:04:05: clean"; what it found, and how far the one under way is.
std::string scrub_text(const engine::ScrubState& scrub) {
  std::string text = scrub.finished == 0 ? "never finished"
                                         : "finished " + rfc3339(scrub.finished) + ": " +
                                               (scrub.found.empty() ? std::string("clean")
                                                                    : join(scrub.found, "; "));
  if (scrub.began == 0) return text;
  text += fmt::format("; begun {}, {} layers and images read", rfc3339(scrub.began), scrub.done);
  return text + (scrub.found_now.empty() ? "" : ", found: " + join(scrub.found_now, "; "));
}

std::string prometheus_text(const engine::Usage& usage, const engine::Budget& budget,
                            const engine::ScrubState& scrub) {
  std::string out =
      "# HELP tare_store_bytes Allocated bytes in the store, by class.\n"
      "# TYPE tare_store_bytes gauge\n";
  for (std::size_t i = 0; i < store::kUsageClasses; ++i) {
    const auto which = static_cast<UsageClass>(i);
    out += fmt::format("tare_store_bytes{{class=\"{}\"}} {}\n", store::usage_class_name(which),
                       usage.store.of(which).bytes);
  }
  out += fmt::format(
      "# HELP tare_store_total_bytes Allocated bytes in the store.\n"
      "# TYPE tare_store_total_bytes gauge\ntare_store_total_bytes {}\n"
      "# HELP tare_store_files Files and directories in the store.\n"
      "# TYPE tare_store_files gauge\ntare_store_files {}\n"
      "# HELP tare_store_budget_bytes What the store may take.\n"
      "# TYPE tare_store_budget_bytes gauge\ntare_store_budget_bytes {}\n"
      "# HELP tare_store_available_bytes What is left of the budget and of the disk.\n"
      "# TYPE tare_store_available_bytes gauge\ntare_store_available_bytes {}\n",
      usage.store.total.bytes, usage.store.total.files, budget.max, budget.available);
  constexpr double kSecond = 1e9;
  out += fmt::format(
      "# HELP tare_scrub_finished_seconds When the last scrub read everything, since 1970; 0: "
      "never.\n"
      "# TYPE tare_scrub_finished_seconds gauge\ntare_scrub_finished_seconds {:.0f}\n"
      "# HELP tare_scrub_damaged What the last scrub, or the one under way, found damaged.\n"
      "# TYPE tare_scrub_damaged gauge\ntare_scrub_damaged {}\n",
      static_cast<double>(scrub.finished) / kSecond,
      std::max(scrub.found.size(), scrub.found_now.size()));
  return out;
}

// What would go to make room for so many bytes.
Result<int> print_room(Context& context, engine::Engine& engine, const std::string& size) {
  const auto bytes = parse_size(size);
  if (!bytes) return bad_value("room", size, bytes.error().message());
  const engine::RoomPlan plan = TRY(engine.plan_room(*bytes));
  context.print(fmt::format("needs {}, {} free of the budget of {}\n", human_size(*bytes),
                            human_size(plan.budget.available), human_size(plan.budget.max)));
  for (const std::string& sentence : plan.evictions)
    context.print("would evict: " + escaped(sentence) + "\n");
  if (plan.enough) return 0;
  context.print("removing everything unused would give " + human_size(plan.would_give) +
                ", which is not enough\n");
  return 1;
}

// For monitors: 0, 1 (warning, at the given share of the budget) or 2 (critical, at 95%).
Result<int> check(Context& context, const engine::Budget& budget, const std::string& percent) {
  constexpr std::uint64_t kCritical = 95;
  const auto warning = parse_u64(percent);
  if (!warning || *warning > 100) return bad_value("check", percent, "a number from 0 to 100");
  const std::uint64_t taken = budget.max == 0 ? 100 : budget.used / (budget.max / 100 + 1);
  const int status = taken >= kCritical || budget.available == 0 ? 2 : taken >= *warning ? 1 : 0;
  constexpr const char* kWords[] = {"OK", "WARNING", "CRITICAL"};
  context.print(fmt::format("{}: {} of the budget of {} ({}%), {} available\n", kWords[status],
                            human_size(budget.used), human_size(budget.max), taken,
                            human_size(budget.available)));
  return status;
}

}  // namespace

Result<int> cmd_df(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const std::string format = arguments.flag("json") ? "json" : arguments.value_or("format", "");
  if (const auto path = arguments.value("why")) return print_why(context, engine, *path, format);
  if (const auto size = arguments.value("room")) return print_room(context, engine, *size);
  const engine::Usage usage = TRY(engine.usage());
  const engine::Budget budget = TRY(engine.budget(usage.store.total.bytes));
  if (format == "prometheus") {
    context.print(prometheus_text(usage, budget, engine.scrub_state()));
    return 0;
  }
  if (const auto percent = arguments.value("check")) return check(context, budget, *percent);
  const Columns docker = {{"Type", "TYPE"},
                          {"TotalCount", "TOTAL"},
                          {"Active", "ACTIVE"},
                          {"Size", "SIZE"},
                          {"Reclaimable", "RECLAIMABLE"}};
  const Columns ours = {
      {"Class", "CLASS"}, {"Files", "FILES"}, {"Bytes", "BYTES"}, {"Size", "SIZE"}};
  if (arguments.called() == "system df") {
    context.print(TRY(render_rows(docker_rows(usage), format, docker, docker)));
  } else if (format == "json") {
    context.print(json::print(usage_json(usage)) + "\n");
    return 0;
  } else {
    context.print(TRY(render_rows(class_rows(usage), format, ours, ours)));
  }
  if (arguments.flag("verbose") && format.empty()) {
    print_details(context, usage);
    context.print("\nScrub: " + scrub_text(engine.scrub_state()) + "\n");
  }
  if (!format.empty()) return 0;
  print_strangers(context, usage);
  if (const auto reached = TRY(engine.threshold_reached(usage.store.total.bytes)))
    context.warn(*reached);
  return 0;
}

namespace {

std::string_view type_word(engine::Removed::Type type) {
  switch (type) {
    case engine::Removed::Type::Image:
      return "image";
    case engine::Removed::Type::Volume:
      return "volume";
    case engine::Removed::Type::Container:
      return "container";
  }
  return "";
}

std::string removed_name(const engine::Removed& one) {
  std::vector<std::string> names;
  for (const std::string& name : one.names)
    names.push_back(one.type == engine::Removed::Type::Image ? familiar(name) : name);
  return names.empty() ? "<none>" : join(names, ",");
}

Result<int> list_removed(Context& context, engine::Engine& engine, const std::string& format) {
  const UnixNanos now = now_ns();
  std::vector<Row> rows;
  for (const engine::Removed& one : TRY(engine.removed())) {
    const bool is_image = one.type == engine::Removed::Type::Image;
    Row row;
    row.fields.set("Type", type_word(one.type));
    row.fields.set("ID", is_image ? one.id.substr(7, 12) : one.id.substr(0, 12));
    row.fields.set("Names", removed_name(one));
    row.fields.set("Removed", ago(one.removed_at, now));
    row.fields.set("Until", created_at(one.until));
    row.fields.set("Size", human_size(one.bytes));
    rows.push_back(std::move(row));
  }
  const Columns columns = {{"Type", "TYPE"},       {"ID", "ID"},       {"Names", "NAMES"},
                           {"Removed", "REMOVED"}, {"Until", "UNTIL"}, {"Size", "SIZE"}};
  context.print(TRY(render_rows(rows, format, columns, columns)));
  return 0;
}

void print_restored(Context& context, const engine::Restored& one) {
  const bool is_image = one.type == engine::Removed::Type::Image;
  std::vector<std::string> names;
  for (const std::string& name : one.names) names.push_back(is_image ? familiar(name) : name);
  context.print("Restored " + std::string(type_word(one.type)) + ": " +
                escaped(names.empty() ? one.id : join(names, ", ")) + "\n");
  for (const std::string& name : one.taken)
    context.warn("the name " + quoted(familiar(name)) + " is another image's now; it stays there");
}

}  // namespace

Result<int> cmd_undo(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  if (arguments.flag("list"))
    return list_removed(context, engine, arguments.value_or("format", ""));
  if (arguments.flag("empty")) {
    context.print("Total reclaimed space: " + human_size(TRY(engine.empty_bin())) + "\n");
    return 0;
  }
  const std::string new_name = arguments.value_or("name", "");
  if (!new_name.empty() && arguments.operands.size() > 1)
    return fail(Kind::Invalid, "--name is for one container or volume");
  std::vector<std::string> wanted = arguments.operands;
  if (wanted.empty()) wanted.emplace_back();
  int status = 0;
  for (const std::string& name : wanted) {
    const auto restored = engine.restore(name, new_name);
    if (!restored) {
      context.report(restored.error());
      status = 1;
      continue;
    }
    for (const engine::Restored& one : *restored) print_restored(context, one);
  }
  return status;
}

}  // namespace tare::cli
