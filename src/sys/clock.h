// SPDX-License-Identifier: Apache-2.0
// How long ago something was, when the clock may have been set meanwhile.
#pragma once

#include <string>
#include <string_view>

#include "base/text.h"

namespace tare::sys {

// A point in time by the wall clock and by the one that nobody sets: time since the machine was
// started, sleep included. [clock_gettime(2), CLOCK_BOOTTIME]
struct Moment {
  UnixNanos wall = 0;
  std::string boot;  // Id of the boot; empty: unknown.
  std::int64_t since_boot = 0;

  static Moment now();
  // "WALL BOOT SINCE_BOOT"; what cannot be parsed is a moment of an unknown boot.
  static Moment parse(std::string_view text);
  std::string text() const;
  // Nanoseconds from `earlier` to this one, never negative. Within one boot the wall clock is not
  // asked; between two there is no other.
  std::int64_t since(const Moment& earlier) const;
};

}  // namespace tare::sys
