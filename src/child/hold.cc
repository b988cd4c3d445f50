// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <sys/prctl.h>

#include <cerrno>

#include "child/calls.h"
#include "child/run.h"

namespace tare::child {

// SECURITY: hidden first, see bear_helper() in isolate/helper.h.
int hold_user_namespace(int channel) noexcept {
  long result = bare::call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (result == 0) result = bare::call(SYS_unshare, CLONE_NEWUSER);
  const auto said = static_cast<std::int32_t>(result);
  char byte = 0;
  if (bare::write(channel, &said, sizeof said) == sizeof said)
    while (bare::read(channel, &byte, 1) == -EINTR) continue;
  return 0;
}

}  // namespace tare::child
