// SPDX-License-Identifier: Apache-2.0
// stop, kill, wait, rm, rename and top.
#include <chrono>
#include <limits>
#include <thread>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/render.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

// stop --signal: this signal instead of the container's own, SIGKILL after the time (below zero:
// never).
Result<> stop_with(engine::Engine& engine, const engine::Container& container, int signal,
                   int timeout_s) {
  constexpr std::chrono::milliseconds kPause(20);
  TRY(engine.kill(container.id, signal));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(timeout_s);
  while (timeout_s < 0 || std::chrono::steady_clock::now() < deadline) {
    const auto now = engine.find(container.id);
    if (!now || now->status != engine::Status::Running) return {};
    std::this_thread::sleep_for(kPause);
  }
  return engine.stop(container.id, 0);
}

}  // namespace

Result<int> cmd_stop(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  std::optional<int> timeout;
  if (const auto text =
          arguments.given("timeout") ? arguments.value("timeout") : arguments.value("time")) {
    const auto seconds = parse_i64(*text);
    if (!seconds || *seconds < -1 || *seconds > std::numeric_limits<int>::max())
      return bad_value("timeout", *text, "a number of seconds, or -1 to wait for ever");
    timeout = static_cast<int>(*seconds);
  }
  std::optional<int> signal;
  if (const auto text = arguments.value("signal")) signal = TRY(parse_signal(*text));
  return context.for_each(arguments.operands, [&](const std::string& name) -> Result<> {
    const engine::Container container = TRY(engine.find(name));
    if (signal && container.status == engine::Status::Running)
      return stop_with(engine, container, *signal,
                       timeout.value_or(container.config.stop_timeout_s.value_or(10)));
    return engine.stop(container.id, timeout);
  });
}

Result<int> cmd_kill(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const int signal = TRY(parse_signal(arguments.value_or("signal", "KILL")));
  return context.for_each(arguments.operands, [&](const std::string& name) -> Result<> {
    return engine.kill(TRY(engine.find(name)).id, signal);
  });
}

Result<int> cmd_wait(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  int status = 0;
  for (const std::string& name : arguments.operands) {
    const auto wait = [&]() -> Result<int> { return engine.wait(TRY(engine.find(name)).id); };
    if (const auto code = wait()) {
      context.print(std::to_string(*code) + "\n");
      TRY(context.flush());
    } else {
      context.report(code.error());
      status = 1;
    }
  }
  return status;
}

Result<int> cmd_rm(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const bool force = arguments.flag("force");
  const bool quiet = arguments.flag("quiet");
  int status = 0;
  for (const std::string& name : arguments.operands) {
    const auto remove = [&]() -> Result<> {
      return engine.remove(
          TRY(engine.find(name)).id,
          {.force = force, .now = arguments.flag("no-undo"), .volumes = arguments.flag("volumes")});
    };
    if (const auto removed = remove()) {
      if (!quiet) context.print(name + "\n");
      continue;
    } else if (force && removed.error().kind() == Kind::NotFound) {
      // What --force asks for is that it be gone. [observed: docker rm -f of an unknown name]
      if (!quiet) context.report(removed.error());
    } else {
      context.report(removed.error());
      status = 1;
    }
  }
  return status;
}

Result<int> cmd_rename(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const engine::Container container = TRY(engine.find(arguments.operands[0]));
  TRY(engine.rename(container.id, arguments.operands[1]));
  return 0;
}

Result<int> cmd_top(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const engine::Container container = TRY(engine.find(arguments.operands[0]));
  if (arguments.operands.size() > 1)
    return std::unexpected(
        Error(Kind::Unsupported, "top prints fixed columns; options of ps, as " +
                                     quoted(arguments.operands[1]) + ", are not there yet")
            .hint("'tare exec " + arguments.operands[0] + " ps' runs the ps of the container"));
  const auto table = TRY(engine.top(container.id));
  std::vector<std::vector<std::string>> rows{table.titles};
  rows.insert(rows.end(), table.rows.begin(), table.rows.end());
  context.print(render_table(rows, 20));
  return 0;
}

}  // namespace tare::cli
