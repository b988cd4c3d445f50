// SPDX-License-Identifier: Apache-2.0
// What a runtime says about a container: to its caller (`state`), to hooks on their standard input,
// and to a seccomp agent. [runtime-spec 1.3 runtime.md "State"]
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "oci/runtime_config.h"

namespace tare::oci {

// Paused is no word of the specification but of the other runtimes; their callers wait for it.
enum class Status : std::uint8_t { Creating, Created, Running, Stopped, Paused };
std::string_view status_name(Status status);  // "creating"

struct State {
  std::string oci_version = std::string(kRuntimeSpecVersion);
  std::string id;
  Status status = Status::Creating;
  std::int64_t pid = 0;  // As the runtime sees it; 0: there is no process, and none is printed.
  std::string bundle;    // Absolute.
  std::map<std::string, std::string> annotations;
};

// For callers that add members of their own.
json::Value state_value(const State& state);
// As hooks get it.
std::string print_state(const State& state);
// The first message to a seccomp agent; `metadata` is linux.seccomp.listenerMetadata, and the one
// descriptor that goes with it is the listener. [config-linux.md "The Container Process State"]
std::string print_process_state(const State& state, std::int64_t pid, std::string_view metadata);

}  // namespace tare::oci
