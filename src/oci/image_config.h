// SPDX-License-Identifier: Apache-2.0
// The image configuration: what to run and how. [image-spec 1.1 config.md, with the members that
// Docker adds]
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/text.h"
#include "codec/json.h"

namespace tare::oci {

struct Healthcheck {
  std::vector<std::string> test;
  std::int64_t interval_ns = 0;
  std::int64_t timeout_ns = 0;
  std::int64_t start_period_ns = 0;
  std::int64_t start_interval_ns = 0;
  std::int64_t retries = 0;
  bool operator==(const Healthcheck&) const = default;
};

struct History {
  UnixNanos created = 0;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
};

struct ImageConfig {
  // Top level.
  UnixNanos created = 0;
  std::string author;
  std::string architecture;  // "amd64"
  std::string os;            // "linux"
  std::string variant;
  std::vector<Digest> diff_ids;
  std::vector<History> history;
  // The "config" object.
  std::string user;
  std::vector<std::string> exposed_ports;  // "80/tcp", sorted.
  std::vector<std::string> env;            // "K=V"
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> volumes;  // Paths, sorted.
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::vector<std::string> shell;
  std::vector<std::string> on_build;
  bool has_healthcheck = false;
  Healthcheck healthcheck;
};

// Unknown members are ignored, wrong types are Invalid.
Result<ImageConfig> parse_image_config(std::string_view text);
// The same config gives the same bytes: members in the specification's order, empty ones left out.
std::string print_image_config(const ImageConfig& config);
// Only the "config" object, with Docker's spelling, for inspect.
json::Value config_object(const ImageConfig& config);
// "amd64" for this machine.
std::string host_architecture();

}  // namespace tare::oci
