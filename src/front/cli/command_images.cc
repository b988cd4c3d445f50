// SPDX-License-Identifier: Apache-2.0
// images, tag, rmi and history.
#include <fnmatch.h>

#include <algorithm>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/render.h"

namespace tare::cli {
namespace {

using image::Image;

// Functions and not objects: a start of the program must not fill tables that it does not use.
Columns all_titles() {
  return {{"Repository", "REPOSITORY"},
          {"Tag", "TAG"},
          {"Digest", "DIGEST"},
          {"ID", "IMAGE ID"},
          {"CreatedSince", "CREATED"},
          {"CreatedAt", "CREATED AT"},
          {"Size", "SIZE"},
          {"Containers", "CONTAINERS"},
          {"SharedSize", "SHARED SIZE"},
          {"UniqueSize", "UNIQUE SIZE"},
          {"VirtualSize", "SIZE"}};
}

std::vector<std::string> known_filters() {
  return {"before", "dangling", "label", "reference", "since", "until"};
}

// When a build here made it, or else what its config says: of what a build makes that is the time
// of its base, or 1980, whenever it is built. [docs/decisions/0031-created-of-what-is-built.md]
UnixNanos shown_created(const Image& image) {
  const bool has_own_layers = std::ranges::any_of(
      image.layers, [](const store::Layer& layer) { return layer.blob == layer.diff_id; });
  const bool is_built = has_own_layers && !image.attestations.empty();
  return is_built ? std::max(image.loaded_at, image.config.created) : image.config.created;
}

// What an image shows as one line: itself under one of its names.
struct Line {
  const Image* image;
  std::string repository = "<none>";
  std::string tag = "<none>";
  std::string name;  // Familiar: "busybox:latest".
};

std::vector<Line> lines_of(const Image& image) {
  std::vector<Line> lines;
  for (const std::string& name : image.names) {
    const auto reference = image::Reference::parse(name);
    if (!reference) continue;
    lines.push_back({.image = &image,
                     .repository = reference->familiar_repository(),
                     .tag = reference->tag.empty() ? "<none>" : reference->tag,
                     .name = reference->familiar()});
  }
  if (lines.empty()) lines.push_back({.image = &image});
  return lines;
}

// "busybox", "busybox:1.*", "*/x": the pattern goes over the repository, or with a tag over both.
bool matches_reference(const Line& line, const std::string& pattern) {
  if (line.name.empty()) return false;
  return ::fnmatch(pattern.c_str(), line.repository.c_str(), FNM_PATHNAME) == 0 ||
         ::fnmatch(pattern.c_str(), line.name.c_str(), FNM_PATHNAME) == 0;
}

bool has_label(const Image& image, const std::string& label) {
  const auto pair = split_once(label, '=');
  const auto found = image.config.labels.find(std::string(pair ? pair->first : label));
  return found != image.config.labels.end() && (!pair || found->second == pair->second);
}

using Filters = std::vector<std::pair<std::string, std::string>>;

// Checks values and turns names of images into times, so that passes() cannot fail.
Result<Filters> prepare_filters(engine::Engine& engine, const Arguments& arguments) {
  Filters filters = TRY(parse_filters(arguments.list("filter"), known_filters()));
  for (auto& [key, value] : filters) {
    if (key == "dangling") {
      const auto on = parse_bool(value);
      if (!on) return bad_value("filter", "dangling=" + value, on.error().message());
      value = *on ? "true" : "false";
    } else if (key == "before" || key == "since") {
      const Image other = TRY(engine.images().find(value), "--filter " + key);
      value = std::to_string(shown_created(other));
    } else if (key == "until") {
      const auto moment = parse_rfc3339(value);
      const auto span = parse_duration(value);
      if (!moment && !span) return bad_value("filter", "until=" + value, "not a time");
      value = std::to_string(moment ? *moment : now_ns() - span->count());
    }
  }
  return filters;
}

bool passes(const Line& line, const Filters& filters) {
  bool reference_asked = false;
  bool reference_found = false;
  for (const auto& [key, value] : filters) {
    const auto moment = parse_i64(value);
    const UnixNanos created = shown_created(*line.image);
    if (key == "dangling" && (value == "true") != line.image->names.empty()) return false;
    if (key == "label" && !has_label(*line.image, value)) return false;
    if ((key == "before" || key == "until") && created >= moment.value_or(0)) return false;
    if (key == "since" && created <= moment.value_or(0)) return false;
    if (key != "reference") continue;
    reference_asked = true;
    reference_found = reference_found || matches_reference(line, value);
  }
  return !reference_asked || reference_found;
}

Row make_row(const Line& line, bool whole, UnixNanos now) {
  Row row;
  const Image& image = *line.image;
  row.fields.set("Repository", line.repository);
  row.fields.set("Tag", line.tag);
  row.fields.set("Digest", image.manifest.empty() ? "<none>" : image.manifest.text());
  row.fields.set("ID", whole ? image.id.text() : image.id.short_hex());
  row.fields.set("CreatedSince", ago(shown_created(image), now));
  row.fields.set("CreatedAt", created_at(shown_created(image)));
  row.fields.set("Size", human_size(image.size));
  row.fields.set("Containers", "N/A");
  row.fields.set("SharedSize", "N/A");
  row.fields.set("UniqueSize", "N/A");
  row.fields.set("VirtualSize", human_size(image.size));
  return row;
}

// What each takes on disk: with others, and alone.
void add_usage(std::vector<Row>& rows, const std::vector<Line>& lines, const engine::Usage& usage) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto found = std::ranges::find(usage.images, lines[i].image->id, &engine::ImageUsage::id);
    if (found == usage.images.end()) continue;
    rows[i].fields.set("Containers", std::to_string(found->containers));
    rows[i].fields.set("SharedSize", human_size(found->shared));
    rows[i].fields.set("UniqueSize", human_size(found->unique));
  }
}

std::vector<Line> chosen(const std::vector<Image>& images, const Arguments& arguments,
                         const Filters& filters) {
  std::vector<Line> lines;
  for (const Image& image : images)
    for (Line& line : lines_of(image)) {
      if (!arguments.operands.empty() && !matches_reference(line, arguments.operands[0])) continue;
      if (passes(line, filters)) lines.push_back(std::move(line));
    }
  return lines;
}

}  // namespace

Result<int> cmd_images(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const Filters filters = TRY(prepare_filters(engine, arguments));
  std::vector<Error> problems;
  std::vector<Image> images = TRY(engine.images().list(&problems));
  for (const Error& problem : problems) context.warn(problem.message() + " (see tare fsck)");
  std::ranges::stable_sort(images, std::ranges::greater(),
                           [](const Image& image) { return shown_created(image); });
  const std::vector<Line> lines = chosen(images, arguments, filters);
  const bool whole = arguments.flag("no-trunc");
  const std::string format = arguments.value_or("format", "");
  if (arguments.flag("quiet") && format.empty()) {
    const Image* before = nullptr;
    for (const Line& line : lines) {
      if (line.image != before)
        context.print((whole ? line.image->id.text() : line.image->id.short_hex()) + "\n");
      before = line.image;
    }
    return 0;
  }
  std::vector<Row> rows;
  rows.reserve(lines.size());
  const UnixNanos now = now_ns();
  for (const Line& line : lines) rows.push_back(make_row(line, whole, now));
  // A walk over the store, so only for who asks.
  if (format.find("SharedSize") != std::string::npos ||
      format.find("UniqueSize") != std::string::npos ||
      format.find("Containers") != std::string::npos)
    add_usage(rows, lines, TRY(engine.usage()));
  Columns columns = {{"Repository", "REPOSITORY"}, {"Tag", "TAG"}};
  if (arguments.flag("digests")) columns.emplace_back("Digest", "DIGEST");
  columns.insert(columns.end(),
                 {{"ID", "IMAGE ID"}, {"CreatedSince", "CREATED"}, {"Size", "SIZE"}});
  context.print(TRY(render_rows(rows, format, columns, all_titles())));
  return 0;
}

Result<int> cmd_tag(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  TRY(engine.images().tag(arguments.operands[0], arguments.operands[1]));
  return 0;
}

Result<int> cmd_rmi(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  int status = 0;
  for (const std::string& name : arguments.operands) {
    const auto lines = engine.remove_image(
        name, {.force = arguments.flag("force"), .now = arguments.flag("no-undo")});
    if (lines) {
      for (const std::string& line : *lines) context.print(escaped(line) + "\n");
      continue;
    }
    context.report(lines.error());
    if (!arguments.flag("force") || lines.error().kind() != Kind::NotFound) status = 1;
  }
  return status;
}

Result<int> cmd_history(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const bool whole = arguments.flag("no-trunc");
  const bool human = arguments.flag("human");
  const std::string format = arguments.value_or("format", "");
  const UnixNanos now = now_ns();
  std::vector<Row> rows;
  for (const auto& entry : TRY(engine.images().history(arguments.operands[0]))) {
    const std::string id = entry.image.empty() ? "<missing>"
                           : whole             ? entry.image.text()
                                               : entry.image.short_hex();
    if (arguments.flag("quiet") && format.empty()) {
      context.print(id + "\n");
      continue;
    }
    std::string by = entry.created_by;
    std::ranges::replace(by, '\t', ' ');
    Row row;
    row.fields.set("ID", id);
    row.fields.set("CreatedSince", human ? ago(entry.created, now) : rfc3339(entry.created));
    row.fields.set("CreatedAt", rfc3339(entry.created));
    row.fields.set("CreatedBy", whole ? by : ellipsis(by, 45));
    row.fields.set("Size", human ? human_size(entry.size) : std::to_string(entry.size));
    row.fields.set("Comment", entry.comment);
    rows.push_back(std::move(row));
  }
  if (arguments.flag("quiet") && format.empty()) return 0;
  const Columns columns = {{"ID", "IMAGE"},
                           {"CreatedSince", human ? "CREATED" : "CREATED AT"},
                           {"CreatedBy", "CREATED BY"},
                           {"Size", "SIZE"},
                           {"Comment", "COMMENT"}};
  Columns titles = columns;
  titles.emplace_back("CreatedAt", "CREATED AT");
  context.print(TRY(render_rows(rows, format, columns, titles)));
  return 0;
}

}  // namespace tare::cli
