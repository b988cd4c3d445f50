// SPDX-License-Identifier: Apache-2.0
#include "sys/limits.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "sys/files.h"
#include "sys/ids.h"

namespace tare::sys {
namespace {

constexpr const char* kOomScore = "/proc/self/oom_score_adj";

}  // namespace

bool may_raise_limits() {
  if (!in_initial_user_namespace()) return false;
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[0].effective >> CAP_SYS_RESOURCE & 1U) != 0;
}

Result<int> oom_score_adj() {
  const std::string text = TRY(load_file(AT_FDCWD, kOomScore, 64));
  return static_cast<int>(TRY(parse_i64(trim(text))));
}

Result<int> set_oom_score_adj(int value) {
  const Fd file = TRY(open_path(kOomScore, O_WRONLY));
  const std::string text = std::to_string(value);
  if (::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
    return value;
  if (errno == EACCES || errno == EPERM) return oom_score_adj();
  return fail_errno("set " + std::string(kOomScore));
}

}  // namespace tare::sys
