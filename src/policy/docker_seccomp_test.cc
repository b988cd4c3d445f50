// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include <cerrno>
#include <string>

#include "policy/policy.h"
#include "policy/tables.h"
#include "tests/seccomp/bpf_machine.h"

using namespace tare;
using namespace tare::policy;

namespace {

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kPerm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kNoSys = SECCOMP_RET_ERRNO | ENOSYS;

std::uint32_t verdict(const std::vector<sock_filter>& program, long number, std::uint64_t a0 = 0,
                      std::uint64_t a1 = 0) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = kArchitecture;
  data.args[0] = a0;
  data.args[1] = a1;
  return tests::run_filter(program, data).value();
}

constexpr const char* kProfile = R"({
  "defaultAction": "SCMP_ACT_ERRNO",
  "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
              {"architecture": "SCMP_ARCH_AARCH64"}],
  "syscalls": [
    {"names": ["read", "write", "no_such_call"], "action": "SCMP_ACT_ALLOW", "args": [],
     "comment": "", "includes": {}, "excludes": {}},
    {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "args": null, "includes": {"minKernel": "4.8"}},
    {"names": ["getpid"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "999.0"}},
    {"name": "personality", "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 8, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]},
    {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
    {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "includes": {}, "excludes": {"caps": ["CAP_SYS_ADMIN"]},
     "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
    {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
    {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [
      {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]},
    {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}},
    {"names": ["openat2"], "action": "SCMP_ACT_LOG"}
  ]
})";

}  // namespace

TEST_CASE("profiles in Docker's format") {
  const auto program = compile_docker_profile(kProfile, 0).value();
  CHECK(verdict(program, SYS_read) == kAllow);
  CHECK(verdict(program, SYS_ptrace) == kAllow);
  CHECK(verdict(program, SYS_getpid) == kPerm);
  CHECK(verdict(program, SYS_personality, 8) == kAllow);
  CHECK(verdict(program, SYS_personality, 9) == kPerm);
  CHECK(verdict(program, SYS_mount) == kPerm);
  CHECK(verdict(program, SYS_clone, 0x10000000) == kPerm);
  CHECK(verdict(program, SYS_clone, 0x11) == kAllow);
  CHECK(verdict(program, SYS_clone3) == kNoSys);
  CHECK(verdict(program, SYS_socket, 2) == kAllow);
  CHECK(verdict(program, SYS_socket, 3) == kPerm);
  CHECK(verdict(program, SYS_bpf) == kPerm);
  CHECK(verdict(program, SYS_openat2) == SECCOMP_RET_LOG);
  CHECK(verdict(program, 600) == kNoSys);  // Unknown to the profile's author.

  const auto admin = compile_docker_profile(kProfile, 1ull << CAP_SYS_ADMIN).value();
  CHECK(verdict(admin, SYS_mount) == kAllow);
  CHECK(verdict(admin, SYS_clone, 0x11) == kPerm);
}

TEST_CASE("a profile that allows by default also allows what it does not know") {
  const auto program = compile_docker_profile(
      R"({"defaultAction": "SCMP_ACT_ALLOW",
          "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]})",
      0);
  CHECK(verdict(program.value(), SYS_mkdir) == kPerm);
  CHECK(verdict(program.value(), 600) == kAllow);
}

TEST_CASE("bad profiles are refused with the reason") {
  const auto message = [](const std::string& json) {
    const auto result = compile_docker_profile(json, 0);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().kind() == Kind::Invalid);
    return result.error().message();
  };
  message("");
  message("[]");
  message("{}");
  message(R"({"defaultAction": "ALLOW"})");
  message(R"({"defaultAction": "SCMP_ACT_NOTIFY"})");
  message(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5000})");
  message(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": {}})");
  message(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW"}]})");
  message(
      R"({"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "SCMP_ARCH_S390X"}]})");
  message(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"],
             "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}]})");
  message(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"],
             "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0, "op": "EQ"}]}]})");
}
