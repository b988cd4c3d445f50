// SPDX-License-Identifier: Apache-2.0
// --health and what belongs to it, and the command healthcheck run.
#include "front/cli/health_options.h"
#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

using engine::HealthCheck;
using std::chrono::nanoseconds;

struct Duration {
  const char* option;
  nanoseconds HealthCheck::* member;
};
constexpr Duration kDurations[] = {{"health-interval", &HealthCheck::interval},
                                   {"health-timeout", &HealthCheck::timeout},
                                   {"health-start-period", &HealthCheck::start_period},
                                   {"health-start-interval", &HealthCheck::start_interval}};

}  // namespace

Result<nanoseconds> duration_of(std::string_view option, const std::string& text) {
  if (text == "0") return nanoseconds(0);  // The one time that needs no unit, as in Go.
  const auto parsed = parse_duration(text);
  if (!parsed) return bad_value(option, text, "a time, as 30s, 1m30s or 500ms");
  if (*parsed < nanoseconds(0)) return bad_value(option, text, "it is below zero");
  return *parsed;
}

// [docker/cli: cli/command/container/opts.go, parse()]
Result<HealthCheck> health_request(const Arguments& arguments) {
  HealthCheck check;
  const bool none = arguments.flag("no-healthcheck");
  for (const char* option : {"health", "health-cmd", "health-retries", "health-interval",
                             "health-timeout", "health-start-period", "health-start-interval"})
    if (none && arguments.given(option))
      return fail(Kind::Invalid, "--no-healthcheck conflicts with --" + std::string(option));
  if (none) {
    check.test = {"NONE"};
    return check;
  }
  if (arguments.given("health") && arguments.given("health-cmd"))
    return std::unexpected(Error(Kind::Invalid, "--health and --health-cmd contradict each other")
                               .hint("give one of them"));
  if (const auto url = arguments.value("health")) {
    TRY(engine::check_probe_url(*url), "--health");
    check.test = {"PROBE", *url};
  }
  if (const auto command = arguments.value("health-cmd"); command && !command->empty())
    check.test = {"CMD-SHELL", *command};
  for (const Duration& each : kDurations) {
    const auto text = arguments.value(each.option);
    if (!text) continue;
    const nanoseconds value = TRY(duration_of(each.option, *text));
    if (value != nanoseconds(0) && value < std::chrono::milliseconds(1))
      return bad_value(each.option, *text, "less than 1ms is no time to wait");
    check.*each.member = value;
  }
  if (const auto text = arguments.value("health-retries")) {
    constexpr std::uint64_t kMost = 1'000'000;
    const auto number = parse_u64(*text);
    if (!number || *number > kMost)
      return bad_value("health-retries", *text, "how many failures in a row, as 3");
    check.retries = static_cast<int>(*number);
  }
  return check;
}

Result<int> cmd_healthcheck_run(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const engine::Engine::Probed probed = TRY(engine.probe(arguments.operands[0]));
  if (!arguments.flag("quiet")) {
    std::string output = probed.result.output;
    if (!output.empty() && !output.ends_with('\n')) output += '\n';
    context.print(output + std::string(engine::health_text(probed.status)) + "\n");
  }
  return probed.result.exit_code == 0 ? 0 : 1;
}

}  // namespace tare::cli
