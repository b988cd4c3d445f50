// SPDX-License-Identifier: Apache-2.0
// update, pause and unpause.
#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/port_options.h"
#include "front/cli/request.h"
#include "front/cli/resource_options.h"

namespace tare::cli {
namespace {

using namespace resource_options;

constexpr Option kUpdateOptions[] = {
    kBlockWeight,
    kCpuPeriod,
    kCpuQuota,
    kRealtimePeriod,
    kRealtimeRuntime,
    kCpuShares,
    kCpus,
    kCpusetCpus,
    kCpusetMems,
    {0, "egress", List, "list",
     "What it may reach outside of its networks, as --egress of run; at once when it runs"},
    kMemory,
    kMemoryReservation,
    kMemorySwap,
    kPidsLimit,
    {0, "publish-add", List, "[[address:]port:]port",
     "Publish a port, too, as --publish of run; at once when it runs"},
    {0, "publish-rm", List, "[[address:]port:]port",
     "Publish a port no more: all of that port of the container, or only that one of the host"},
    kKernelMemory,
    {0, "restart", MissingValue, "", "restarting is not there yet"},
};

// Two of them may name one port of the host: both go.
Result<std::vector<engine::PortRequest>> parse_removed(const std::vector<std::string>& texts) {
  std::vector<engine::PortRequest> out;
  for (const std::string& text : texts)
    for (engine::PortRequest& port : TRY(parse_publish(text, "publish-rm")))
      out.push_back(std::move(port));
  return out;
}

}  // namespace

std::span<const Option> update_options() { return kUpdateOptions; }

Result<int> cmd_update(Context& context, const Arguments& arguments) {
  const engine::Resources change = TRY(changed_resources(arguments));
  const auto add = TRY(parse_published(arguments.list("publish-add"), "publish-add"));
  const auto remove = TRY(parse_removed(arguments.list("publish-rm")));
  const bool ports = !add.empty() || !remove.empty();
  const std::vector<std::string> egress =
      TRY(network::Egress::parse(arguments.list("egress"))).texts();
  bool limits = false;
  for (const Option& option : kUpdateOptions)
    limits = limits || (!option.name.starts_with("publish-") && option.name != "egress" &&
                        arguments.given(option.name));
  if (!limits && !ports && egress.empty())
    return std::unexpected(Error(Kind::Invalid, "no limit or port was named that should change")
                               .hint("tare update --help lists them"));
  engine::Engine& engine = *TRY(context.engine());
  return context.for_each(arguments.operands, [&](const std::string& name) -> Result<> {
    if (ports) TRY(engine.publish(name, add, remove));
    if (!egress.empty()) TRY(engine.set_egress(name, egress));
    if (!limits) return {};
    for (const std::string& warning : TRY(engine.update(name, change))) context.warn(warning);
    return {};
  });
}

Result<int> cmd_pause(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  return context.for_each(arguments.operands,
                          [&](const std::string& name) { return engine.pause(name); });
}

Result<int> cmd_unpause(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  return context.for_each(arguments.operands,
                          [&](const std::string& name) { return engine.unpause(name); });
}

}  // namespace tare::cli
