// SPDX-License-Identifier: Apache-2.0
// The system calls of programs that speak with strangers: what is not among them does not exist for
// them. [docs/decisions/0032-calls-of-network-programs.md]
#pragma once

#include <cstdint>
#include <vector>

#include "sys/seccomp.h"

namespace tare::sys {

// Whether it starts programs itself, as git does; else it can execute none.
enum class Programs : std::uint8_t { None, OfItsOwn };

// Files, memory, threads and processes of its own, sockets of the Internet and of this machine. The
// rest is answered with ENOSYS, which libraries know from older kernels.
SeccompPolicy network_calls(Programs programs);
// This process, for ever. Needs no_new_privs. Errors: those of seccomp(2).
Result<> limit_calls(Programs programs);

}  // namespace tare::sys
