// SPDX-License-Identifier: Apache-2.0
// update, pause and unpause.
#include "base/text.h"
#include "front/cli/handlers.h"
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
    kMemory,
    kMemoryReservation,
    kMemorySwap,
    kPidsLimit,
    kKernelMemory,
    {0, "restart", MissingValue, "", "restarting is not there yet"},
};

}  // namespace

std::span<const Option> update_options() { return kUpdateOptions; }

Result<int> cmd_update(Context& context, const Arguments& arguments) {
  const engine::Resources change = TRY(changed_resources(arguments));
  bool any = false;
  for (const Option& option : kUpdateOptions) any = any || arguments.given(option.name);
  if (!any)
    return std::unexpected(Error(Kind::Invalid, "no limit was named that should change")
                               .hint("tare update --help lists them"));
  engine::Engine& engine = *TRY(context.engine());
  return context.for_each(arguments.operands, [&](const std::string& name) -> Result<> {
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
