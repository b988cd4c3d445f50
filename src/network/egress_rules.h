// SPDX-License-Identifier: Apache-2.0
// The static rules of `inet tare_egress` and `bridge tare_egress`. Private to this room.
#pragma once

#include <array>

#include "network/static_tables.h"

namespace tare::network {

inline constexpr const char* kEgressTable = "tare_egress";
// Whoever changes them gives the chains `egress_layout_N` a new number, and counts.
extern const std::array<StaticTable, 2> kEgressTables;

}  // namespace tare::network
