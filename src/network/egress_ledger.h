// SPDX-License-Identifier: Apache-2.0
// What a container asked for and reached outside of its networks, and what it was refused: one row
// for all that is the same, so that it stays small. [docs/formats/networks.md, "The ledger"]
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace tare::network {

struct LedgerRow {
  enum class Kind : std::uint8_t { Name, Connection };
  Kind kind = Kind::Name;
  // A name as dns::Name::text() has it; or "ADDRESS:PORT/PROTOCOL", of others "ADDRESS/icmp".
  std::string what;
  bool is_allowed = false;
  std::string reason;
  UnixNanos first = 0;
  UnixNanos last = 0;
  std::uint64_t count = 0;  // Questions; packets that began something.
  bool operator==(const LedgerRow&) const = default;
};

class Ledger {
 public:
  static constexpr std::size_t kMostRows = 512;

  // Counts it to the row that is the same but for times and count. When there are too many rows the
  // one that was used least lately goes.
  void note(LedgerRow row);
  // The row used last comes last.
  std::vector<LedgerRow> rows() const;
  std::uint64_t dropped() const { return dropped_; }  // Rows that made room for others.

  std::string print() const;
  // Errors: Invalid.
  static Result<Ledger> parse(std::string_view text);

 private:
  using Key = std::tuple<LedgerRow::Kind, bool, std::string, std::string>;
  std::map<Key, LedgerRow> rows_;
  std::uint64_t dropped_ = 0;
};

// Relative to the store's root.
std::string ledger_path(const std::string& container);

}  // namespace tare::network
