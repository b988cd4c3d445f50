// SPDX-License-Identifier: Apache-2.0
// Where state lives by default, and the one namespace that all of an ordinary user's commands and
// keepers share.
#pragma once

#include <string>

#include "base/error.h"

namespace tare::engine {

// /var/lib/tare for root; $XDG_DATA_HOME/tare or ~/.local/share/tare for everybody else, also for
// root of a user namespace. Errors: Invalid (no home).
Result<std::string> usual_root();
// What root= in /etc/tare/tare.conf, or for everybody else in ~/.config/tare/tare.conf, says; empty
// without it. Errors: Invalid.
Result<std::string> configured_root();
// The same as usual_root() for a process that has become root of its namespace since.
Result<std::string> usual_root_of_namespace();

// Makes this process root of the user's namespace: that of a living command or keeper if there is
// one (entering a running container works only from the namespace it was made in), else a new one.
// Members are files USUAL/namespace/PID that hold the process's start time.
Result<> enter_root_namespace(const std::string& usual);
// Field 22 of /proc/PID/stat: together with the pid it names a process for ever; "" for one that
// has ended. [proc_pid_stat(5)]
std::string start_time(int pid);
// Adds the calling process to the members, for those that live on (keepers).
Result<> join_members(const std::string& usual);

}  // namespace tare::engine
