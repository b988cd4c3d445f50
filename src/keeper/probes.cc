// SPDX-License-Identifier: Apache-2.0
#include "keeper/probes.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>

#include "keeper/ending.h"

namespace tare::keeper {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr int kPatienceMs = 2000;  // With one that was killed and hangs in the kernel.

std::int64_t now_ns() { return bare::clock_ns(CLOCK_MONOTONIC); }

}  // namespace

Probes::Probes(const Options& options, char** environment)
    : options_(options), environment_(environment), began_ns_(now_ns()) {
  if (options_.probe.path != nullptr) schedule();
}

// [Docker: daemon/health.go, monitor()]
void Probes::schedule() {
  const bool starts =
      !was_well_ && now_ns() - began_ns_ < options_.probe_start_period_ms * kMillisecond;
  due_ns_ = now_ns() +
            (starts ? options_.probe_start_interval_ms : options_.probe_interval_ms) * kMillisecond;
}

long Probes::wait_ms() const {
  if (due_ns_ < 0) return -1;
  const std::int64_t left = due_ns_ - now_ns();
  return left <= 0 ? 0 : static_cast<long>((left + kMillisecond - 1) / kMillisecond);
}

void Probes::act() {
  if (due_ns_ < 0 || now_ns() < due_ns_) return;
  if (child_ == 0) return start();
  // It bounds itself; this is for one that is stopped or hangs.
  bare::call(__NR_kill, child_, SIGKILL);
  due_ns_ = -1;  // Until its end is seen.
}

void Probes::start() {
  const long keeper = bare::call(__NR_getpid);
  // As fork(2).
  child_ = bare::call(__NR_clone, SIGCHLD);
  if (child_ == 0) {
    // It goes with us, and what it runs in the container goes with it.
    bare::call(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
    if (bare::call(__NR_getppid) == keeper) exec_program(options_.probe, environment_);
    bare::exit(127);
  }
  if (child_ < 0) {  // No memory or too many processes: later.
    child_ = 0;
    return schedule();
  }
  due_ns_ = now_ns() + options_.probe_limit_ms * kMillisecond;
}

bool Probes::take_exit(long pid, int status) {
  if (pid <= 0 || pid != child_) return false;
  child_ = 0;
  was_well_ = was_well_ || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
  schedule();
  return true;
}

void Probes::end() {
  due_ns_ = -1;
  if (child_ == 0) return;
  bare::call(__NR_kill, child_, SIGKILL);
  for (int waited = 0; waited < kPatienceMs; ++waited) {
    const long pid = bare::call(__NR_wait4, child_, 0, WNOHANG, 0);
    if (pid == child_ || pid == -ECHILD) break;
    bare::sleep_ms(1);
  }
  child_ = 0;
}

}  // namespace tare::keeper
