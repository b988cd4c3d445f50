// SPDX-License-Identifier: Apache-2.0
#include "base/failpoint.h"

#ifdef TARE_FAILPOINTS
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace tare {

void failpoint(const char* name) noexcept {
  const char* variable = std::getenv("TARE_FAILPOINT");
  if (variable == nullptr) return;
  const std::string_view wanted(variable);
  constexpr std::string_view kParent = ":parent";
  const bool parent = wanted.ends_with(kParent);
  if (wanted.substr(0, wanted.size() - (parent ? kParent.size() : 0)) != name) return;
  if (const char* hit = std::getenv("TARE_FAILPOINT_HIT"))
    ::close(::open(hit, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const pid_t victim = parent ? ::getppid() : ::getpid();
  ::kill(victim, SIGKILL);
  while (parent && ::getppid() == victim) ::usleep(1000);
}

}  // namespace tare
#endif
