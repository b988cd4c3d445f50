// SPDX-License-Identifier: Apache-2.0
// Health checks and what came of them: read, written, counted. Nothing here asks a container.
// Private to this room.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "engine/engine.h"
#include "oci/image_config.h"

namespace tare::engine {

// As part of a container's record.
json::Value print_health_check(const HealthCheck& check);
HealthCheck parse_health_check(const json::Value& in);
// The file `health` in a container's directory. Errors: Invalid.
std::string print_health(const Health& health);
Result<Health> parse_health(std::string_view text);
// Of the container in `dir` since its start; without the file it is starting.
Health load_health(int dir);

// Fills in what was not asked for: the image's, then the defaults. Errors: Invalid (a probe that is
// no URL, a time below a millisecond).
Result<> complete_health(HealthCheck& check, const oci::ImageConfig& image);

// `elapsed`: since the container's start. [moby: daemon/health.go, handleProbeResult()]
void count_probe(Health& health, const HealthCheck& check, ProbeResult result,
                 std::chrono::nanoseconds elapsed);

// At most 4096 bytes of what a probe wrote, fit for terminals.
std::string clean_output(std::string_view bytes);
inline constexpr std::size_t kProbeOutput = 4096;

// docker inspect's Config.Healthcheck and State.Health.
json::Value describe_health_check(const HealthCheck& check);
json::Value describe_health(const Health& health, HealthStatus now);

}  // namespace tare::engine
