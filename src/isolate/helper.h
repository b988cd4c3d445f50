// SPDX-License-Identifier: Apache-2.0
// The process that runs the helper program, from its birth until it says that it runs.
#pragma once

#include <unistd.h>

#include "isolate/birth.h"
#include "isolate/channel.h"
#include "sys/user_namespace.h"

namespace tare::isolate {

// It stays where it is while the process shares our memory, which nobody may look into then.
struct HelperProcess {
  sys::HiddenMemory hidden{::geteuid() == 0};
  Cradle cradle;
  sys::Fd program;
  Channel channel;
  std::uint64_t namespaces = 0;  // CLONE_NEW* that are its own when it is awake.
  bool in_cgroup = false;        // Born in its v2 group.
  Newborn newborn;               // The last: it ends first.
};

// `birth` with all new namespaces; a pid namespace is made at once, the others by the helper when
// it runs. `lowest` is the lowest number that its channel may have. SECURITY: whoever has our user
// id in our user namespace, and be it a process without a capability in another container with the
// host's users, has all capabilities over a user namespace that we make. [user_namespaces(7),
// "Capabilities"] It is kept out of a process that is in there by memory that belongs to our
// namespace and is not dumpable [ptrace(2), "Ptrace access mode checking"]: the helper has to be
// executed before, and the pid namespace, which belongs to that user namespace, is left to the
// plan. An ordinary user, who could not write the maps of such a process, is nobody that containers
// are run by: its process is born with all of them.
Result<Helper> bear_helper(int lowest, Birth birth, bool groups = true);

}  // namespace tare::isolate
