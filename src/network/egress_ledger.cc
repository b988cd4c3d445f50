// SPDX-License-Identifier: Apache-2.0
#include "network/egress_ledger.h"

#include <algorithm>

#include "codec/json.h"

namespace tare::network {

void Ledger::note(LedgerRow row) {
  Key key{row.kind, row.is_allowed, row.what, row.reason};
  if (const auto found = rows_.find(key); found != rows_.end()) {
    found->second.last = std::max(found->second.last, row.last);
    found->second.count += row.count;
    return;
  }
  if (rows_.size() >= kMostRows) {
    rows_.erase(
        std::ranges::min_element(rows_, {}, [](const auto& entry) { return entry.second.last; }));
    ++dropped_;
  }
  rows_.emplace(std::move(key), std::move(row));
}

std::vector<LedgerRow> Ledger::rows() const {
  std::vector<LedgerRow> rows;
  for (const auto& [key, row] : rows_) rows.push_back(row);
  std::ranges::stable_sort(rows, {}, &LedgerRow::last);
  return rows;
}

std::string Ledger::print() const {
  json::Array rows;
  for (const LedgerRow& row : this->rows()) {
    json::Value out;
    out.set("kind", row.kind == LedgerRow::Kind::Name ? "name" : "connection");
    out.set("what", row.what);
    out.set("allowed", row.is_allowed);
    out.set("reason", row.reason);
    out.set("first", row.first);
    out.set("last", row.last);
    out.set("count", row.count);
    rows.push_back(std::move(out));
  }
  json::Value all;
  all.set("version", 1);
  all.set("dropped", dropped_);
  all.set("rows", std::move(rows));
  return json::print(all);
}

Result<Ledger> Ledger::parse(std::string_view text) {
  const json::Value in = TRY(json::parse(text));
  Ledger ledger;
  for (const json::Value& each : in["rows"].as_array()) {
    LedgerRow row;
    const std::string kind = TRY(json::require_string(each, "kind", "row of a ledger"));
    row.kind = kind == "name" ? LedgerRow::Kind::Name : LedgerRow::Kind::Connection;
    row.what = each["what"].as_string();
    row.is_allowed = each["allowed"].as_bool();
    row.reason = each["reason"].as_string();
    row.first = each["first"].as_int();
    row.last = each["last"].as_int();
    row.count = each["count"].as_uint();
    ledger.note(std::move(row));
  }
  ledger.dropped_ = in["dropped"].as_uint();
  return ledger;
}

std::string ledger_path(const std::string& container) {
  return "containers/" + container + "/egress.json";
}

}  // namespace tare::network
