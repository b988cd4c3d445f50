// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/network_view.h"
#include "front/cli/pattern.h"
#include "front/cli/port_options.h"
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

// What is asked for once and not for each container.
struct Known {
  std::map<std::string, std::vector<network::PublishedPort>> ports;  // By container's id.
  std::vector<engine::NetworkInfo> networks;

  const std::vector<network::PublishedPort>& ports_of(const Container& container) const {
    static const std::vector<network::PublishedPort> none;
    const auto found = ports.find(container.id);
    return found == ports.end() ? none : found->second;
  }
};

// Only for listings that show or ask for them. What cannot be read does not end the listing.
Known find_out(Context& context, engine::Engine& engine, bool with_networks) {
  Known known;
  if (const auto ports = engine.ports(""))
    for (const engine::PortInfo& info : *ports) known.ports[info.container].push_back(info.port);
  else
    context.report(ports.error());
  if (!with_networks) return known;
  if (auto networks = engine.networks())
    known.networks = std::move(*networks);
  else
    context.report(networks.error());
  return known;
}

class Filter {
 public:
  static Result<Filter> make(engine::Engine& engine, const Arguments& arguments) {
    Filter filter;
    for (auto& [key, value] : TRY(parse_filters(arguments.list("filter"), known_filters()))) {
      if (key == "name") {
        filter.names_.push_back(TRY(Pattern::compile(key, value)));
      } else if (key == "before" || key == "since") {
        const Container other = TRY(engine.find(value), "--filter " + key);
        (key == "before" ? filter.before_ : filter.since_) = other.created_at;
      } else if (key == "status") {
        TRY(check_state(value));
        filter.wanted_[key].push_back(value);
      } else if (key == "health") {
        TRY(check_health(value));
        filter.wanted_[key].push_back(value);
      } else if (key == "exited") {
        if (!parse_i64(value)) return bad_value("filter", "exited=" + value, "not an exit code");
        filter.wanted_[key].push_back(value);
      } else if (key == "label") {
        filter.labels_.push_back(value);
      } else if (key == "publish" || key == "expose") {
        (key == "publish" ? filter.published_ : filter.exposed_)
            .push_back(TRY(parse_port_range(value, "filter " + key)));
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

  bool passes(const Container& container, const Known& known) const {
    if (before_ && container.created_at >= *before_) return false;
    if (since_ && container.created_at <= *since_) return false;
    if (!names_.empty() && std::ranges::none_of(names_, [&](const auto& pattern) {
          return pattern->matches(container.name) || pattern->matches("/" + container.name);
        }))
      return false;
    for (const std::string& label : labels_)
      if (!has_label(container, label)) return false;
    if (!published_.empty() && !is_published(container, known)) return false;
    if (!exposed_.empty() && !is_exposed(container)) return false;
    return std::ranges::all_of(wanted_, [&](const auto& entry) {
      return std::ranges::any_of(entry.second, [&](const std::string& value) {
        return matches(container, known, entry.first, value);
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

  static Result<> check_health(const std::string& value) {
    using enum engine::HealthStatus;
    for (const auto status : {None, Starting, Healthy, Unhealthy})
      if (value == engine::health_text(status)) return {};
    return bad_value("filter", "health=" + value, "it is none, starting, healthy or unhealthy");
  }

  static bool has_label(const Container& container, const std::string& label) {
    const auto pair = split_once(label, '=');
    const auto found = container.config.labels.find(std::string(pair ? pair->first : label));
    if (found == container.config.labels.end()) return false;
    return !pair || found->second == pair->second;
  }

  // By the ports of the container, as Docker does: publish=80 also finds 8080:80.
  bool is_published(const Container& container, const Known& known) const {
    return std::ranges::any_of(published_, [&](const PortRange& range) {
      return std::ranges::any_of(container.config.net.ports,
                                 [&](const engine::PortRequest& port) {
                                   return range.contains(port.container_port, port.protocol);
                                 }) ||
             std::ranges::any_of(known.ports_of(container),
                                 [&](const network::PublishedPort& port) {
                                   return range.contains(port.container_port, port.protocol);
                                 });
    });
  }

  // What is published is exposed, too.
  bool is_exposed(const Container& container) const {
    return std::ranges::any_of(exposed_, [&](const PortRange& range) {
      const auto fits = [&](const std::string& text) {
        const auto exposed = read_exposed(text);
        return exposed && range.contains(exposed->first, exposed->protocol);
      };
      return std::ranges::any_of(container.config.net.exposed, fits) ||
             std::ranges::any_of(container.config.net.ports, [&](const engine::PortRequest& port) {
               return range.contains(port.container_port, port.protocol);
             });
    });
  }

  bool matches(const Container& container, const Known& known, const std::string& key,
               const std::string& value) const {
    if (key == "id") return container.id.starts_with(value);
    if (key == "status") return value == state_text(container);
    if (key == "exited")
      return container.status == Status::Exited && std::to_string(container.exit_code) == value;
    if (key == "network") return is_on(container, known, value);
    if (key == "health") return value == engine::health_text(container.health);
    if (key == "is-task") return value == "false";
    if (key == "volume")
      return std::ranges::any_of(container.config.mounts, [&](const auto& mount) {
        return mount.target == value || mount.source == value ||
               (mount.type == engine::MountType::Volume && mount.volume == value);
      });
    if (key == "ancestor")
      return container.image_name == value ||
             std::ranges::find(ancestors_, container.image_id.hex()) != ancestors_.end();
    return false;
  }

  // By name, or by the beginning of the id.
  static bool is_on(const Container& container, const Known& known, const std::string& value) {
    const std::vector<std::string> names = network_names(container, known.networks);
    return std::ranges::any_of(names, [&](const std::string& name) {
      if (name == value) return true;
      return !value.empty() &&
             std::ranges::any_of(known.networks, [&](const engine::NetworkInfo& info) {
               return info.network.name == name && info.network.id.starts_with(value);
             });
    });
  }

  std::vector<std::unique_ptr<Pattern>> names_;
  std::vector<std::string> labels_;
  std::vector<std::string> ancestors_;
  std::vector<PortRange> published_;
  std::vector<PortRange> exposed_;
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
  for (const auto& mount : container.config.mounts) {
    const std::string& source =
        mount.type == engine::MountType::Volume ? mount.volume : mount.source;
    if (!source.empty()) sources.push_back(whole ? source : ellipsis(source, 15));
  }
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

// Of a container with a network of its own that runs; others have no ports.
std::string ports_column(const Container& container, const Known& known) {
  if (container.status != Status::Running || !container.config.network.empty()) return "";
  return ports_text(known.ports_of(container), container.config.net.exposed);
}

Row make_row(engine::Engine& engine, const Container& container, const Wanted& wanted,
             const Known& known, UnixNanos now) {
  Row row;
  json::Value& fields = row.fields;
  const std::string command = command_text(container.argv);
  fields.set("ID", wanted.whole ? container.id : container.id.substr(0, 12));
  fields.set("Image", container.image_name);
  fields.set("Command", go_quote(wanted.whole ? command : ellipsis(command, 20)));
  fields.set("CreatedAt", created_at(container.created_at));
  fields.set("RunningFor", ago(container.created_at, now));
  fields.set("Ports", ports_column(container, known));
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
  fields.set("LocalVolumes",
             std::to_string(std::ranges::count(container.config.mounts, engine::MountType::Volume,
                                               &engine::MountRequest::type)));
  fields.set("Mounts", mounts_text(container, wanted.whole));
  std::vector<std::string> grants;
  for (const auto& [name, because] : container.grants)
    if (std::ranges::find(grants, name) == grants.end()) grants.push_back(name);
  fields.set("Grants", join(grants, ","));
  fields.set("Networks", join(network_names(container, known.networks), ","));
  return row;
}

struct Chosen {
  std::vector<Container> containers;
  Known known;
};

Result<Chosen> chosen(Context& context, const Arguments& arguments) {
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
  const std::string format = arguments.value_or("format", "");
  Known known = find_out(context, engine, filter.has("network") || !format.empty());
  std::erase_if(containers, [&](const Container& container) {
    return (!all && container.status != Status::Running) || !filter.passes(container, known);
  });
  if (last > 0 && containers.size() > static_cast<std::size_t>(last))
    containers.resize(static_cast<std::size_t>(last));
  return Chosen{.containers = std::move(containers), .known = std::move(known)};
}

}  // namespace

Result<int> cmd_ps(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const auto [containers, known] = TRY(chosen(context, arguments));
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
    rows.push_back(make_row(engine, container, wanted, known, now));
  Columns columns = default_columns();
  if (arguments.flag("grants")) columns.emplace_back("Grants", "GRANTS");
  if (arguments.flag("size")) columns.emplace_back("Size", "SIZE");
  context.print(TRY(render_rows(rows, format, columns, all_titles())));
  return 0;
}

}  // namespace tare::cli
