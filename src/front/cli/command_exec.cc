// SPDX-License-Identifier: Apache-2.0
// start, attach and exec.
#include <unistd.h>

#include <optional>
#include <utility>

#include "base/text.h"
#include "engine/attachment.h"
#include "front/cli/handlers.h"
#include "front/cli/progress.h"
#include "front/cli/request.h"

namespace tare::cli {

Result<> check_terminal(bool stdin, bool tty) {
  if (!stdin || !tty || ::isatty(STDIN_FILENO) == 1) return {};
  return std::unexpected(Error(Kind::Invalid, "the input device is not a TTY")
                             .hint("leave -t out when standard input comes from a file or pipe"));
}

Result<DetachKeys> detach_keys_of(const Arguments& arguments) {
  return DetachKeys::parse(arguments.value_or("detach-keys", ""));
}

int report_start_failure(Context& context, const engine::StartFailure& failure) {
  context.report(failure.error);
  return failure.exit_code;
}

Result<SessionEnd> attached_session(Context& context, SignalGuard& signals,
                                    engine::Attachment& attachment, const AttachedRun& run) {
  TRY(context.flush());
  SessionEnd end = TRY(run_session(attachment, signals,
                                   {.tty = run.tty,
                                    .stdin = run.stdin,
                                    .sig_proxy = run.sig_proxy,
                                    .detach_keys = run.detach_keys,
                                    .input_fd = attachment.fd()}));
  if (end.how == SessionEnd::How::NoListener) die_of_broken_pipe();
  if (end.how == SessionEnd::How::Lost) {
    // It may have noted the exit before it went; then only our connection was lost.
    engine::Engine& engine = *TRY(context.engine());
    end.exit_code = TRY(engine.wait(run.id), "the connection to the container's keeper ended");
    end.how = SessionEnd::How::Exited;
  }
  return end;
}

namespace {

Result<int> start_attached(Context& context, const Arguments& arguments) {
  if (arguments.operands.size() > 1)
    return fail(Kind::Invalid, "-a and -i go with one container only, and there are " +
                                   std::to_string(arguments.operands.size()));
  engine::Engine& engine = *TRY(context.engine());
  const engine::Container container = TRY(engine.find(arguments.operands[0]));
  AttachedRun run{.id = container.id, .tty = container.config.tty};
  run.stdin = arguments.flag("interactive") && container.config.open_stdin;
  run.sig_proxy = arguments.flag("sig-proxy");
  run.detach_keys = TRY(detach_keys_of(arguments));
  TRY(check_terminal(run.stdin, run.tty));
  if (container.status == engine::Status::Running)
    return std::unexpected(Error(Kind::Busy, quoted(arguments.operands[0]) + " is running already")
                               .hint("'tare attach' attaches to it"));
  SignalGuard signals(run.sig_proxy);
  const WindowSize size = run.tty ? window_size() : WindowSize{};
  ProgressLine progress(context, false, false);
  auto started = engine.start(container.id,
                              {.attach = engine::AttachRequest{.stdin = run.stdin},
                               .owner = container.config.auto_remove,
                               .rows = size.rows,
                               .columns = size.columns,
                               .gives_up = [&signals] { return is_interrupted(signals); }},
                              progress.callback());
  progress.clear();
  if (!started) return report_start_failure(context, started.error());
  const SessionEnd end = TRY(attached_session(context, signals, *started->attachment, run));
  if (end.how == SessionEnd::How::Exited && container.config.auto_remove)
    TRY(engine.remove(container.id, {.force = true}));
  return end.exit_code;
}

}  // namespace

Result<int> cmd_start(Context& context, const Arguments& arguments) {
  if (arguments.flag("attach") || arguments.flag("interactive"))
    return start_attached(context, arguments);
  engine::Engine& engine = *TRY(context.engine());
  ProgressLine progress(context, false, false);
  int status = 0;
  for (const std::string& name : arguments.operands) {
    const auto container = engine.find(name);
    if (!container) {
      context.report(container.error());
      status = 1;
      continue;
    }
    if (container->status != engine::Status::Running) {
      const auto started = engine.start(container->id, {}, progress.callback());
      progress.clear();
      if (!started) {
        status = report_start_failure(context, started.error());
        continue;
      }
      for (const std::string& warning : started->warnings) context.warn(warning);
      context.warn_people(started->room);
    }
    context.print(name + "\n");
  }
  return status;
}

Result<int> cmd_attach(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const engine::Container container = TRY(engine.find(arguments.operands[0]));
  if (container.status != engine::Status::Running)
    return std::unexpected(
        Error(Kind::Busy,
              "cannot attach to " + quoted(arguments.operands[0]) + ": it is not running")
            .hint("'tare start -ai " + arguments.operands[0] + "' starts it and attaches"));
  AttachedRun run{.id = container.id, .tty = container.config.tty};
  run.stdin = container.config.open_stdin && !arguments.flag("no-stdin");
  run.sig_proxy = arguments.flag("sig-proxy");
  run.detach_keys = TRY(detach_keys_of(arguments));
  TRY(check_terminal(run.stdin, run.tty));
  SignalGuard signals(run.sig_proxy);
  const auto attachment = TRY(engine.attach(container.id, {.stdin = run.stdin}));
  return TRY(attached_session(context, signals, *attachment, run)).exit_code;
}

Result<int> cmd_exec(Context& context, const Arguments& arguments) {
  engine::ExecRequest request;
  request.argv.assign(arguments.operands.begin() + 1, arguments.operands.end());
  request.env = TRY(environment_of(arguments));
  request.working_dir = arguments.value_or("workdir", "");
  request.user = arguments.value_or("user", "");
  request.tty = arguments.flag("tty");
  request.detach = arguments.flag("detach");
  request.open_stdin = arguments.flag("interactive") && !request.detach;
  const DetachKeys keys = TRY(detach_keys_of(arguments));
  TRY(check_terminal(request.open_stdin, request.tty));
  engine::Engine& engine = *TRY(context.engine());
  const engine::Container container = TRY(engine.find(arguments.operands[0]));
  if (request.tty) {
    const WindowSize size = window_size();
    request.rows = size.rows;
    request.columns = size.columns;
  }
  // Forwarded to the process that was started, which is our child. Docker lets the client die alone
  // and leaves the process.
  std::optional<SignalGuard> signals(std::in_place, !request.detach);
  auto process = engine.exec(container.id, request);
  if (!process) return report_start_failure(context, process.error());
  for (const std::string& warning : process->warnings) context.warn(warning);
  if (request.detach) return 0;
  const ExecLink link = TRY(make_exec_link(std::move(*process), request.tty));
  const SessionEnd end = TRY(run_session(*link.attachment, *signals,
                                         {.tty = request.tty,
                                          .stdin = request.open_stdin,
                                          .detach_keys = keys,
                                          .input_fd = link.input_fd}));
  if (end.how == SessionEnd::How::NoListener) die_of_broken_pipe();
  // By keys. A terminal that went away (an exit code of 128+SIGHUP) takes the program with it.
  if (end.how == SessionEnd::How::Detached && end.exit_code == 0) {
    signals.reset();
    TRY(engine::leave_running(*link.attachment));
  }
  return end.exit_code;
}

}  // namespace tare::cli
