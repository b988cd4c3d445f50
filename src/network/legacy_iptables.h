// SPDX-License-Identifier: Apache-2.0
// Rules of iptables-legacy, which nf_tables knows nothing of. Private to this room.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::network {

struct LegacyForward {
  bool drops = false;   // What no rule lets through.
  std::string entries;  // All rules of table "filter", as the kernel has them.
};
// For the current network namespace; nothing is loaded that is not there. Errors: Denied.
Result<LegacyForward> legacy_forward(bool is_v6);

}  // namespace tare::network
