// SPDX-License-Identifier: Apache-2.0
#include "oci/runtime_state.h"

namespace tare::oci {

std::string_view status_name(Status status) {
  switch (status) {
    case Status::Creating:
      return "creating";
    case Status::Created:
      return "created";
    case Status::Running:
      return "running";
    case Status::Stopped:
      return "stopped";
    case Status::Paused:
      return "paused";
  }
  return "";
}

json::Value state_value(const State& state) {
  json::Value value;
  value.set("ociVersion", state.oci_version);
  value.set("id", state.id);
  value.set("status", status_name(state.status));
  if (state.pid != 0) value.set("pid", state.pid);
  value.set("bundle", state.bundle);
  if (state.annotations.empty()) return value;
  json::Object annotations;
  for (const auto& [key, text] : state.annotations) annotations.emplace_back(key, text);
  value.set("annotations", std::move(annotations));
  return value;
}

std::string print_state(const State& state) { return json::print(state_value(state)); }

std::string print_process_state(const State& state, std::int64_t pid, std::string_view metadata) {
  json::Value value;
  value.set("ociVersion", state.oci_version);
  value.set("fds", json::Array{"seccompFd"});
  value.set("pid", pid);
  if (!metadata.empty()) value.set("metadata", metadata);
  value.set("state", state_value(state));
  return json::print(value);
}

}  // namespace tare::oci
