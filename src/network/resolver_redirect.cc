// SPDX-License-Identifier: Apache-2.0
// Four rules that rewrite ports of packets to and from 127.0.0.11, without connection tracking.
#include <netinet/in.h>
// Behind it, or the two have the same things twice.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "network/firewall.h"

namespace tare::network {
namespace {

using nft::Attributes;
using sys::netlink::Request;

constexpr const char* kTable = "tare";
constexpr const char* kChain = "resolver";
constexpr std::uint32_t kRawPriority = static_cast<std::uint32_t>(-300);
constexpr std::uint16_t kDnsPort = 53;
constexpr std::string_view kResolver("\x7f\x00\x00\x0b", 4);

// Where things are in packets. [RFC 791, RFC 768, RFC 9293]
constexpr std::uint32_t kProtocolOffset = 9;
constexpr std::uint32_t kSourceOffset = 12;
constexpr std::uint32_t kTargetOffset = 16;
constexpr std::uint32_t kSourcePortOffset = 0;
constexpr std::uint32_t kTargetPortOffset = 2;
constexpr std::uint32_t kUdpChecksumOffset = 6;
constexpr std::uint32_t kTcpChecksumOffset = 16;

class Expressions {
 public:
  void load(std::uint32_t base, std::uint32_t offset, std::uint32_t size) {
    Attributes data;
    data.number(NFTA_PAYLOAD_DREG, NFT_REG_1).number(NFTA_PAYLOAD_BASE, base);
    data.number(NFTA_PAYLOAD_OFFSET, offset).number(NFTA_PAYLOAD_LEN, size);
    add("payload", data);
  }
  void want(std::string_view value) {
    Attributes data;
    data.number(NFTA_CMP_SREG, NFT_REG_1).number(NFTA_CMP_OP, NFT_CMP_EQ);
    data.nest(NFTA_CMP_DATA, Attributes().bytes(NFTA_DATA_VALUE, value));
    add("cmp", data);
  }
  void set_port(std::uint32_t offset, std::uint16_t port, std::uint32_t checksum_offset) {
    Attributes value;
    value.number(NFTA_IMMEDIATE_DREG, NFT_REG_1);
    value.nest(NFTA_IMMEDIATE_DATA,
               Attributes().bytes(NFTA_DATA_VALUE, nft::port_key(port).substr(0, 2)));
    add("immediate", value);
    Attributes data;
    data.number(NFTA_PAYLOAD_SREG, NFT_REG_1)
        .number(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
    data.number(NFTA_PAYLOAD_OFFSET, offset).number(NFTA_PAYLOAD_LEN, 2);
    data.number(NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
    data.number(NFTA_PAYLOAD_CSUM_OFFSET, checksum_offset);
    add("payload", data);
  }
  const Attributes& list() const { return list_; }

 private:
  void add(std::string_view name, const Attributes& data) {
    Attributes expression;
    expression.text(NFTA_EXPR_NAME, name).nest(NFTA_EXPR_DATA, data);
    list_.nest(NFTA_LIST_ELEM, expression);
  }
  Attributes list_;
};

struct Rewrite {
  int protocol;
  std::uint32_t address_offset;
  std::uint32_t port_offset;
  std::uint16_t from;
  std::uint16_t to;
};

Request make_rule(const nft::Table& table, const Rewrite& rewrite) {
  Expressions expressions;
  // The address first: it is the one that most packets have not.
  expressions.load(NFT_PAYLOAD_NETWORK_HEADER, rewrite.address_offset, kResolver.size());
  expressions.want(kResolver);
  expressions.load(NFT_PAYLOAD_NETWORK_HEADER, kProtocolOffset, 1);
  expressions.want(std::string(1, static_cast<char>(rewrite.protocol)));
  expressions.load(NFT_PAYLOAD_TRANSPORT_HEADER, rewrite.port_offset, 2);
  expressions.want(nft::port_key(rewrite.from).substr(0, 2));
  expressions.set_port(rewrite.port_offset, rewrite.to,
                       rewrite.protocol == IPPROTO_UDP ? kUdpChecksumOffset : kTcpChecksumOffset);
  Attributes rule;
  rule.text(NFTA_RULE_TABLE, kTable).text(NFTA_RULE_CHAIN, kChain);
  rule.nest(NFTA_RULE_EXPRESSIONS, expressions.list());
  return table.request(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, rule);
}

Attributes table_name() { return Attributes().text(NFTA_TABLE_NAME, kTable); }

Request make_chain(const nft::Table& table) {
  Attributes hook;
  hook.number(NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT).number(NFTA_HOOK_PRIORITY, kRawPriority);
  Attributes chain;
  chain.text(NFTA_CHAIN_TABLE, kTable).text(NFTA_CHAIN_NAME, kChain);
  chain.text(NFTA_CHAIN_TYPE, "filter").nest(NFTA_CHAIN_HOOK, hook);
  return table.request(NFT_MSG_NEWCHAIN, NLM_F_CREATE, chain);
}

std::vector<Request> make_all(const nft::Table& table, std::uint16_t udp_port,
                              std::uint16_t tcp_port) {
  std::vector<Request> batch;
  batch.push_back(table.request(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, table_name()));
  batch.push_back(make_chain(table));
  for (const auto& [protocol, port] :
       {std::pair{IPPROTO_UDP, udp_port}, std::pair{IPPROTO_TCP, tcp_port}}) {
    batch.push_back(make_rule(table, {protocol, kTargetOffset, kTargetPortOffset, kDnsPort, port}));
    batch.push_back(make_rule(table, {protocol, kSourceOffset, kSourcePortOffset, port, kDnsPort}));
  }
  return batch;
}

}  // namespace

Result<> redirect_resolver(std::uint16_t udp_port, std::uint16_t tcp_port) {
  nft::Table table = TRY(nft::Table::open(NFPROTO_IPV4, kTable), "redirect the resolver");
  std::vector<Request> batch = make_all(table, udp_port, tcp_port);
  auto done = table.commit(batch);
  // Not removed beforehand in any case: who closes a socket after something was removed waits until
  // no processor uses it any more, 10 ms. [linux nft_rcv_nl_event()]
  if (!done && done.error().kind() == Kind::Exists) {
    batch.insert(batch.begin(), table.request(NFT_MSG_DELTABLE, 0, table_name()));
    done = table.commit(batch);
  }
  if (done) return {};
  // What is missing of nf_tables is told so: a hook, a type of chain, an expression.
  Error error = std::move(done).error();
  if (error.kind() == Kind::NotFound)
    error = Error(Kind::Unsupported, "a part of nf_tables is missing: " + error.message());
  return std::unexpected(std::move(error).wrap("redirect the resolver"));
}

}  // namespace tare::network
