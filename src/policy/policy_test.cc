// SPDX-License-Identifier: Apache-2.0
#include "policy/policy.h"

#include <doctest/doctest.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "policy/tables.h"
#include "tests/seccomp/bpf_machine.h"

using namespace tare;
using namespace tare::policy;

namespace {

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t errno_action(int number) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(number);
}

std::uint32_t verdict(std::uint64_t capabilities, long number, std::uint64_t a0 = 0,
                      std::uint64_t a1 = 0, std::uint64_t a2 = 0) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = kArchitecture;
  data.args[0] = a0;
  data.args[1] = a1;
  data.args[2] = a2;
  return tests::run_filter(default_seccomp(capabilities).value(), data).value();
}

constexpr std::uint64_t bit(int capability) { return 1ull << capability; }

}  // namespace

TEST_CASE("capabilities by name") {
  CHECK(parse_capability("CAP_CHOWN").value() == bit(CAP_CHOWN));
  CHECK(parse_capability("net_admin").value() == bit(CAP_NET_ADMIN));
  CHECK(parse_capability("all").value() == bit(CAP_LAST_CAP + 1) - 1);
  const Error error = parse_capability("SYS_ADMN").error();
  CHECK(error.kind() == Kind::Invalid);
  CHECK(error.hint() == "Did you mean SYS_ADMIN?");
  CHECK(parse_capability("").error().kind() == Kind::Invalid);
  CHECK(parse_capability("CAP_ALL").error().kind() == Kind::Invalid);
  CHECK(capability_names(bit(CAP_CHOWN) | bit(CAP_BPF)) ==
        std::vector<std::string>{"CAP_CHOWN", "CAP_BPF"});
  CHECK(capability_names(default_capabilities()).size() == 7);
}

TEST_CASE("cap-add and cap-drop as in Docker") {
  const std::uint64_t all = parse_capability("ALL").value();
  const std::uint64_t base = default_capabilities();
  CHECK(combine_capabilities({}, {}).value() == base);
  CHECK(combine_capabilities({"NET_ADMIN"}, {}).value() == (base | bit(CAP_NET_ADMIN)));
  CHECK(combine_capabilities({}, {"KILL"}).value() == (base & ~bit(CAP_KILL)));
  CHECK(combine_capabilities({"KILL"}, {"KILL"}).value() == base);
  CHECK(combine_capabilities({"CHOWN"}, {"ALL"}).value() == bit(CAP_CHOWN));
  CHECK(combine_capabilities({"ALL"}, {"CHOWN"}).value() == (all & ~bit(CAP_CHOWN)));
  CHECK(combine_capabilities({"ALL"}, {"ALL"}).value() == all);
  CHECK(combine_capabilities({}, {"all"}).value() == 0);
  CHECK(combine_capabilities({"X"}, {}).error().kind() == Kind::Invalid);
}

TEST_CASE("the default filter lets ordinary programs work") {
  for (const long number :
       {SYS_read, SYS_openat, SYS_statx, SYS_execve, SYS_futex, SYS_rseq, SYS_membarrier,
        SYS_mincore, SYS_get_mempolicy, SYS_copy_file_range, SYS_shmget, SYS_pidfd_open,
        SYS_landlock_restrict_self, SYS_seccomp, SYS_prlimit64, SYS_getrandom, SYS_setresuid})
    CHECK(verdict(0, number) == kAllow);
  CHECK(verdict(0, SYS_clone, 0x3d0f00) == kAllow);  // pthread_create
  CHECK(verdict(0, SYS_clone3) == errno_action(ENOSYS));
  CHECK(verdict(0, SYS_socket, AF_INET6, SOCK_STREAM) == kAllow);
  CHECK(verdict(0, SYS_socket, AF_NETLINK, SOCK_RAW, 0) == kAllow);
  CHECK(verdict(0, SYS_socket, AF_NETLINK, SOCK_RAW, 9) == errno_action(EPROTONOSUPPORT));
  CHECK(verdict(0, SYS_ioctl, 0, 0x5401) == kAllow);
  CHECK(verdict(0, SYS_personality, 0xffffffff) == kAllow);
  CHECK(verdict(0, SYS_personality, 8) == kAllow);
  CHECK(verdict(0, SYS_personality, 0x20008) == kAllow);
}

TEST_CASE("the default filter closes the known ways out") {
  for (const std::uint64_t capabilities : {std::uint64_t{0}, default_capabilities()}) {
    // SECURITY: rubbish above an int argument opens nothing.
    for (const std::uint64_t high : {0ull, 1ull << 32, ~0ull << 32}) {
      CHECK(verdict(capabilities, SYS_ioctl, 0, high | 0x5412) == errno_action(EPERM));
      CHECK(verdict(capabilities, SYS_ioctl, 0, high | 0x541c) == errno_action(EPERM));
      CHECK(verdict(capabilities, SYS_socket, high | 38) == errno_action(EAFNOSUPPORT));  // AF_ALG
      CHECK(verdict(capabilities, SYS_socket, high | 40) == errno_action(EAFNOSUPPORT));
      CHECK(verdict(capabilities, SYS_clone, high | 0x10000000) == errno_action(EPERM));
      CHECK(verdict(capabilities, SYS_unshare, high | 0x10000000) == errno_action(EPERM));
      CHECK(verdict(capabilities, SYS_unshare, high | 0x80) == errno_action(EPERM));
      CHECK(verdict(capabilities, SYS_personality, high | 0x0040000) == errno_action(EPERM));
    }
    for (const long number : {SYS_keyctl, SYS_add_key, SYS_request_key, SYS_io_uring_setup,
                              SYS_userfaultfd, SYS_fsopen, SYS_open_tree})
      CHECK(verdict(capabilities, number) == errno_action(ENOSYS));
    for (const long number : {SYS_mount, SYS_setns, SYS_bpf, SYS_ptrace, SYS_process_vm_readv,
                              SYS_init_module, SYS_open_by_handle_at, SYS_chroot, SYS_reboot})
      CHECK(verdict(capabilities, number) == errno_action(EPERM));
  }
}

TEST_CASE("capabilities open what they are for") {
  CHECK(verdict(bit(CAP_SYS_ADMIN), SYS_mount) == kAllow);
  CHECK(verdict(bit(CAP_SYS_ADMIN), SYS_clone, 0x10000000) == kAllow);
  CHECK(verdict(bit(CAP_SYS_ADMIN), SYS_ptrace) == errno_action(EPERM));
  CHECK(verdict(bit(CAP_SYS_PTRACE), SYS_ptrace) == kAllow);
  CHECK(verdict(bit(CAP_SYS_CHROOT), SYS_chroot) == kAllow);
  CHECK(verdict(bit(CAP_NET_ADMIN), SYS_socket, AF_NETLINK, 0, 12) == kAllow);
  CHECK(verdict(bit(CAP_NET_RAW), SYS_socket, AF_PACKET) == kAllow);
  const std::uint64_t all = parse_capability("ALL").value();
  CHECK(verdict(all, SYS_keyctl) == errno_action(ENOSYS));
  CHECK(verdict(all, SYS_init_module) == errno_action(EPERM));
}

TEST_CASE("hidden and read-only paths") {
  const auto masked = masked_paths();
  for (const char* path : {"/proc/kcore", "/proc/keys", "/proc/key-users", "/sys/firmware"})
    CHECK(std::ranges::find(masked, path) != masked.end());
  const auto read_only = read_only_paths();
  CHECK(std::ranges::find(read_only, "/proc/sys") != read_only.end());
}
