// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <regex.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/render.h"

namespace tare::cli {
namespace {

using engine::Container;
using engine::Status;

// Functions and not objects: a start of the program must not fill tables that it does not use.
Columns default_columns() {
  return {{"ID", "CONTAINER ID"},    {"Image", "IMAGE"},   {"Command", "COMMAND"},
          {"RunningFor", "CREATED"}, {"Status", "STATUS"}, {"Ports", "PORTS"},
          {"Names", "NAMES"}};
}

Columns all_titles() {
  return {{"ID", "CONTAINER ID"},    {"Image", "IMAGE"},          {"Command", "COMMAND"},
          {"RunningFor", "CREATED"}, {"CreatedAt", "CREATED AT"}, {"Status", "STATUS"},
          {"State", "STATE"},        {"Ports", "PORTS"},          {"Names", "NAMES"},
          {"Size", "SIZE"},          {"Labels", "LABELS"},        {"LocalVolumes", "LOCAL VOLUMES"},
          {"Mounts", "MOUNTS"},      {"Networks", "NETWORKS"},    {"Grants", "GRANTS"}};
}

// Docker's names; those of states and things that do not exist here match nothing.
std::vector<std::string> known_filters() {
  return {"ancestor", "before", "exited",  "expose",  "health", "id",     "is-task",
          "label",    "name",   "network", "publish", "since",  "status", "volume"};
}

// A search for an extended regular expression, as Docker matches names. [regex(7)]
class Pattern {
 public:
  static Result<std::unique_ptr<Pattern>> compile(const std::string& text) {
    auto pattern = std::unique_ptr<Pattern>(new Pattern);
    if (::regcomp(&pattern->regex_, text.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
      return bad_value("filter", "name=" + text, "not a regular expression");
    pattern->compiled_ = true;
    return pattern;
  }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  ~Pattern() {
    if (compiled_) ::regfree(&regex_);
  }
  bool matches(const std::string& text) const {
    return ::regexec(&regex_, text.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  Pattern() = default;
  regex_t regex_{};
  bool compiled_ = false;
};

class Filter {
 public:
  static Result<Filter> make(engine::Engine& engine, const Arguments& arguments) {
    Filter filter;
    for (auto& [key, value] : TRY(parse_filters(arguments.list("filter"), known_filters()))) {
      if (key == "name") {
        filter.names_.push_back(TRY(Pattern::compile(value)));
      } else if (key == "before" || key == "since") {
        const Container other = TRY(engine.find(value), "--filter " + key);
        (key == "before" ? filter.before_ : filter.since_) = other.created_at;
      } else if (key == "status") {
        TRY(check_state(value));
        filter.wanted_[key].push_back(value);
      } else if (key == "exited") {
        if (!parse_i64(value)) return bad_value("filter", "exited=" + value, "not an exit code");
        filter.wanted_[key].push_back(value);
      } else if (key == "label") {
        filter.labels_.push_back(value);
      } else if (key == "ancestor") {
        filter.wanted_[key].push_back(value);
        if (const auto image = engine.images().find(value))
          filter.ancestors_.push_back(image->id.hex());
      } else {
        filter.wanted_[key].push_back(value);
      }
    }
    return filter;
  }

  bool has(const std::string& key) const { return wanted_.contains(key); }

  bool passes(const Container& container) const {
    if (before_ && container.created_at >= *before_) return false;
    if (since_ && container.created_at <= *since_) return false;
    if (!names_.empty() && std::ranges::none_of(names_, [&](const auto& pattern) {
          return pattern->matches(container.name) || pattern->matches("/" + container.name);
        }))
      return false;
    for (const std::string& label : labels_)
      if (!has_label(container, label)) return false;
    return std::ranges::all_of(wanted_, [&](const auto& entry) {
      return std::ranges::any_of(entry.second, [&](const std::string& value) {
        return matches(container, entry.first, value);
      });
    });
  }

 private:
  static Result<> check_state(const std::string& value) {
    const std::vector<std::string> known = {"created", "restarting", "running", "removing",
                                            "paused",  "exited",     "dead"};
    if (std::ranges::find(known, value) != known.end()) return {};
    return bad_value("filter", "status=" + value, "the states are " + join(known, ", "));
  }

  static bool has_label(const Container& container, const std::string& label) {
    const auto pair = split_once(label, '=');
    const auto found = container.config.labels.find(std::string(pair ? pair->first : label));
    if (found == container.config.labels.end()) return false;
    return !pair || found->second == pair->second;
  }

  bool matches(const Container& container, const std::string& key, const std::string& value) const {
    if (key == "id") return container.id.starts_with(value);
    if (key == "status") return value == state_text(container);
    if (key == "exited")
      return container.status == Status::Exited && std::to_string(container.exit_code) == value;
    if (key == "network")
      return value == (container.config.network.empty() ? "none" : container.config.network);
    if (key == "health") return value == "none";
    if (key == "is-task") return value == "false";
    if (key == "volume")
      return std::ranges::any_of(container.config.mounts, [&](const auto& mount) {
        return mount.target == value || mount.source == value;
      });
    if (key == "ancestor")
      return container.image_name == value ||
             std::ranges::find(ancestors_, container.image_id.hex()) != ancestors_.end();
    return false;
  }

  std::vector<std::unique_ptr<Pattern>> names_;
  std::vector<std::string> labels_;
  std::vector<std::string> ancestors_;
  std::optional<UnixNanos> before_;
  std::optional<UnixNanos> since_;
  std::map<std::string, std::vector<std::string>> wanted_;  // Any of the values of each key.
};

// Which columns cost something to find out.
struct Wanted {
  bool size = false;
  bool whole = false;  // --no-trunc
};

std::string mounts_text(const Container& container, bool whole) {
  std::vector<std::string> sources;
  for (const auto& mount : container.config.mounts)
    if (!mount.source.empty()) sources.push_back(whole ? mount.source : ellipsis(mount.source, 15));
  return join(sources, ",");
}

// Arguments with a space in them are quoted, the program's name never. [moby/container/view.go]
std::string command_text(const std::vector<std::string>& argv) {
  std::string text;
  for (const std::string& word : argv) {
    const bool quotes = !text.empty() && word.find(' ') != std::string::npos;
    if (!text.empty()) text += ' ';
    text += quotes ? "'" + word + "'" : word;
  }
  return text;
}

Row make_row(engine::Engine& engine, const Container& container, const Wanted& wanted,
             UnixNanos now) {
  Row row;
  json::Value& fields = row.fields;
  const std::string command = command_text(container.argv);
  fields.set("ID", wanted.whole ? container.id : container.id.substr(0, 12));
  fields.set("Image", container.image_name);
  fields.set("Command", go_quote(wanted.whole ? command : ellipsis(command, 20)));
  fields.set("CreatedAt", created_at(container.created_at));
  fields.set("RunningFor", ago(container.created_at, now));
  fields.set("Ports", "");
  fields.set("State", state_text(container));
  fields.set("Status", status_text(container, now));
  std::string size = "0B";
  if (wanted.size) {
    const std::uint64_t own = engine.size(container.id).value_or(0);
    std::uint64_t all = own;
    if (const auto image = engine.images().find(container.image_id.text())) all += image->size;
    size = human_size(own) + " (virtual " + human_size(all) + ")";
  }
  fields.set("Size", size);
  fields.set("Names", container.name);
  std::vector<std::string> labels;
  json::Value by_name{json::Object()};
  for (const auto& [key, value] : container.config.labels) {
    labels.push_back(fmt::format("{}={}", key, value));
    by_name.set(key, value);
  }
  fields.set("Labels", join(labels, ","));
  row.methods.set("Label", std::move(by_name));
  fields.set("LocalVolumes", "0");
  fields.set("Mounts", mounts_text(container, wanted.whole));
  std::vector<std::string> grants;
  for (const auto& [name, because] : container.grants)
    if (std::ranges::find(grants, name) == grants.end()) grants.push_back(name);
  fields.set("Grants", join(grants, ","));
  fields.set("Networks", container.config.network.empty() ? "none" : container.config.network);
  return row;
}

Result<std::vector<Container>> chosen(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  std::int64_t last = -1;
  if (const auto text = arguments.value("last")) {
    const auto count = parse_i64(*text);
    if (!count || *count < -1) return bad_value("last", *text, "not a number of containers");
    last = *count;
  }
  if (arguments.flag("latest")) last = 1;
  const Filter filter = TRY(Filter::make(engine, arguments));
  const bool all = arguments.flag("all") || last > 0 || filter.has("status");
  std::vector<Error> problems;
  std::vector<Container> containers = TRY(engine.list(&problems));
  for (const Error& problem : problems) context.report(problem);
  std::erase_if(containers, [&](const Container& container) {
    return (!all && container.status != Status::Running) || !filter.passes(container);
  });
  if (last > 0 && containers.size() > static_cast<std::size_t>(last))
    containers.resize(static_cast<std::size_t>(last));
  return containers;
}

}  // namespace

Result<int> cmd_ps(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const std::vector<Container> containers = TRY(chosen(context, arguments));
  const std::string format = arguments.value_or("format", "");
  const Wanted wanted{.size = arguments.flag("size") || format.find(".Size") != std::string::npos,
                      .whole = arguments.flag("no-trunc")};
  if (arguments.flag("quiet") && format.empty()) {
    for (const Container& container : containers)
      context.print((wanted.whole ? container.id : container.id.substr(0, 12)) + "\n");
    return 0;
  }
  std::vector<Row> rows;
  rows.reserve(containers.size());
  const UnixNanos now = now_ns();
  for (const Container& container : containers)
    rows.push_back(make_row(engine, container, wanted, now));
  Columns columns = default_columns();
  if (arguments.flag("grants")) columns.emplace_back("Grants", "GRANTS");
  if (arguments.flag("size")) columns.emplace_back("Size", "SIZE");
  context.print(TRY(render_rows(rows, format, columns, all_titles())));
  return 0;
}

}  // namespace tare::cli
