// SPDX-License-Identifier: Apache-2.0
#include "sys/limits.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/ids.h"

namespace tare::sys {
bool may_raise_limits() {
  if (!in_initial_user_namespace()) return false;
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[0].effective >> CAP_SYS_RESOURCE & 1U) != 0;
}

}  // namespace tare::sys
