// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
// Behind it, or the two have the same things twice.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "network/firewall.h"
#include "network/legacy_iptables.h"

namespace tare::network {
namespace {

using nft::ChainInfo;
using nft::RuleInfo;

// All that is known of a table of somebody else.
struct Other {
  std::string family;  // "ip"
  std::string name;
  std::vector<ChainInfo> chains;
  std::vector<std::string> rules;  // Bodies of messages.
};

std::string family_text(std::uint8_t family) {
  if (family == NFPROTO_IPV4) return "ip";
  if (family == NFPROTO_IPV6) return "ip6";
  if (family == NFPROTO_INET) return "inet";
  return "";
}

bool has_chain(const Other& table, std::string_view name) {
  return std::ranges::any_of(table.chains,
                             [&](const ChainInfo& chain) { return chain.name.contains(name); });
}

// Whether rules of this table speak of the interface: then somebody has thought of it, and what
// they say of it is theirs to know.
bool knows(const Other& table, const std::string& interface) {
  // As an operand it has its zero byte behind it, or is followed by other attributes.
  return std::ranges::any_of(table.rules, [&](const std::string& rule) {
    return std::string_view(rule).contains(
        std::string_view(interface.c_str(), interface.size() + 1));
  });
}

// The last rule of a chain stops whatever has come so far: nothing in it looks at the packet.
Result<bool> ends_in_drop(const Other& table, const std::string& chain) {
  static const std::set<std::string> blind = {"counter", "log",       "limit",
                                              "reject",  "immediate", "target"};
  bool drops = false;
  for (const std::string& body : table.rules) {
    const RuleInfo rule = TRY(nft::parse_rule(body));
    if (rule.chain != chain) continue;
    drops = rule.drops && std::ranges::all_of(rule.expressions, [&](const std::string& name) {
              return blind.contains(name);
            });
  }
  return drops;
}

constexpr const char* kStops = " stops what is forwarded from and to ";
constexpr const char* kWhat =
    ": the way out of its containers and their published ports. To open: ";

std::string ufw_command(const std::string& bridge) {
  return "ufw route allow in on " + bridge + " && ufw route allow out on " + bridge;
}

std::string how_to_open(const Other& table, const std::string& chain, const std::string& bridge) {
  if (table.name == "firewalld") return "firewall-cmd --zone=trusted --add-interface=" + bridge;
  if (has_chain(table, "ufw")) return ufw_command(bridge);
  if (table.name == "filter" && table.family != "inet") {
    const std::string program = table.family == "ip" ? "iptables" : "ip6tables";
    const std::string where = has_chain(table, "DOCKER-USER") ? "DOCKER-USER" : chain;
    return program + " -I " + where + " -i " + bridge + " -j ACCEPT && " + program + " -I " +
           where + " -o " + bridge + " -j ACCEPT";
  }
  const std::string insert = "nft insert rule " + table.family + " " + table.name + " " + chain;
  return insert + " iifname " + bridge + " accept && " + insert + " oifname " + bridge + " accept";
}

std::string who(const Other& table) {
  if (table.name == "firewalld") return "firewalld";
  if (has_chain(table, "ufw")) return "ufw";
  if (has_chain(table, "DOCKER-USER")) return "iptables, as Docker leaves it,";
  return "the chain of table '" + escaped(table.family + " " + table.name) + "'";
}

Result<std::map<std::string, Other>> other_tables(nft::Table& table, std::string_view ours) {
  std::map<std::string, Other> tables;
  for (const std::string& body : TRY(table.ask(table.request(NFT_MSG_GETCHAIN, NLM_F_DUMP)))) {
    ChainInfo chain = TRY(nft::parse_chain(body));
    const std::string family = family_text(chain.family);
    if (family.empty() || (family == "inet" && chain.table == ours)) continue;
    Other& other = tables[family + " " + chain.table];
    other.family = family;
    other.name = chain.table;
    other.chains.push_back(std::move(chain));
  }
  return tables;
}

Result<> load_rules(nft::Table& table, std::map<std::string, Other>& tables) {
  for (std::string& body : TRY(table.ask(table.request(NFT_MSG_GETRULE, NLM_F_DUMP)))) {
    const RuleInfo rule = TRY(nft::parse_rule(body));
    const auto found = tables.find(family_text(rule.family) + " " + rule.table);
    if (found != tables.end()) found->second.rules.push_back(std::move(body));
  }
  return {};
}

// Chains of Docker and ufw have their names in the rules, as interfaces have.
void add_legacy(bool is_v6, const std::vector<std::string>& bridges,
                std::vector<std::string>& sentences) {
  const auto forward = legacy_forward(is_v6);
  if (!forward || !forward->drops) return;  // Without leave to look there is nothing to tell.
  const std::string_view all = forward->entries;
  const std::string program = is_v6 ? "ip6tables-legacy" : "iptables-legacy";
  const bool is_ufw = all.contains("ufw-");
  const std::string chain = all.contains("DOCKER-USER") ? "DOCKER-USER" : "FORWARD";
  for (const std::string& bridge : bridges) {
    if (all.contains(std::string_view(bridge.c_str(), bridge.size() + 1))) continue;
    const std::string insert = program + " -I " + chain;
    sentences.push_back((is_ufw ? "ufw" : program) +
                        std::string(" (chain FORWARD of table filter)") + kStops + bridge + kWhat +
                        (is_ufw ? ufw_command(bridge)
                                : insert + " -i " + bridge + " -j ACCEPT && " + insert + " -o " +
                                      bridge + " -j ACCEPT"));
  }
}

}  // namespace

Result<std::vector<std::string>> Firewall::obstacles(const std::vector<std::string>& bridges) {
  std::vector<std::string> sentences;
  for (const bool is_v6 : {false, true}) add_legacy(is_v6, bridges, sentences);
  // Whatever family they are of.
  nft::Table all = TRY(nft::Table::open(AF_UNSPEC, ""));
  std::map<std::string, Other> tables = TRY(other_tables(all, "tare"));
  if (tables.empty()) return sentences;
  TRY(load_rules(all, tables));
  for (const auto& [key, table] : tables) {
    for (const ChainInfo& chain : table.chains) {
      if (chain.hook != NF_INET_FORWARD) continue;
      if (chain.policy != NF_DROP && !TRY(ends_in_drop(table, chain.name))) continue;
      for (const std::string& bridge : bridges) {
        if (knows(table, bridge)) continue;
        sentences.push_back(who(table) + " (chain " + escaped(chain.name) + " of table " +
                            escaped(key) + ")" + kStops + bridge + kWhat +
                            how_to_open(table, chain.name, bridge));
      }
    }
  }
  return sentences;
}

}  // namespace tare::network
