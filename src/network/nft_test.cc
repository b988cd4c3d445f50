// SPDX-License-Identifier: Apache-2.0
#include "network/nft.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
// Behind it, or the two have the same things twice.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "network/firewall.h"

using namespace tare;
using namespace tare::network;
using nft::Attributes;

namespace {

std::string body_of(const Attributes& attributes) {
  return std::string("\x01\x00\x00\x00", 4) + std::string(attributes.view());
}

Attributes data(std::uint16_t type, std::string_view value) {
  return Attributes().nest(type, Attributes().bytes(NFTA_DATA_VALUE, value));
}

std::string with(const Attributes& one, const Attributes& other) {
  return std::string(one.view()) + std::string(other.view());
}

Attributes expression(std::string_view name, const Attributes& content) {
  Attributes all;
  all.text(NFTA_EXPR_NAME, name).nest(NFTA_EXPR_DATA, content);
  return all;
}

Attributes verdict(std::uint32_t code) {
  Attributes inner;
  inner.number(NFTA_VERDICT_CODE, code);
  return Attributes().nest(NFTA_IMMEDIATE_DATA, Attributes().nest(NFTA_DATA_VERDICT, inner));
}

}  // namespace

TEST_CASE("network: nftables: keys are padded as registers are") {
  CHECK(nft::port_key(0x1f90) == std::string("\x1f\x90\0\0", 4));
  CHECK(nft::padded("abcde") == std::string("abcde\0\0\0", 8));
  CHECK(nft::interface_key("tare0") == std::string("tare0\0\0\0\0\0\0\0\0\0\0\0", 16));
}

TEST_CASE("network: nftables: verdicts and counters of elements are read") {
  Attributes to;
  to.number(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(NFT_GOTO));
  to.text(NFTA_VERDICT_CHAIN, "listed4");
  Attributes mapped;
  mapped.nest(NFTA_SET_ELEM_DATA, Attributes().nest(NFTA_DATA_VERDICT, to));
  Attributes counter;
  counter.nest(
      NFTA_SET_ELEM_EXPR,
      expression("counter",
                 Attributes().number64(NFTA_COUNTER_BYTES, 700).number64(NFTA_COUNTER_PACKETS, 7)));
  Attributes list;
  list.bytes(NFTA_LIST_ELEM, with(data(NFTA_SET_ELEM_KEY, "key1"), mapped));
  list.bytes(NFTA_LIST_ELEM, with(data(NFTA_SET_ELEM_KEY, "key2"), counter));
  Attributes all;
  all.nest(NFTA_SET_ELEM_LIST_ELEMENTS, list);
  const auto elements = nft::parse_elements(body_of(all));
  REQUIRE(elements);
  REQUIRE(elements->size() == 2);
  CHECK(elements->at(0) == nft::Element{.key = "key1", .chain = "listed4"});
  CHECK(elements->at(1) == nft::Element{.key = "key2", .packets = 7});
}

TEST_CASE("network: nftables: elements come back as they were") {
  const std::string value = with(data(NFTA_SET_ELEM_KEY, "key1"), data(NFTA_SET_ELEM_DATA, "to12"));
  const std::string range =
      with(data(NFTA_SET_ELEM_KEY, "aaaa"), data(NFTA_SET_ELEM_KEY_END, "zzzz"));
  const std::string single =
      with(data(NFTA_SET_ELEM_KEY, "aaaa"), data(NFTA_SET_ELEM_KEY_END, "aaaa"));
  Attributes list;
  for (const std::string& one : {value, range, single}) list.bytes(NFTA_LIST_ELEM, one);
  Attributes all;
  all.text(NFTA_SET_ELEM_LIST_TABLE, "tare").nest(NFTA_SET_ELEM_LIST_ELEMENTS, list);
  const auto elements = nft::parse_elements(body_of(all));
  REQUIRE(elements);
  const std::vector<nft::Element> wanted = {
      {.key = "key1", .key_end = {}, .data = "to12"},
      {.key = "aaaa", .key_end = "zzzz", .data = {}},
      {.key = "aaaa", .key_end = {}, .data = {}},
  };
  CHECK(*elements == wanted);
  CHECK(!nft::parse_elements("abc"));
  CHECK(!nft::parse_elements(body_of(all).substr(0, 30)));
}

TEST_CASE("network: nftables: what a rule does to everything that comes to it") {
  const auto parse = [](const Attributes& expressions) {
    Attributes rule;
    rule.text(NFTA_RULE_TABLE, "filter").text(NFTA_RULE_CHAIN, "FORWARD");
    rule.nest(NFTA_RULE_EXPRESSIONS, expressions);
    return nft::parse_rule(body_of(rule));
  };
  const auto rule_with = [&](std::string_view name, const Attributes& content) {
    return parse(Attributes().nest(NFTA_LIST_ELEM, expression(name, content)));
  };
  const auto dropping = rule_with("immediate", verdict(NF_DROP));
  REQUIRE(dropping);
  CHECK(dropping->drops);
  CHECK(dropping->table == "filter");
  CHECK(dropping->chain == "FORWARD");
  CHECK(dropping->family == 1);
  CHECK(dropping->expressions == std::vector<std::string>{"immediate"});
  CHECK(!rule_with("immediate", verdict(NF_ACCEPT))->drops);
  CHECK(rule_with("reject", Attributes())->drops);
  CHECK(rule_with("target", Attributes().text(1, "REJECT"))->drops);
  CHECK(!rule_with("counter", Attributes())->drops);
}

TEST_CASE("network: nftables: chains with their hook and policy") {
  Attributes hook;
  hook.number(NFTA_HOOK_HOOKNUM, NF_INET_FORWARD);
  Attributes base;
  base.text(NFTA_CHAIN_TABLE, "filter").text(NFTA_CHAIN_NAME, "FORWARD");
  base.number(NFTA_CHAIN_POLICY, NF_DROP).nest(NFTA_CHAIN_HOOK, hook);
  const auto chain = nft::parse_chain(body_of(base));
  REQUIRE(chain);
  CHECK(chain->name == "FORWARD");
  CHECK(chain->hook == std::optional<std::uint32_t>(NF_INET_FORWARD));
  CHECK(chain->policy == NF_DROP);
  const auto plain = nft::parse_chain(body_of(Attributes().text(NFTA_CHAIN_NAME, "mine")));
  REQUIRE(plain);
  CHECK(!plain->hook);
  CHECK(plain->policy == NF_ACCEPT);
}

TEST_CASE("network: the rules serve what is of no loopback address and of a family that is there") {
  const Address v4 = *Address::parse("10.5.0.2");
  std::vector<PublishedPort> ports;
  for (const char* const host : {"0.0.0.0", "127.0.0.1", "::", "::1", "192.0.2.1"})
    ports.push_back({.host = *Address::parse(host), .host_port = 80, .container_port = 8080});
  const auto mappings = mappings_of({.ports = ports, .v4 = v4, .v6 = {}});
  REQUIRE(mappings.size() == 2);
  CHECK(mappings[0] == Mapping{.port = ports[0], .target = v4});
  CHECK(mappings[1] == Mapping{.port = ports[4], .target = v4});
}
