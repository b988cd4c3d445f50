// SPDX-License-Identifier: Apache-2.0
#include "network/static_tables.h"

#include <netinet/in.h>
// Behind it, or the two have the same things twice.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include <algorithm>
#include <optional>

#include "network/nft_program.h"

namespace tare::network {
namespace {

using nft::Attributes;
using sys::netlink::Request;

// "tare" of "inet tare".
std::string_view name_of(const StaticTable& table) {
  const std::string_view name = table.name;
  return name.substr(name.find(' ') + 1);
}

Request about(const StaticTable& table, std::uint16_t message, std::uint16_t flags,
              std::uint16_t attribute) {
  const nfgenmsg header{.nfgen_family = table.family, .version = NFNETLINK_V0, .res_id = 0};
  Request request((NFNL_SUBSYS_NFTABLES << 8U) | message, flags, header);
  request.append(Attributes().text(attribute, name_of(table)).view());
  return request;
}

Result<std::optional<std::uint64_t>> handle_of(nft::Table& any, const StaticTable& table) {
  auto tables = any.ask(about(table, NFT_MSG_GETTABLE, 0, NFTA_TABLE_NAME));
  if (!tables && tables.error().kind() == Kind::NotFound) return std::nullopt;
  if (!tables) return std::unexpected(nft::unsupported(std::move(tables).error()));
  if (tables->empty()) return std::nullopt;
  return TRY(nft::table_handle(tables->front()));
}

// What makes it whole; "" when it is.
Result<std::string> script_for(nft::Table& any, const StaticTable& table) {
  // Before the look at it: what is loaded from here on stays.
  const auto broken = TRY(handle_of(any, table));
  if (TRY(is_whole(any, table))) return std::string();
  std::string script;
  const std::string name = table.name;
  if (broken)
    script = "delete table " + name.substr(0, name.find(' ')) + " handle " +
             std::to_string(*broken) + "\n";
  return script + "create table " + name + "\ntable " + name + " {" + table.rules + "}\n";
}

}  // namespace

Result<bool> is_whole(nft::Table& any, const StaticTable& table) {
  auto bodies = any.ask(about(table, NFT_MSG_GETRULE, NLM_F_DUMP, NFTA_RULE_TABLE));
  if (!bodies && bodies.error().kind() == Kind::NotFound) return false;
  if (!bodies) return std::unexpected(nft::unsupported(std::move(bodies).error()));
  // Only its chain's name can say so.
  const auto is_ours = [&](const std::string& body) { return body.contains(table.layout); };
  return std::ranges::any_of(*bodies, is_ours) && bodies->size() == table.rule_count;
}

// Of two that find it missing at once, the second cannot create it. Of two that find it broken, the
// second cannot delete what the first has made, because that has another handle.
Result<bool> ensure_tables(nft::Table& any, std::span<const StaticTable> tables) {
  constexpr int kMostLoads = 5;
  Result<> loaded;
  for (int tries = 0;; ++tries) {
    std::string script;
    for (const StaticTable& table : tables) script += TRY(script_for(any, table));
    if (script.empty()) return tries > 0;
    if (tries == kMostLoads) break;
    loaded = run_nft(script);
  }
  if (!loaded) return std::unexpected(std::move(loaded).error().wrap("load the firewall's rules"));
  return fail(Kind::Internal, "the rules of the firewall are not those that were loaded");
}

}  // namespace tare::network
