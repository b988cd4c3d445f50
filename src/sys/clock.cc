// SPDX-License-Identifier: Apache-2.0
#include "sys/clock.h"

#include <time.h>

#include <algorithm>

#include "sys/files.h"

namespace tare::sys {

Moment Moment::now() {
  timespec boottime{};
  ::clock_gettime(CLOCK_BOOTTIME, &boottime);
  return {.wall = now_ns(),
          .boot = boot_id(),
          .since_boot = std::int64_t{boottime.tv_sec} * 1'000'000'000 + boottime.tv_nsec};
}

Moment Moment::parse(std::string_view text) {
  const auto parts = split(trim(text), ' ');
  Moment moment;
  moment.wall = parse_i64(parts[0]).value_or(0);
  const auto boottime = parts.size() == 3 ? parse_i64(parts[2]) : parse_i64("");
  if (!boottime) return moment;
  moment.boot = parts[1];
  moment.since_boot = *boottime;
  return moment;
}

std::string Moment::text() const {
  return std::to_string(wall) + (boot.empty() ? "" : " " + boot + " " + std::to_string(since_boot));
}

std::int64_t Moment::since(const Moment& earlier) const {
  const bool same_boot = !boot.empty() && boot == earlier.boot;
  const std::int64_t span = same_boot ? since_boot - earlier.since_boot : wall - earlier.wall;
  return std::max<std::int64_t>(span, 0);
}

}  // namespace tare::sys
