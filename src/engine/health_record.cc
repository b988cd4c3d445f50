// SPDX-License-Identifier: Apache-2.0
#include "engine/health_record.h"

#include <algorithm>
#include <array>

#include "engine/health_probe.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t kMostBytes = 1 << 20;
constexpr std::array<std::string_view, 4> kStatus = {"none", "starting", "healthy", "unhealthy"};

struct Duration {
  const char* key;    // Of our record.
  const char* title;  // Of docker inspect.
  nanoseconds HealthCheck::* member;
  std::int64_t oci::Healthcheck::* image;
  nanoseconds usual;
};
constexpr std::array<Duration, 4> kDurations = {
    Duration{"interval", "Interval", &HealthCheck::interval, &oci::Healthcheck::interval_ns,
             kHealthInterval},
    Duration{"timeout", "Timeout", &HealthCheck::timeout, &oci::Healthcheck::timeout_ns,
             kHealthTimeout},
    Duration{"startPeriod", "StartPeriod", &HealthCheck::start_period,
             &oci::Healthcheck::start_period_ns, nanoseconds(0)},
    Duration{"startInterval", "StartInterval", &HealthCheck::start_interval,
             &oci::Healthcheck::start_interval_ns, kHealthStartInterval}};

Result<> check_durations(const HealthCheck& check) {
  for (const Duration& each : kDurations) {
    const nanoseconds value = check.*each.member;
    if (value != nanoseconds(0) && value < std::chrono::milliseconds(1))
      return fail(Kind::Invalid,
                  std::string("the health check's ") + each.title + " cannot be less than 1ms");
  }
  return {};
}

Result<> check_test(const HealthCheck& check) {
  const std::string& kind = check.test[0];
  const std::size_t count = check.test.size();
  if (kind == "NONE") return {};
  if (kind == "CMD" && count > 1) return {};
  if (kind == "CMD-SHELL" && count == 2) return {};
  if (kind == "PROBE" && count == 2) {
    TRY(parse_probe(check.test[1]));
    return {};
  }
  return std::unexpected(
      Error(Kind::Invalid,
            "the health check of the image cannot be understood: it begins with " + quoted(kind))
          .hint("leave it out (--no-healthcheck), or give another one (--health-cmd, --health)"));
}

}  // namespace

std::string_view health_text(HealthStatus status) {
  return kStatus[static_cast<std::size_t>(status)];
}

json::Value print_health_check(const HealthCheck& check) {
  json::Value out;
  out.set("test", json::Value(check.test));
  for (const Duration& each : kDurations)
    out.set(each.key, static_cast<std::int64_t>((check.*each.member).count()));
  out.set("retries", check.retries);
  out.set("shell", json::Value(check.shell));
  return out;
}

HealthCheck parse_health_check(const json::Value& in) {
  HealthCheck check;
  check.test = in["test"].as_strings();
  for (const Duration& each : kDurations) check.*each.member = nanoseconds(in[each.key].as_int());
  check.retries = static_cast<int>(in["retries"].as_int());
  check.shell = in["shell"].as_strings();
  return check;
}

std::string print_health(const Health& health) {
  json::Value out;
  out.set("status", health_text(health.status));
  out.set("failingStreak", health.failing_streak);
  json::Array log;
  for (const ProbeResult& result : health.log) {
    json::Value one;
    one.set("start", result.start);
    one.set("end", result.end);
    one.set("exitCode", result.exit_code);
    one.set("output", result.output);
    log.push_back(std::move(one));
  }
  out.set("log", std::move(log));
  return json::print(out);
}

Result<Health> parse_health(std::string_view text) {
  const json::Value in = TRY(json::parse(text));
  const std::string status = TRY(json::require_string(in, "status", "health"));
  const auto found = std::ranges::find(kStatus, status);
  if (found == kStatus.end()) return fail(Kind::Invalid, "health has no known status");
  Health health;
  health.status = static_cast<HealthStatus>(found - kStatus.begin());
  health.failing_streak = static_cast<int>(in["failingStreak"].as_int());
  for (const json::Value& one : in["log"].as_array())
    health.log.push_back({.start = one["start"].as_int(),
                          .end = one["end"].as_int(),
                          .exit_code = static_cast<int>(one["exitCode"].as_int()),
                          .output = one["output"].as_string()});
  return health;
}

Health load_health(int dir) {
  const auto text = sys::load_file(dir, "health", kMostBytes);
  if (!text) return {};
  return parse_health(*text).value_or(Health());
}

// [docker/cli: cli/command/container/opts.go; moby: daemon/commit.go, merge()]
Result<> complete_health(HealthCheck& check, const oci::ImageConfig& image) {
  if (check.test.empty() && image.has_healthcheck) check.test = image.healthcheck.test;
  if (!check.is_set()) return {};
  TRY(check_test(check));
  TRY(check_durations(check));
  for (const Duration& each : kDurations) {
    nanoseconds& value = check.*each.member;
    if (value == nanoseconds(0)) value = nanoseconds(image.healthcheck.*each.image);
    if (value <= nanoseconds(0)) value = each.usual;
  }
  if (check.retries == 0)
    check.retries = static_cast<int>(std::clamp<std::int64_t>(image.healthcheck.retries, 0, 1000));
  if (check.retries <= 0) check.retries = kHealthRetries;
  check.shell = image.shell;
  return {};
}

void count_probe(Health& health, const HealthCheck& check, ProbeResult result,
                 nanoseconds elapsed) {
  const bool is_well = result.exit_code == 0;
  health.log.push_back(std::move(result));
  if (health.log.size() > kHealthLog)
    health.log.erase(health.log.begin(), health.log.end() - static_cast<long>(kHealthLog));
  if (is_well) {
    health.failing_streak = 0;
    health.status = HealthStatus::Healthy;
    return;
  }
  if (health.status == HealthStatus::Starting && elapsed < check.start_period) return;
  ++health.failing_streak;
  if (health.failing_streak >= check.retries) health.status = HealthStatus::Unhealthy;
}

std::string clean_output(std::string_view bytes) {
  const bool is_cut = bytes.size() > kProbeOutput;
  std::string out;
  std::size_t from = 0;
  bytes = bytes.substr(0, kProbeOutput);
  while (from < bytes.size()) {
    const std::size_t end = std::min(bytes.find_first_of("\n\t", from), bytes.size());
    out += escaped(bytes.substr(from, end - from));
    if (end < bytes.size()) out += bytes[end];
    from = end + 1;
  }
  return is_cut ? out + "..." : out;
}

json::Value describe_health_check(const HealthCheck& check) {
  json::Value out;
  out.set("Test", json::Value(check.test));
  if (!check.is_set()) return out;
  for (const Duration& each : kDurations)
    if ((check.*each.member).count() != 0)
      out.set(each.title, static_cast<std::int64_t>((check.*each.member).count()));
  out.set("Retries", check.retries);
  return out;
}

json::Value describe_health(const Health& health, HealthStatus now) {
  json::Value out;
  out.set("Status", health_text(now));
  out.set("FailingStreak", health.failing_streak);
  json::Array log;
  for (const ProbeResult& result : health.log) {
    json::Value one;
    one.set("Start", rfc3339(result.start));
    one.set("End", rfc3339(result.end));
    one.set("ExitCode", result.exit_code);
    one.set("Output", result.output);
    log.push_back(std::move(one));
  }
  out.set("Log", std::move(log));
  return out;
}

}  // namespace tare::engine
