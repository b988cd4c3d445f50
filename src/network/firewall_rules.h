// SPDX-License-Identifier: Apache-2.0
// The static rules of `inet tare`. Private to this room.
#pragma once

#include <cstddef>

namespace tare::network {

// In nft's language: the content of the table. Whoever changes it gives the chain `layout_N` a new
// number, and counts.
extern const char* const kFirewallRules;
inline constexpr const char* kFirewallLayout = "layout_2";
inline constexpr std::size_t kFirewallRuleCount = 42;

}  // namespace tare::network
