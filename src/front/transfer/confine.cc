// SPDX-License-Identifier: Apache-2.0
#include "front/transfer/confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "sys/fd.h"

namespace tare::front_transfer {
namespace {

// What resolvers, libraries that are loaded late, and certificate stores read. [resolv.conf(5),
// nsswitch.conf(5), gai.conf(5); update-ca-certificates(8)]
constexpr const char* kReadable[] = {"/etc/ssl",
                                     "/etc/pki",
                                     "/etc/ca-certificates",
                                     "/etc/resolv.conf",
                                     "/etc/hosts",
                                     "/etc/host.conf",
                                     "/etc/nsswitch.conf",
                                     "/etc/gai.conf",
                                     "/etc/services",
                                     "/etc/localtime",
                                     "/etc/ld.so.cache",
                                     "/etc/ld.so.conf",
                                     "/run/systemd/resolve",
                                     "/run/NetworkManager/resolv.conf",
                                     "/run/resolvconf",
                                     "/usr/share/ca-certificates",
                                     "/usr/local/share/ca-certificates",
                                     "/usr/share/zoneinfo",
                                     "/usr/lib",
                                     "/usr/lib64",
                                     "/lib",
                                     "/lib64",
                                     "/usr/local/lib",
                                     "/dev/urandom",
                                     "/dev/random",
                                     "/dev/null",
                                     "/proc/sys/net"};

constexpr std::uint64_t kFileRights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t kHandled =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;  // Those of the first version. [landlock(7)]

Result<> allow_reading(int rules, const std::string& path) {
  const auto file = sys::open_path(path, O_PATH);
  if (!file) return {};  // It is not there.
  struct stat status{};
  if (::fstat(file->get(), &status) != 0) return fail_errno("look at " + quoted(path));
  landlock_path_beneath_attr beneath{};
  beneath.parent_fd = file->get();
  beneath.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  if (S_ISDIR(status.st_mode)) beneath.allowed_access = kFileRights | LANDLOCK_ACCESS_FS_READ_DIR;
  if (::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
    return fail_errno("landlock_add_rule " + quoted(path));
  return {};
}

Result<> limit_files(const Room& room) {
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = kHandled;
  const sys::Fd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!rules && (errno == ENOSYS || errno == EOPNOTSUPP)) return {};
  if (!rules) return fail_errno("landlock_create_ruleset");
  for (const char* path : kReadable) TRY(allow_reading(rules.get(), path));
  for (const char* name : {"SSL_CERT_FILE", "SSL_CERT_DIR"})
    if (const char* path = ::getenv(name)) TRY(allow_reading(rules.get(), path));
  if (room.directory >= 0) {
    landlock_path_beneath_attr beneath{};
    beneath.parent_fd = room.directory;
    beneath.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
    if (room.may_write)
      beneath.allowed_access |= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                                LANDLOCK_ACCESS_FS_REMOVE_FILE;
    if (::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
      return fail_errno("landlock_add_rule");
  }
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0)
    return fail_errno("landlock_restrict_self");
  return {};
}

Result<> drop_capabilities() {
  // Where the bounding set may not be changed there are none to be gained either: no_new_privs.
  for (int cap = 0; ::prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; ++cap)
    if (::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EPERM)
      return fail_errno("drop a capability");
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return fail_errno("drop ambient capabilities");
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capset, &header, data) != 0) return fail_errno("capset");
  return {};
}

Result<> limit_resources() {
  const struct {
    int resource;
    rlim_t value;
  } limits[] = {{RLIMIT_CORE, 0}, {RLIMIT_NOFILE, 256}, {RLIMIT_MEMLOCK, 0}};
  for (const auto& limit : limits) {
    rlimit now{};
    if (::getrlimit(limit.resource, &now) != 0) return fail_errno("getrlimit");
    const rlim_t value = std::min(limit.value, now.rlim_max);
    const rlimit wanted{.rlim_cur = value, .rlim_max = value};
    if (::setrlimit(limit.resource, &wanted) != 0) return fail_errno("setrlimit");
  }
  return {};
}

}  // namespace

Result<> confine(const Room& room) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("no_new_privs");
  // Nobody reads passwords out of our memory, and nothing of them gets into a core file.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno("prctl");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail_errno("prctl");
  if (::syscall(SYS_close_range, room.last_descriptor + 1, ~0u, 0) != 0)
    return fail_errno("close_range");
  ::signal(SIGPIPE, SIG_IGN);
  TRY(limit_files(room));
  TRY(drop_capabilities());
  return limit_resources();
}

}  // namespace tare::front_transfer
