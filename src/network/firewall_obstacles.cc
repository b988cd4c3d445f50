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

std::string how_to_open(const Other& table, const std::string& chain, const std::string& bridge) {
  if (table.name == "firewalld") return "firewall-cmd --zone=trusted --add-interface=" + bridge;
  if (has_chain(table, "ufw"))
    return "ufw route allow in on " + bridge + " && ufw route allow out on " + bridge;
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

}  // namespace

Result<std::vector<std::string>> Firewall::obstacles(const std::vector<std::string>& bridges) {
  std::vector<std::string> sentences;
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
                            escaped(key) + ") stops what is forwarded from and to " + bridge +
                            ": the way out of its containers and their published ports. To open: " +
                            how_to_open(table, chain.name, bridge));
      }
    }
  }
  return sentences;
}

}  // namespace tare::network
