// SPDX-License-Identifier: Apache-2.0
// What tests/seccomp/ cannot ask libseccomp: flags, listeners, calls that nobody knew, refusals.
#include "policy/oci_seccomp.h"

#include <doctest/doctest.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cerrno>

#include "tests/seccomp/bpf_machine.h"

using namespace tare;
using namespace tare::policy;

namespace {

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kPerm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kNoSys = SECCOMP_RET_ERRNO | ENOSYS;

Result<CompiledSeccomp> compile(const std::string& members, Abi native = Abi::X86_64) {
  const auto profile = oci::parse_seccomp_profile(json::parse("{" + members + "}").value());
  return compile_profile(profile.value(), native, {});
}

std::uint32_t verdict(const CompiledSeccomp& compiled, std::uint32_t architecture,
                      std::uint32_t number, std::uint64_t a0 = 0, std::uint64_t a1 = 0) {
  seccomp_data data{.nr = static_cast<int>(number), .arch = architecture};
  data.args[0] = a0;
  data.args[1] = a1;
  return tests::run_filter(compiled.program, data).value();
}

std::string allow(const std::string& names, const std::string& more = "") {
  return R"("syscalls":[{"names":[)" + names + R"(],"action":"SCMP_ACT_ALLOW"})" + more + "]";
}

}  // namespace

TEST_CASE("flags go to seccomp(2) as they are; unknown ones are refused by name") {
  const std::string start = R"("defaultAction":"SCMP_ACT_ALLOW","flags":[)";
  CHECK(compile(start + "]")->flags == 0);
  CHECK(compile(start + R"("SECCOMP_FILTER_FLAG_TSYNC","SECCOMP_FILTER_FLAG_LOG",
                           "SECCOMP_FILTER_FLAG_SPEC_ALLOW"])")
            ->flags == 7);
  // Only about notifications, of which there are none; the kernel refuses it alone.
  CHECK(compile(start + R"("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"])")->flags == 0);
  const auto unknown = compile(start + R"("SECCOMP_FILTER_FLAG_NEW"])");
  CHECK(unknown.error().message().find("SECCOMP_FILTER_FLAG_NEW") != std::string::npos);
}

TEST_CASE("a listener is asked for when a call is notified") {
  const std::string notify =
      R"("syscalls":[{"names":["mount"],"action":"SCMP_ACT_NOTIFY"}],"defaultAction":"SCMP_ACT_ALLOW")";
  const auto compiled = compile(notify + R"(,"listenerPath":"/run/a","listenerMetadata":"m",
    "flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV","SECCOMP_FILTER_FLAG_TSYNC"])");
  CHECK(compiled->flags == (8 | 32 | 1 | 16));
  CHECK(compiled->listener->path == "/run/a");
  CHECK(compiled->listener->metadata == "m");
  CHECK(verdict(*compiled, AUDIT_ARCH_X86_64, SYS_mount) == SECCOMP_RET_USER_NOTIF);
  CHECK(compile(notify).error().message().find("listenerPath") != std::string::npos);
  CHECK(compile(R"("defaultAction":"SCMP_ACT_NOTIFY","listenerPath":"/run/a")").error().kind() ==
        Kind::Invalid);
  // Unknown here, so nothing is notified and the path is of no use.
  const auto unknown = compile(
      R"("syscalls":[{"names":["no_such"],"action":"SCMP_ACT_NOTIFY"}],"defaultAction":"SCMP_ACT_ALLOW")");
  CHECK_FALSE(unknown->listener.has_value());
}

TEST_CASE("calls that the profile cannot have known are missing, not forbidden") {
  const auto strict =
      compile(R"("defaultAction":"SCMP_ACT_ERRNO",)" + allow(R"("read","openat2")"));
  CHECK(verdict(*strict, AUDIT_ARCH_X86_64, SYS_openat2) == kAllow);
  CHECK(verdict(*strict, AUDIT_ARCH_X86_64, SYS_openat2 - 1) == kPerm);
  CHECK(verdict(*strict, AUDIT_ARCH_X86_64, SYS_openat2 + 1) == kNoSys);
  const auto open = compile(R"("defaultAction":"SCMP_ACT_LOG",)" + allow(R"("read","openat2")"));
  CHECK(verdict(*open, AUDIT_ARCH_X86_64, 600) == SECCOMP_RET_LOG);
  // A number that the kernel of s390x does not know arrives as 0.
  const auto s390 =
      compile(R"("defaultAction":"SCMP_ACT_ERRNO",)" + allow(R"("read","openat2")"), Abi::S390x);
  CHECK(verdict(*s390, AUDIT_ARCH_S390X, 0) == kNoSys);
}

TEST_CASE("SECURITY: no other ABI gets in, and x32 is told by its bit") {
  const std::string open = R"("defaultAction":"SCMP_ACT_ALLOW")";
  const auto alone = compile(open);
  CHECK(verdict(*alone, AUDIT_ARCH_X86_64, 0) == kAllow);
  CHECK(verdict(*alone, AUDIT_ARCH_I386, 0) == SECCOMP_RET_KILL_PROCESS);
  CHECK(verdict(*alone, AUDIT_ARCH_X86_64, kX32Bit | 1) == SECCOMP_RET_KILL_PROCESS);
  CHECK(verdict(*alone, AUDIT_ARCH_X86_64, ~0u) == kAllow);  // A tracer skips the call.
  const auto all = compile(open + R"(,"architectures":["SCMP_ARCH_X32","SCMP_ARCH_X86"],
                 "syscalls":[{"names":["execve"],"action":"SCMP_ACT_ERRNO"}])");
  CHECK(verdict(*all, AUDIT_ARCH_I386, 11) == kPerm);
  CHECK(verdict(*all, AUDIT_ARCH_X86_64, 59) == kPerm);
  CHECK(verdict(*all, AUDIT_ARCH_X86_64, kX32Bit | 520) == kPerm);
  CHECK(verdict(*all, AUDIT_ARCH_X86_64, kX32Bit | 59) == kAllow);
  CHECK(verdict(*all, AUDIT_ARCH_AARCH64, 1) == SECCOMP_RET_KILL_PROCESS);
  const auto unknown = compile(open + R"(,"architectures":["SCMP_ARCH_MIPS"])");
  CHECK(unknown.error().kind() == Kind::Unsupported);
  CHECK(unknown.error().message().find("SCMP_ARCH_MIPS") != std::string::npos);
}

TEST_CASE("calls that i386 multiplexes are found in socketcall and ipc too") {
  const auto compiled =
      compile(R"("defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86"],)" +
              allow(R"("socket","semop","write")"));
  CHECK(verdict(*compiled, AUDIT_ARCH_I386, 359) == kAllow);
  CHECK(verdict(*compiled, AUDIT_ARCH_I386, 102, 1) == kAllow);
  CHECK(verdict(*compiled, AUDIT_ARCH_I386, 102, 2) == kPerm);
  CHECK(verdict(*compiled, AUDIT_ARCH_I386, 117, 1) == kAllow);
  CHECK(verdict(*compiled, AUDIT_ARCH_I386, 117, 2) == kPerm);
}

TEST_CASE("one rule without arguments wins over those with; several of one argument are or") {
  const auto wins = compile(R"("defaultAction":"SCMP_ACT_ALLOW","syscalls":[
    {"names":["mount"],"action":"SCMP_ACT_LOG","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
    {"names":["mount"],"action":"SCMP_ACT_ERRNO"},
    {"names":["mount"],"action":"SCMP_ACT_TRAP"}])");
  CHECK(verdict(*wins, AUDIT_ARCH_X86_64, SYS_mount, 1) == kPerm);
  const auto either = compile(R"("defaultAction":"SCMP_ACT_ALLOW","syscalls":[
    {"names":["mount"],"action":"SCMP_ACT_ERRNO","args":[
      {"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]}])");
  CHECK(verdict(*either, AUDIT_ARCH_X86_64, SYS_mount, 2) == kPerm);
  CHECK(verdict(*either, AUDIT_ARCH_X86_64, SYS_mount, 3) == kAllow);
}

TEST_CASE("what is said to be known is known") {
  for (const std::string& name : seccomp_architectures())
    CHECK(compile(R"("defaultAction":"SCMP_ACT_ALLOW","architectures":[")" + name + "\"]")
              .has_value());
  for (const std::string& name : seccomp_flags())
    CHECK(compile(R"("defaultAction":"SCMP_ACT_ALLOW","flags":[")" + name + "\"]").has_value());
  CHECK(seccomp_architectures().size() == 9);
  CHECK(seccomp_flags().size() == 4);
  CHECK(oci::seccomp_actions().size() == 9);
  CHECK(oci::seccomp_operators().size() == 7);
}
