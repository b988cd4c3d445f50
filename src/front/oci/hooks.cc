// SPDX-License-Identifier: Apache-2.0
#include "front/oci/hooks.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "front/oci/log.h"
#include "sys/fd.h"

namespace tare::front_oci {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> list;
  for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
  list.push_back(nullptr);
  return list;
}

// POST-FORK of a program with one thread.
[[noreturn]] void execute(const oci::Hook& hook, int input, const std::string& bundle) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::setpgid(0, 0);  // What it starts can be killed with it.
  ::dup2(input, STDIN_FILENO);
  (void)!::chdir(bundle.c_str());
  const std::vector<std::string> name_only{hook.path};
  std::vector<char*> argv = pointers(hook.args.empty() ? name_only : hook.args);
  std::vector<char*> envp = pointers(hook.env);
  ::execve(hook.path.c_str(), argv.data(), envp.data());
  ::_exit(127);
}

// A file, not a pipe: a hook that does not read its input must not hold us up.
Result<sys::Fd> input_of(const std::string& state) {
  sys::Fd file = TRY(sys::make_memfd("state"));
  TRY(sys::write_all(file.get(), state));
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno("rewind the state");
  return file;
}

Result<> wait_for(pid_t pid, const oci::Hook& hook) {
  const sys::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd ended{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  const int patience = hook.timeout_s ? static_cast<int>(*hook.timeout_s) * 1000 : -1;
  int ready = 0;
  do {
    ready = ::poll(&ended, 1, patience);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0 && ::kill(-pid, SIGKILL) != 0) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return fail_errno("wait for the hook");
  if (ready == 0)
    return fail(Kind::Unavailable,
                "it took longer than " + std::to_string(*hook.timeout_s) + " s and was killed");
  if (WIFSIGNALED(status))
    return fail(Kind::Unavailable, "it was killed by signal " + std::to_string(WTERMSIG(status)));
  if (WEXITSTATUS(status) == 127)
    return fail(Kind::NotFound, "it cannot be run, or says so by exit status 127");
  if (WEXITSTATUS(status) != 0)
    return fail(Kind::Unavailable,
                "it ended with exit status " + std::to_string(WEXITSTATUS(status)));
  return {};
}

Result<> run_hook(const oci::Hook& hook, const char* kind, const std::string& state,
                  const std::string& bundle) {
  const std::string what = std::string(kind) + " hook " + quoted(hook.path);
  const sys::Fd input = TRY(input_of(state), what);
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("fork for the " + what);
  if (pid == 0) execute(hook, input.get(), bundle);
  TRY(wait_for(pid, hook), what);
  return {};
}

}  // namespace

Result<> run_hooks(const std::vector<oci::Hook>& hooks, const char* kind, const std::string& state,
                   const std::string& bundle) {
  for (const oci::Hook& hook : hooks) TRY(run_hook(hook, kind, state, bundle));
  return {};
}

void try_hooks(const std::vector<oci::Hook>& hooks, const char* kind, const std::string& state,
               const std::string& bundle) {
  for (const oci::Hook& hook : hooks)
    if (const auto done = run_hook(hook, kind, state, bundle); !done)
      log().warn(done.error().message());
}

}  // namespace tare::front_oci
