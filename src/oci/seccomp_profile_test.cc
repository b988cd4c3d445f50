// SPDX-License-Identifier: Apache-2.0
#include "oci/seccomp_profile.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::oci;

namespace {

Result<SeccompProfile> parse(const std::string& members) {
  return parse_seccomp_profile(json::parse("{" + members + "}").value());
}

Result<SeccompProfile> parse_entry(const std::string& members) {
  return parse(R"("defaultAction":"SCMP_ACT_ERRNO","syscalls":[{)" + members + "}]");
}

}  // namespace

TEST_CASE("every member of linux.seccomp is read") {
  const auto profile = parse(R"("defaultAction":"SCMP_ACT_TRACE","defaultErrnoRet":65535,
    "architectures":["SCMP_ARCH_X86"],"flags":["SECCOMP_FILTER_FLAG_LOG"],
    "listenerPath":"/run/agent","listenerMetadata":"data","unknown":1,
    "syscalls":[{"names":["read","write"],"action":"SCMP_ACT_ERRNO","errnoRet":7,"args":[
      {"index":5,"value":18446744073709551615,"valueTwo":3,"op":"SCMP_CMP_MASKED_EQ"}]}])");
  CHECK(profile->default_verdict == SeccompVerdict{SeccompAction::Trace, 65535});
  CHECK(profile->architectures == std::vector<std::string>{"SCMP_ARCH_X86"});
  CHECK(profile->flags == std::vector<std::string>{"SECCOMP_FILTER_FLAG_LOG"});
  CHECK(profile->listener_path == "/run/agent");
  CHECK(profile->listener_metadata == "data");
  const SeccompEntry& entry = profile->entries.at(0);
  CHECK(entry.names == std::vector<std::string>{"read", "write"});
  CHECK(entry.verdict == SeccompVerdict{SeccompAction::Errno, 7});
  CHECK(entry.arguments.at(0).index == 5);
  CHECK(entry.arguments.at(0).op == SeccompOperator::MaskedEqual);
  CHECK(entry.arguments.at(0).value == ~0ull);
  CHECK(entry.arguments.at(0).value_two == 3);
}

TEST_CASE("without errnoRet it is EPERM, and only where there is an errno") {
  CHECK(parse(R"("defaultAction":"SCMP_ACT_ERRNO")")->default_verdict.data == 1);
  CHECK(parse(R"("defaultAction":"SCMP_ACT_TRACE")")->default_verdict.data == 1);
  CHECK(parse(R"("defaultAction":"SCMP_ACT_LOG")")->default_verdict.data == 0);
  CHECK(parse(R"("defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":0)")->default_verdict.data ==
        0);
}

TEST_CASE("wrong members of linux.seccomp are named") {
  const auto message = [](const Result<SeccompProfile>& result) {
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().kind() == Kind::Invalid);
    return result.error().message();
  };
  CHECK(message(parse("")).find("defaultAction") != std::string::npos);
  CHECK(message(parse(R"("defaultAction":"ALLOW")")).find("ALLOW") != std::string::npos);
  CHECK(message(parse(R"("defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1)"))
            .find("defaultErrnoRet") != std::string::npos);
  CHECK(message(parse(R"("defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4096)")).find("4095") !=
        std::string::npos);
  message(parse(R"("defaultAction":"SCMP_ACT_TRACE","defaultErrnoRet":65536)"));
  message(parse(R"("defaultAction":"SCMP_ACT_ALLOW","architectures":"SCMP_ARCH_X86")"));
  message(parse(R"("defaultAction":"SCMP_ACT_ALLOW","flags":[1])"));
  message(parse(R"("defaultAction":"SCMP_ACT_ALLOW","listenerPath":1)"));
  message(parse(R"("defaultAction":"SCMP_ACT_ALLOW","listenerMetadata":"x")"));
  message(parse(R"("defaultAction":"SCMP_ACT_ALLOW","syscalls":{})"));
  message(parse(R"("defaultAction":"SCMP_ACT_ALLOW","syscalls":[1])"));
  message(parse_entry(R"("names":[],"action":"SCMP_ACT_ALLOW")"));
  CHECK(message(parse_entry(R"("names":["mount"])")).find("mount") != std::string::npos);
  message(parse_entry(R"("names":["read"],"action":"SCMP_ACT_KILL","errnoRet":1)"));
  message(parse_entry(R"("names":["read"],"action":"SCMP_ACT_ALLOW","args":{})"));
  for (const char* argument :
       {R"({"index":6,"value":0,"op":"SCMP_CMP_EQ"})",
        R"({"index":-1,"value":0,"op":"SCMP_CMP_EQ"})", R"({"value":0,"op":"SCMP_CMP_EQ"})",
        R"({"index":0,"op":"SCMP_CMP_EQ"})", R"({"index":0,"value":-1,"op":"SCMP_CMP_EQ"})",
        R"({"index":0,"value":0,"op":"EQ"})",
        R"({"index":0,"value":0,"valueTwo":"1","op":"SCMP_CMP_EQ"})", R"({"index":0,"value":0})"})
    message(parse_entry(R"("names":["read"],"action":"SCMP_ACT_ALLOW","args":[)" +
                        std::string(argument) + "]"));
}
