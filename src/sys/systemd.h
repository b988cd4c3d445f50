// SPDX-License-Identifier: Apache-2.0
// Scopes: control groups that systemd makes for a process and leaves to us (Delegate). Private to
// this room. [org.freedesktop.systemd1(5); systemd.scope(5); systemd's "Control Group APIs and
// Delegation"]
#pragma once

#include <string>
#include <vector>

#include "sys/cgroup_limits.h"
#include "sys/dbus.h"

namespace tare::sys::systemd {

// "slice:prefix:name" as runc and crun understand it. Errors: Invalid.
struct ScopeName {
  std::string slice;  // "" lets systemd choose.
  std::string unit;   // "prefix-name.scope"
};
Result<ScopeName> parse_scope_name(std::string_view path);

// The socket of the bus on which the systemd that is ours listens: the system's for root, else the
// one at `user_bus` ("unix:path=..."). Errors: Unsupported (no systemd, no bus).
Result<std::string> find_bus(std::string_view user_bus);

// Makes the scope with this process in it, and waits until it is there.
Result<> start_scope(dbus::Connection& bus, const ScopeName& name, int pid,
                     const CgroupLimits& limits);
// So that systemd does not put its own idea of the limits back.
Result<> set_limits(dbus::Connection& bus, const std::string& unit, const CgroupLimits& limits);

// The limits that all versions of systemd have a property for, as a body of type a(sv); at the
// writer's place. For tests.
void write_limits(dbus::Writer& out, const CgroupLimits& limits);

}  // namespace tare::sys::systemd
