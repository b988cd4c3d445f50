// SPDX-License-Identifier: Apache-2.0
// A container on disk: containers/ID/ in the store.
//
//   config.json  as created; rewritten only by rename
//   started      by the launching process: "pid=N\nkeeper_pid=N\nstarted_at=NS\n", and without a
//                cgroup "pid_start=TICKS\n", field 22 of /proc/PID/stat
//   exit         by the keeper: "exit_code=N\nfinished_at=NS\noom=0|1\n"; with "lost=1\n" by who
//                found that the keeper had been killed
//   error        why the last start failed: "exit_code=N\n" and a sentence
//   paused       by pause, empty: the control group may be frozen
//   health       by who probes it: what the health check has found since the start; health.lock is
//                held by who writes it
//   services     shown to it, see docs/formats/services.md; services.env: variables of them
//   builder      of a step of a build: locked by who builds
//   lock         held by the keeper (or by who is starting it) as long as it runs
//   ctl          the keeper's socket
//   log/         the keeper's log
//   upper, work  the writable layer
#pragma once

#include <string>

#include "engine/engine.h"

namespace tare::engine {

// In the directory of a step's container, locked by who builds.
inline constexpr const char* kBuilderLock = "builder";

// config.json to and from Container's fixed members.
std::string print_record(const Container& container);
Result<Container> parse_record(std::string_view text);

// "key=value" lines of the small state files; a missing key reads as "" or 0.
std::string field(std::string_view text, std::string_view key);
std::int64_t number_field(std::string_view text, std::string_view key);

// Reads everything about the container in `dir` (open directory): the record, and its state now.
Result<Container> load_container(int dir);

}  // namespace tare::engine
