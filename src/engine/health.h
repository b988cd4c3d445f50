// SPDX-License-Identifier: Apache-2.0
// Health checks: what is asked of a container from time to time, and what it has answered. Included
// by engine/engine.h. [docs/decisions/0021; docker: Dockerfile reference, "HEALTHCHECK"]
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace tare::engine {

// As asked for: zeros mean the defaults below, and an empty test the image's.
struct HealthCheck {
  // Docker's: "CMD" and a program, "CMD-SHELL" and a line for the shell, or "NONE"; and ours:
  // "PROBE" and a URL (see health_probe.h).
  std::vector<std::string> test;
  std::chrono::nanoseconds interval{};  // From the end of a probe to the next.
  std::chrono::nanoseconds timeout{};
  std::chrono::nanoseconds start_period{};    // Until then failures do not count.
  std::chrono::nanoseconds start_interval{};  // Instead of the interval, in that time.
  int retries = 0;                            // Failures in a row that make it unhealthy.
  std::vector<std::string> shell;             // Of CMD-SHELL. From the image.
  bool operator==(const HealthCheck&) const = default;

  bool is_set() const { return !test.empty() && test[0] != "NONE"; }
};

inline constexpr std::chrono::seconds kHealthInterval(30);
inline constexpr std::chrono::seconds kHealthTimeout(30);
inline constexpr std::chrono::seconds kHealthStartInterval(5);
inline constexpr int kHealthRetries = 3;

enum class HealthStatus : std::uint8_t { None, Starting, Healthy, Unhealthy };
std::string_view health_text(HealthStatus status);  // "none", "starting"...

struct ProbeResult {
  UnixNanos start = 0;
  UnixNanos end = 0;
  int exit_code = 0;   // 0: well. -1: it took too long, or could not be started.
  std::string output;  // Its beginning, free of control characters but newlines and tabs.
  bool operator==(const ProbeResult&) const = default;
};

// Of a container since it was started.
struct Health {
  HealthStatus status = HealthStatus::Starting;
  int failing_streak = 0;
  std::vector<ProbeResult> log;  // The last kHealthLog, oldest first.
  bool operator==(const Health&) const = default;
};
inline constexpr std::size_t kHealthLog = 5;

// Whether this is a URL that "PROBE" can ask. Errors: Invalid, Unsupported.
Result<> check_probe_url(std::string_view url);

}  // namespace tare::engine
