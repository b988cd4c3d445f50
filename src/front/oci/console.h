// SPDX-License-Identifier: Apache-2.0
// A container's terminal: handed to the caller through --console-socket, or connected to our own.
#pragma once

#include <string>

#include "sys/fd.h"

namespace tare::front_oci {

// Connects to a listening Unix stream socket. Errors: Invalid (too long), NotFound...
Result<sys::Fd> connect_socket(const std::string& path);
// Sends the master side with its name. [runc docs/terminals.md, "--console-socket"]
Result<> send_terminal(const sys::Fd& socket, const sys::Fd& master);

// The process `pid` of `pidfd`, which is our child, until it ends: signals that we get go to it,
// what is typed goes to `master` and what it says to our standard output (`master` may be empty).
// Returns its exit status as a shell has it (128 and the signal).
Result<int> wait_in_foreground(pid_t pid, int pidfd, const sys::Fd& master);

}  // namespace tare::front_oci
