// SPDX-License-Identifier: Apache-2.0
#include "sys/process_end.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/fd.h"

using namespace tare;

namespace {

struct Child {
  pid_t pid;
  sys::Fd pidfd;
};
// One that exits with `status`, or waits for ever.
Child make_child(int status) {
  const auto handler = ::signal(SIGTERM, SIG_DFL);  // The test program's says that a test crashed.
  const pid_t pid = ::fork();
  while (pid == 0 && status < 0) ::pause();
  if (pid == 0) ::_exit(status);
  ::signal(SIGTERM, handler);
  return {pid, sys::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))};
}

}  // namespace

TEST_CASE("the end of a child: exit status, signal, not yet") {
  const Child done = make_child(7);
  CHECK(sys::bury(done.pidfd.get(), std::chrono::seconds(5)).value() == 7);
  CHECK_FALSE(sys::bury(done.pidfd.get(), std::chrono::seconds(5)));  // It is gone.

  const Child alive = make_child(-1);
  CHECK(sys::bury(alive.pidfd.get(), std::chrono::milliseconds(1)).value() == std::nullopt);
  REQUIRE(::kill(alive.pid, SIGTERM) == 0);
  CHECK(sys::end_of(alive.pid, alive.pidfd.get()).value() == 128 + SIGTERM);
}
