// SPDX-License-Identifier: Apache-2.0
#include "isolate/helper.h"

#include <sched.h>
#include <unistd.h>

#include <cerrno>

#include "sys/helper.h"
#include "sys/signals.h"

namespace tare::isolate {
namespace {

Result<> give_birth(HelperProcess& process, Birth birth) {
  const sys::SignalsBlocked blocked;
  int pidfd = -1;
  long pid = bear(birth, process.cradle, pidfd);
  process.in_cgroup = birth.cgroup >= 0;
  if (pid < 0 && birth.cgroup >= 0 && errno != EPERM && errno != ENOSPC) {
    // Refused for its place in the tree, or by a kernel before 5.7; it is moved instead.
    birth.cgroup = -1;
    pid = bear(birth, process.cradle, pidfd);
    process.in_cgroup = false;
  }
  if (pid < 0) return fail_errno("make the container's process and namespaces");
  process.newborn = Newborn(static_cast<int>(pid), sys::Fd(pidfd));
  return {};
}

}  // namespace

void DeleteHelper::operator()(HelperProcess* process) const noexcept { delete process; }

Result<Helper> bear_helper(int lowest, Birth birth, bool groups) {
  Helper helper(new HelperProcess);
  helper->program = TRY(sys::open_helper());
  helper->channel = TRY(make_channel(lowest));
  Cradle& cradle = helper->cradle;
  cradle.channel = helper->channel.child.get();
  cradle.parent_end = helper->channel.parent.get();
  cradle.helper = helper->program.get();
  cradle.groups = groups;
  const bool new_users = (birth.flags & CLONE_NEWUSER) != 0;
  cradle.root = cradle.waits = new_users && ::geteuid() != 0;
  if (!cradle.waits) {
    const std::uint64_t wanted = birth.flags;
    birth.flags = new_users ? 0 : wanted & CLONE_NEWPID;
    cradle.namespaces = wanted & ~std::uint64_t{CLONE_NEWPID};
    helper->namespaces = birth.flags | cradle.namespaces;
  } else {
    helper->namespaces = birth.flags;
  }
  TRY(give_birth(*helper, birth));
  helper->channel.child.reset();
  return helper;
}

// Where groups are of version 2, a container is better born in its own: moving a process stops all
// others. [cgroup-v2.rst, "favordynmods"]
Result<Helper> start_helper(std::uint64_t namespaces, std::uint32_t kept_fds) {
  if (namespaces != 0 &&
      (::geteuid() != 0 || ::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0))
    return Helper();
  return bear_helper(lowest_fd(kept_fds), {.flags = namespaces});
}

}  // namespace tare::isolate
