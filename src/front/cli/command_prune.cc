// SPDX-License-Identifier: Apache-2.0
// The prunes: what nothing uses goes.
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/render.h"

namespace tare::cli {
// Docker asks on standard input, whatever that is: `yes | docker system prune` works.
Result<> ask_first(Context& context, const Arguments& arguments, const std::string& warning) {
  if (arguments.flag("force") || arguments.flag("dry-run")) return {};
  context.print(warning + "Are you sure you want to continue? [y/N] ");
  TRY(context.flush());
  std::string answer;
  char byte = 0;
  while (answer.size() < 16 && ::read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') answer += byte;
  if (lower(trim(answer)) == "y") return {};
  return std::unexpected(Error(Kind::Denied, arguments.called() + " was cancelled: nothing was "
                                                                  "removed")
                             .hint("--force does not ask"));
}

namespace {

using enum OptionKind;

constexpr Option kNetworkPrune[] = {
    {0, "dry-run", Flag, "", "Only show what would be removed"},
    {0, "filter", List, "key=value", "Only some: until, label, label!"},
    {'f', "force", Flag, "", "Do not ask"},
};

Result<engine::PruneRequest> prune_request(const Arguments& arguments) {
  engine::PruneRequest request;
  const std::string& command = arguments.called();
  const bool everything = command == "system prune";
  request.images = command == "image prune" || everything;
  request.containers = command == "container prune" || everything;
  request.volumes = command == "volume prune" || (everything && arguments.flag("volumes"));
  request.all_images = request.images && arguments.flag("all");
  request.all_volumes = command == "volume prune" && arguments.flag("all");
  std::vector<std::string> known = {"until", "label", "label!"};
  if (command == "volume prune") known.emplace_back("all");
  if (command == "image prune") known.emplace_back("dangling");
  for (const auto& [key, value] : TRY(parse_filters(arguments.list("filter"), known))) {
    const auto pair = split_once(value, '=');
    const std::pair<std::string, std::string> label = {std::string(pair ? pair->first : value),
                                                       std::string(pair ? pair->second : "")};
    if (key == "label") request.with.push_back(label);
    if (key == "label!") request.without.push_back(label);
    if (key == "all") {
      const auto on = parse_bool(value);
      if (!on) return bad_value("filter", "all=" + value, on.error().message());
      request.all_volumes = request.all_volumes || *on;
    }
    if (key == "dangling") {
      const auto on = parse_bool(value);
      if (!on) return bad_value("filter", "dangling=" + value, on.error().message());
      request.dangling = *on;
    }
    if (key != "until") continue;
    const auto moment = parse_rfc3339(value);
    const auto span = parse_duration(value);
    if (!moment && !span) return bad_value("filter", "until=" + value, "not a time");
    request.before = moment ? *moment : now_ns() - span->count();
  }
  return request;
}

std::string prune_warning(const Arguments& arguments) {
  const std::string& command = arguments.called();
  if (command == "container prune") return "WARNING! This will remove all stopped containers.\n";
  if (command == "network prune")
    return "WARNING! This will remove all custom networks not used by at least one container.\n";
  const bool all = arguments.flag("all");
  if (command == "volume prune")
    return all ? "WARNING! This will remove all local volumes not used by at least one container.\n"
               : "WARNING! This will remove anonymous local volumes not used by at least one "
                 "container.\n";
  if (command == "image prune")
    return all ? "WARNING! This will remove all images without at least one container associated "
                 "to them.\n"
               : "WARNING! This will remove all dangling images.\n";
  return std::string(
             "WARNING! This will remove:\n  - all stopped containers\n"
             "  - all networks not used by at least one container\n") +
         (arguments.flag("volumes")
              ? "  - all anonymous volumes not used by at least one container\n"
              : "") +
         (all ? "  - all images without at least one container associated to them\n"
              : "  - all dangling images\n") +
         "\n";
}

void print_networks(Context& context, const std::vector<std::string>& names) {
  if (!names.empty()) context.print("Deleted Networks:\n" + join(names, "\n") + "\n\n");
}

void print_pruned(Context& context, const engine::Pruned& pruned,
                  const std::vector<std::string>& networks) {
  if (!pruned.containers.empty())
    context.print("Deleted Containers:\n" + join(pruned.containers, "\n") + "\n\n");
  print_networks(context, networks);
  if (!pruned.volumes.empty())
    context.print("Deleted Volumes:\n" + join(pruned.volumes, "\n") + "\n\n");
  if (!pruned.image_lines.empty()) context.print("Deleted Images:\n");
  for (const std::string& line : pruned.image_lines) context.print(escaped(line) + "\n");
  if (!pruned.image_lines.empty()) context.print("\n");
}

engine::Pruned dry_run(const engine::PrunePlan& plan) {
  engine::Pruned out;
  out.containers = plan.containers;
  out.volumes = plan.volumes;
  for (const auto& image : plan.images) {
    for (const std::string& name : image.names)
      out.image_lines.push_back("untagged: " + familiar(name));
    out.image_lines.push_back("deleted: " + image.id.text());
  }
  return out;
}

bool passes(const network::Network& network, const engine::PruneRequest& request) {
  const auto has = [&](const std::pair<std::string, std::string>& label) {
    const auto found = network.labels.find(label.first);
    return found != network.labels.end() && (label.second.empty() || found->second == label.second);
  };
  return (request.before == 0 || network.created < request.before) &&
         std::ranges::all_of(request.with, has) && std::ranges::none_of(request.without, has);
}

// The networks that would go once these containers are gone.
Result<std::vector<std::string>> plan_networks(engine::Engine& engine,
                                               const engine::PruneRequest& request,
                                               const std::vector<std::string>& gone) {
  std::vector<std::string> out;
  for (const engine::NetworkInfo& info : TRY(engine.networks())) {
    const bool unused = std::ranges::all_of(info.containers, [&](const std::string& id) {
      return std::ranges::find(gone, id) != gone.end();
    });
    if (unused && !info.network.is_default() && passes(info.network, request))
      out.push_back(info.network.name);
  }
  return out;
}

}  // namespace

std::span<const Option> network_prune_options() { return kNetworkPrune; }

// Networks are made again with one command, so they do not go into the bin.
Result<int> cmd_network_prune(Context& context, const Arguments& arguments) {
  const engine::PruneRequest request = TRY(prune_request(arguments));
  TRY(ask_first(context, arguments, prune_warning(arguments)));
  engine::Engine& engine = *TRY(context.engine());
  print_networks(context, arguments.flag("dry-run") ? TRY(plan_networks(engine, request, {}))
                                                    : TRY(engine.prune_networks(request)));
  return 0;
}

Result<int> cmd_prune(Context& context, const Arguments& arguments) {
  const engine::PruneRequest request = TRY(prune_request(arguments));
  TRY(ask_first(context, arguments, prune_warning(arguments)));
  engine::Engine& engine = *TRY(context.engine());
  const engine::PrunePlan plan = TRY(engine.plan_prune(request));
  const bool dry = arguments.flag("dry-run");
  const bool now = arguments.flag("no-undo");
  engine::Pruned pruned = dry ? dry_run(plan) : TRY(engine.prune(plan, now));
  std::vector<std::string> networks;
  if (arguments.called() == "system prune") {
    auto removed =
        dry ? plan_networks(engine, request, plan.containers) : engine.prune_networks(request);
    if (removed)
      networks = std::move(*removed);
    else
      pruned.problems.push_back(std::move(removed).error());
  }
  print_pruned(context, pruned, networks);
  context.print("Total reclaimed space: " + human_size(plan.bytes) + "\n");
  for (const Error& problem : pruned.problems) context.report(problem);
  const auto kept = engine.removed();
  if (!dry && !now && plan.bytes > 0 && kept && !kept->empty())
    context.warn(
        "it can be brought back for some time (tare undo), and takes space until then or "
        "'tare undo --empty'");
  return pruned.problems.empty() ? 0 : 1;
}

}  // namespace tare::cli
