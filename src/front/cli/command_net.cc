// SPDX-License-Identifier: Apache-2.0
// net log: what a container reached outside of its networks.
#include <algorithm>
#include <map>
#include <thread>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/render.h"

namespace tare::cli {
namespace {

using network::LedgerRow;
using enum OptionKind;

constexpr Option kLog[] = {
    {'f', "follow", Flag, "", "Go on with what comes, until the container ends"},
    {0, "json", Flag, "", "Print one JSON object a line"},
};

constexpr std::chrono::milliseconds kLookAgain(500);  // The service writes once a second.

std::string json_line(const LedgerRow& row) {
  json::Value out;
  out.set("Time", rfc3339(row.last));
  out.set("First", rfc3339(row.first));
  out.set("Kind", row.kind == LedgerRow::Kind::Name ? "name" : "connection");
  out.set("What", row.what);
  out.set("Verdict", row.is_allowed ? "allowed" : "refused");
  out.set("Reason", row.reason);
  out.set("Count", row.count);
  return json::print(out) + "\n";
}

// Whole seconds: it is looked at once in each.
std::string time_text(UnixNanos when) { return rfc3339(when / 1'000'000'000 * 1'000'000'000); }

std::vector<std::string> cells(const LedgerRow& row) {
  return {time_text(row.last), row.is_allowed ? "allowed" : "refused", escaped(row.what),
          std::to_string(row.count), escaped(row.reason)};
}

void print_rows(Context& context, const std::vector<LedgerRow>& rows, bool json, bool title) {
  std::vector<std::vector<std::string>> lines;
  if (title && !json) lines.push_back({"TIME", "VERDICT", "NAME OR ADDRESS", "COUNT", "REASON"});
  for (const LedgerRow& row : rows) {
    if (json)
      context.print(json_line(row));
    else
      lines.push_back(cells(row));
  }
  if (!json) context.print(render_table(lines, 0, 2));
}

bool is_running(engine::Engine& engine, const std::string& id) {
  const auto container = engine.find(id);
  return container && container->status == engine::Status::Running;
}

// Rows that are new, or have been used again, each time.
Result<> follow(Context& context, engine::Engine& engine, const std::string& id, bool json) {
  UnixNanos seen = 0;
  for (bool is_last = false;;) {
    std::vector<LedgerRow> rows = TRY(engine.egress_ledger(id));
    std::erase_if(rows, [&](const LedgerRow& row) { return row.last <= seen; });
    print_rows(context, rows, json, seen == 0 && !json);
    for (const LedgerRow& row : rows) seen = std::max(seen, row.last);
    if (is_last) return {};
    // What was written for its end is still to be shown.
    is_last = !is_running(engine, id);
    seen = std::max<UnixNanos>(seen, 1);
    std::this_thread::sleep_for(is_last ? 4 * kLookAgain : kLookAgain);
  }
}

}  // namespace

std::span<const Option> net_log_options() { return kLog; }

Result<int> cmd_net_log(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const engine::Container container = TRY(engine.find(arguments.operands[0]));
  const bool json = arguments.flag("json");
  if (arguments.flag("follow")) {
    TRY(follow(context, engine, container.id, json));
    return 0;
  }
  print_rows(context, TRY(engine.egress_ledger(container.id)), json, true);
  return 0;
}

}  // namespace tare::cli
