// SPDX-License-Identifier: Apache-2.0
#include "sys/landlock.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "sys/fd.h"

namespace tare::sys {
namespace {

// [resolv.conf(5), nsswitch.conf(5), gai.conf(5); update-ca-certificates(8)]
constexpr const char* kNetworkFiles[] = {"/etc/ssl",
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

constexpr std::uint64_t kReading =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWriting = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                   LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                   LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                   LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM;
// Those of the first version.
constexpr std::uint64_t kHandled =
    kReading | kWriting | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
// Of later versions, which our headers may not have. [landlock(7)]
constexpr std::uint64_t kTruncate = 1U << 14;       // 3: of files.
constexpr std::uint64_t kDeviceControl = 1U << 15;  // 5: ioctl(2) of devices.
constexpr std::uint64_t kBindTcp = 1U << 0;         // 4.
constexpr std::uint64_t kScopes = 3;                // 6: abstract sockets and signals of others.
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE |
                                   LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;

struct RulesetAttributes {
  std::uint64_t files = kHandled;
  std::uint64_t network = 0;
  std::uint64_t scopes = 0;
};
constexpr std::size_t kSizeBefore4 = 8;
constexpr std::size_t kSizeBefore6 = 16;

struct Ruleset {
  Fd rules;  // Empty: the kernel has no Landlock.
  std::uint64_t handled = 0;
};

// All that this kernel can refuse.
Result<Ruleset> make_ruleset() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) return Ruleset();
  RulesetAttributes attributes;
  if (version >= 3) attributes.files |= kTruncate;
  if (version >= 5) attributes.files |= kDeviceControl;
  if (version >= 4) attributes.network = kBindTcp;
  if (version >= 6) attributes.scopes = kScopes;
  const std::size_t size = version < 4   ? kSizeBefore4
                           : version < 6 ? kSizeBefore6
                                         : sizeof attributes;
  Ruleset made;
  made.handled = attributes.files;
  made.rules = Fd(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!made.rules) return fail_errno("landlock_create_ruleset");
  return made;
}

Result<> allow(int rules, const std::string& path, std::uint64_t rights) {
  const auto file = open_path(path, O_PATH);
  if (!file) return {};  // It is not there.
  struct stat status{};
  if (::fstat(file->get(), &status) != 0) return fail_errno("look at " + quoted(path));
  if (!S_ISDIR(status.st_mode)) rights &= kOfFiles;
  landlock_path_beneath_attr beneath{};
  beneath.parent_fd = file->get();
  beneath.allowed_access = rights;
  if (::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
    return fail_errno("landlock_add_rule " + quoted(path));
  return {};
}

}  // namespace

std::vector<std::string> files_of_the_network() {
  return {std::begin(kNetworkFiles), std::end(kNetworkFiles)};
}

Result<> limit_files(std::span<const std::string> readable, std::span<const std::string> writable) {
  const Ruleset made = TRY(make_ruleset());
  if (!made.rules) return {};
  const int rules = made.rules.get();
  const std::uint64_t written = kReading | kWriting | (made.handled & kTruncate);
  for (const std::string& path : readable) TRY(allow(rules, path, kReading));
  for (const std::string& path : writable) TRY(allow(rules, path, written));
  if (::syscall(SYS_landlock_restrict_self, rules, 0) != 0)
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

}  // namespace tare::sys
