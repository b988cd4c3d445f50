// SPDX-License-Identifier: Apache-2.0
#include "network/egress_ledger.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::network;

namespace {

LedgerRow row(const std::string& what, UnixNanos when) {
  return {.what = what, .reason = "not on the list", .first = when, .last = when, .count = 1};
}

}  // namespace

TEST_CASE("network: egress: the ledger counts what is the same, and comes back") {
  Ledger ledger;
  ledger.note(row("a.example", 1));
  ledger.note(row("b.example", 2));
  ledger.note(row("a.example", 3));
  LedgerRow other = row("a.example", 4);
  other.is_allowed = true;
  ledger.note(other);
  const std::vector<LedgerRow> rows = ledger.rows();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].what == "b.example");
  CHECK(rows[1].count == 2);
  CHECK(rows[1].first == 1);
  CHECK(rows[1].last == 3);
  CHECK(Ledger::parse(ledger.print()).value().rows() == rows);
  CHECK(!Ledger::parse("{"));
}

TEST_CASE("network: egress: the ledger is bounded, and loses what is oldest") {
  Ledger ledger;
  constexpr auto kMost = static_cast<UnixNanos>(Ledger::kMostRows);
  for (UnixNanos i = 0; i < kMost + 10; ++i) ledger.note(row(std::to_string(i), i));
  CHECK(ledger.rows().size() == Ledger::kMostRows);
  CHECK(ledger.rows().front().what == "10");
  CHECK(ledger.dropped() == 10);
  CHECK(Ledger::parse(ledger.print()).value().dropped() == 10);
}
