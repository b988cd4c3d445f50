// SPDX-License-Identifier: Apache-2.0
// Profiles of runtime configurations and of Docker's format: what compiles is a program that the
// kernel would load, that ends with a verdict for every call, and that lets no other architecture
// in.
#include "fuzz/fuzz.h"
#include "oci/seccomp_profile.h"
#include "policy/policy.h"
#include "policy/tables.h"
#include "seccomp/bpf_machine.h"

using namespace tare;

namespace {

void try_program(const std::vector<sock_filter>& program) {
  FUZZ_CHECK(program.size() <= 4096);
  for (const policy::AbiFacts& abi : policy::kAbis)
    for (const std::uint32_t number : {0u, 1u, 41u, 102u, 117u, 435u, 600u, 0x40000001u, ~0u})
      for (const std::uint64_t argument : {0ull, 1ull, 0x100000001ull, ~0ull}) {
        seccomp_data call{.nr = static_cast<int>(number), .arch = abi.architecture};
        for (auto& word : call.args) word = argument;
        FUZZ_CHECK(tests::run_filter(program, call).has_value());
      }
  const seccomp_data foreign{.nr = 1, .arch = 0x1234};
  FUZZ_CHECK(tests::run_filter(program, foreign) == SECCOMP_RET_KILL_PROCESS);
}

}  // namespace

TARE_FUZZER(seccomp) {
  if (const auto program = policy::compile_docker_profile(bytes, 0)) try_program(*program);
  const auto value = json::parse(bytes);
  if (!value) return;
  const auto profile = oci::parse_seccomp_profile(*value);
  if (!profile) {
    FUZZ_CHECK(profile.error().kind() == Kind::Invalid);
    return;
  }
  const auto compiled = policy::compile_oci_seccomp(*profile);
  if (!compiled) {
    FUZZ_CHECK(compiled.error().kind() == Kind::Invalid ||
               compiled.error().kind() == Kind::Unsupported);
    return;
  }
  FUZZ_CHECK(compiled->listener.has_value() ==
             ((compiled->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0));
  try_program(compiled->program);
}
