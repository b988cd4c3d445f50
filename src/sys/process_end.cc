// SPDX-License-Identifier: Apache-2.0
#include "sys/process_end.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <thread>

#include "base/text.h"
#include "sys/files.h"

namespace tare::sys {
namespace {

constexpr int kSignalBase = 128;

// Field 52 of /proc/PID/stat: a status as of wait(2). [proc_pid_stat(5)]
int status_of_dead(pid_t pid) {
  constexpr std::size_t kExitCode = 50;  // Counted from the empty word before the state, field 3.
  const auto text = load_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!text) return kSignalBase + SIGKILL;
  const std::vector<std::string> fields = split(text->substr(text->rfind(')') + 1), ' ');
  if (fields.size() <= kExitCode) return kSignalBase + SIGKILL;
  const auto status = parse_u64(trim(fields[kExitCode]));
  if (!status) return kSignalBase + SIGKILL;
  const int raw = static_cast<int>(*status);
  return WIFSIGNALED(raw) ? kSignalBase + WTERMSIG(raw) : WEXITSTATUS(raw);
}

}  // namespace

Result<std::optional<int>> bury(int pidfd, std::chrono::milliseconds patience) {
  constexpr auto kPause = std::chrono::milliseconds(5);
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    siginfo_t info{};
    const int done = ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info,
                              WEXITED | WNOHANG);
    if (done != 0 && errno != EINTR) return fail_errno("wait for the process");
    if (done == 0 && info.si_pid != 0)
      return info.si_code == CLD_EXITED ? info.si_status : kSignalBase + info.si_status;
    if (std::chrono::steady_clock::now() >= until) return std::nullopt;
    std::this_thread::sleep_for(kPause);
  }
}

Result<int> end_of(pid_t pid, int pidfd) {
  const std::optional<int> status = TRY(bury(pidfd, std::chrono::seconds(1)));
  return status ? *status : status_of_dead(pid);
}

}  // namespace tare::sys
