// SPDX-License-Identifier: Apache-2.0
// User namespaces that we make for others, and who may look into what is in them.
#pragma once

#include "sys/ids.h"

namespace tare::sys {

inline constexpr const char* kUserNamespaceHint =
    "user namespaces may be switched off: see the sysctls user.max_user_namespaces, "
    "kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns";

// Nobody traces this process or opens what its /proc directory shows while this lives, but for who
// has CAP_SYS_PTRACE in the user namespace that our program was executed in; its files there then
// belong to root of that namespace. For the moments in which somebody shares our memory.
class HiddenMemory {
 public:
  explicit HiddenMemory(bool hide);
  HiddenMemory(const HiddenMemory&) = delete;
  HiddenMemory& operator=(const HiddenMemory&) = delete;
  ~HiddenMemory();

 private:
  int before_ = -1;
};

// Writes both maps of a process that waits in a new user namespace. We need CAP_SETUID and
// CAP_SETGID over the outside ids: root, or root of a user namespace that has them.
Result<> write_id_maps(int pid, const IdMap& uids, const IdMap& gids);

// A user namespace with these maps, to be joined, or for idmapped mounts: kept by the descriptor
// alone. Errors have a hint where user namespaces may be switched off. [mount_setattr(2),
// MOUNT_ATTR_IDMAP; setns(2)]
Result<Fd> make_user_namespace(const IdMap& uids, const IdMap& gids);

}  // namespace tare::sys
