// SPDX-License-Identifier: Apache-2.0
#include "front/cli/build_shell.h"

#include <unistd.h>

#include "front/cli/handlers.h"
#include "front/cli/session.h"

namespace tare::cli {
namespace {

Result<int> attend(Context& context, engine::Engine& engine, const std::string& id,
                   engine::Engine::StartRequest wish, bool tty) {
  SignalGuard signals(true);
  const WindowSize size = tty ? window_size() : WindowSize{};
  wish.attach = engine::AttachRequest{.stdin = true};
  wish.rows = size.rows;
  wish.columns = size.columns;
  auto started = engine.start(id, wish, {});
  if (!started) {
    return report_start_failure(context, started.error());
  }
  const SessionEnd end = TRY(attached_session(context, signals, *started->attachment,
                                              {.id = id, .tty = tty, .stdin = true}));
  return end.exit_code;
}

}  // namespace

engine::BuildShell build_shell(Context& context, engine::Engine& engine, BuildView& view,
                               int& status) {
  const bool tty = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  return {.tty = tty,
          .attend = [&context, &engine, &view, &status, tty](const std::string& id,
                                                             engine::Engine::StartRequest wish) {
            view.stops();
            if (tty)
              (void)sys::write_all(STDERR_FILENO,
                                   "a shell in the state of the step; exit ends it\n");
            const auto done = attend(context, engine, id, std::move(wish), tty);
            status = done.value_or(1);
            if (!done) context.report(done.error());
          }};
}

}  // namespace tare::cli
