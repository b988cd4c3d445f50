// SPDX-License-Identifier: Apache-2.0
// Tables of nftables whose rules never change, loaded by `nft` when they are not there. Private to
// this room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "network/nft.h"

namespace tare::network {

struct StaticTable {
  std::uint8_t family = 0;  // NFPROTO_*
  const char* name = "";    // In nft's language: "inet tare".
  const char* rules = "";   // The same, the content.
  const char* layout = "";  // The name of a chain that tells which rules these are.
  std::size_t rule_count = 0;
};

// Whether it is there, with all its rules. Errors: Unsupported, Denied.
Result<bool> is_whole(nft::Table& any, const StaticTable& table);
// Makes those that are not whole anew, in one transaction. True when there were any: they are
// empty. Two that meet are fine. Errors: Unsupported (no nft, or one that does not know what we
// ask).
Result<bool> ensure_tables(nft::Table& any, std::span<const StaticTable> tables);

}  // namespace tare::network
