// SPDX-License-Identifier: Apache-2.0
#include "front/cli/context.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/text.h"
#include "front/cli/help.h"
#include "store/settings.h"
#include "sys/ids.h"

namespace tare::cli {

Result<engine::Engine*> Context::engine() {
  if (engine_) return engine_.get();
  engine_ = TRY(engine::Engine::open({.root = root_}));
  return engine_.get();
}

void Context::print(std::string_view text) {
  constexpr std::size_t kEnough = 64 << 10;
  output_ += text;
  if (output_.size() >= kEnough) (void)flush();
}

Result<> Context::flush() {
  if (output_.empty()) return {};
  const std::string output = std::move(output_);
  output_.clear();
  auto written = sys::write_all(STDOUT_FILENO, output);
  if (!written && written.error().errnum() == EPIPE) die_of_broken_pipe();
  return written;
}

void Context::report(const Error& error) {
  (void)flush();
  (void)sys::write_all(STDERR_FILENO, error_text(error, debug_));
}

void Context::warn(std::string_view sentence) {
  (void)flush();
  (void)sys::write_all(STDERR_FILENO, "tare: " + escaped(sentence) + "\n");
}

void Context::warn_people(const std::vector<std::string>& sentences) {
  if (::isatty(STDERR_FILENO) != 1) return;
  for (const std::string& sentence : sentences) warn(sentence);
}

Result<int> Context::for_each(const std::vector<std::string>& operands,
                              const std::function<Result<>(const std::string&)>& work) {
  int status = 0;
  for (const std::string& operand : operands) {
    if (const auto done = work(operand); !done) {
      report(done.error());
      status = 1;
      continue;
    }
    print(operand + "\n");
    TRY(flush());
  }
  return status;
}

std::string error_text(const Error& error, bool debug) {
  std::string text = "tare: " + escaped(error.message()) + "\n";
  if (!error.hint().empty()) text += "  hint: " + escaped(error.hint()) + "\n";
  if (debug)
    text += fmt::format("  from: {}:{}\n", error.where().file_name(), error.where().line());
  return text;
}

void die_of_broken_pipe() {
  std::signal(SIGPIPE, SIG_DFL);
  sigset_t pipe_only;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  ::sigprocmask(SIG_UNBLOCK, &pipe_only, nullptr);
  ::raise(SIGPIPE);
  ::_exit(128 + SIGPIPE);
}

namespace {

int run_command(Context& context, const CommandLine& line) {
  auto status = line.command->run(context, line.arguments);
  if (!status) context.report(status.error());
  int result = status ? *status : line.command->failure_status;
  if (const auto flushed = context.flush(); !flushed) {
    context.report(flushed.error());
    if (result == 0) result = 1;
  }
  return result;
}

}  // namespace

int run_program(std::span<const char* const> words) {
  // Writers see EPIPE and decide. Not SIG_IGN: that would pass through execve to the containers.
  std::signal(SIGPIPE, [](int) {});
  std::signal(SIGXFSZ, [](int) {});  // Likewise EFBIG, under a limit on the size of files.
  // Were it ignored, as who called us may have left it, ends of our children would be lost, and
  // their numbers be others' before we know. [wait(2), NOTES]
  std::signal(SIGCHLD, SIG_DFL);
  if (const auto opened = sys::open_standard_streams(); !opened) {
    Context("", false).report(opened.error());
    return 125;
  }
  const auto line = parse_command_line(words);
  if (!line) {
    Context("", false).report(line.error().error);
    return line.error().exit_status;
  }
  std::string root = line->global.value_or("root", "");
  if (root.empty())
    if (const char* from_environment = std::getenv("TARE_ROOT")) root = from_environment;
  // As a variable it counts for those, too, that we start.
  if (const auto max = line->global.value("store-max")) {
    if (const auto share = store::parse_share(*max); !share) {
      Context("", false).report(Error(share.error()).wrap("--store-max"));
      return 125;
    }
    ::setenv("TARE_STORE_MAX", max->c_str(), 1);
  }
  Context context(std::move(root), line->global.flag("debug"));
  if (line->global.flag("version")) {
    context.print("Tare version " TARE_VERSION "\n");
  } else if (line->command == nullptr || line->help) {
    context.print(line->command != nullptr ? command_help(line->arguments)
                  : line->group.empty()    ? program_help()
                                           : group_help(line->group));
  } else {
    return run_command(context, *line);
  }
  const auto flushed = context.flush();
  if (!flushed) context.report(flushed.error());
  return flushed ? 0 : 1;
}

}  // namespace tare::cli
