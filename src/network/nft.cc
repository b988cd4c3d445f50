// SPDX-License-Identifier: Apache-2.0
#include "network/nft.h"

#include <arpa/inet.h>
// Behind it, or the two have the same things twice.
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tare::network::nft {

using sys::netlink::Attribute;
using sys::netlink::fixed_part;
using sys::netlink::parse_attributes;
using sys::netlink::Request;

namespace {

// A message's list of elements is one attribute, whose length has 16 bits; an element of ours has
// less than 150 bytes.
constexpr std::size_t kElementsPerMessage = 400;
constexpr std::uint16_t kSubsystem = NFNL_SUBSYS_NFTABLES << 8;

template <typename Fixed>
std::string_view as_bytes(const Fixed& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

Result<std::uint32_t> number_of(const Attribute& attribute) {
  const auto number = TRY(fixed_part<std::uint32_t>(attribute.value));
  return ntohl(number);
}
std::string text_of(const Attribute& attribute) {
  return std::string(attribute.value.substr(0, attribute.value.find('\0')));
}

Request batch_edge(std::uint16_t type, std::optional<std::uint32_t> generation = std::nullopt) {
  const nfgenmsg header{
      .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
  Request request(type, 0, header);
  if (generation) request.number(NFNL_BATCH_GENID, htonl(*generation));
  return request;
}

Attributes data(std::uint16_t type, std::string_view bytes) {
  return Attributes().nest(type, Attributes().bytes(NFTA_DATA_VALUE, bytes));
}

Result<std::string> parse_data(const Attribute& attribute) {
  for (const Attribute& inner : TRY(parse_attributes(attribute.value, 0)))
    if (inner.type == NFTA_DATA_VALUE) return std::string(inner.value);
  return std::string();
}

// The chain that a verdict goes to; "" of others.
Result<std::string> parse_chain_of(const Attribute& attribute) {
  for (const Attribute& inner : TRY(parse_attributes(attribute.value, 0))) {
    if (inner.type != NFTA_DATA_VERDICT) continue;
    for (const Attribute& verdict : TRY(parse_attributes(inner.value, 0)))
      if (verdict.type == NFTA_VERDICT_CHAIN) return text_of(verdict);
  }
  return std::string();
}

Result<std::uint64_t> parse_counter(const Attribute& expression) {
  std::uint64_t packets = 0;
  for (const Attribute& part : TRY(parse_attributes(expression.value, 0))) {
    if (part.type != NFTA_EXPR_DATA) continue;
    for (const Attribute& field : TRY(parse_attributes(part.value, 0))) {
      if (field.type != NFTA_COUNTER_PACKETS) continue;
      const auto number = TRY(fixed_part<std::uint64_t>(field.value));
      packets = be64toh(number);
    }
  }
  return packets;
}

Attributes goto_chain(const std::string& chain) {
  Attributes verdict;
  verdict.number(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(NFT_GOTO));
  verdict.text(NFTA_VERDICT_CHAIN, chain);
  return Attributes().nest(NFTA_SET_ELEM_DATA, Attributes().nest(NFTA_DATA_VERDICT, verdict));
}

std::string print_element(const Element& element) {
  std::string one(data(NFTA_SET_ELEM_KEY, element.key).view());
  if (!element.key_end.empty()) one += data(NFTA_SET_ELEM_KEY_END, element.key_end).view();
  if (!element.data.empty()) one += data(NFTA_SET_ELEM_DATA, element.data).view();
  if (!element.chain.empty()) one += goto_chain(element.chain).view();
  if (element.timeout_ms != 0)
    one += Attributes().number64(NFTA_SET_ELEM_TIMEOUT, element.timeout_ms).view();
  return one;
}

Result<Element> parse_element(std::string_view bytes) {
  Element element;
  for (const Attribute& attribute : TRY(parse_attributes(bytes, 0))) {
    if (attribute.type == NFTA_SET_ELEM_KEY) element.key = TRY(parse_data(attribute));
    if (attribute.type == NFTA_SET_ELEM_KEY_END) element.key_end = TRY(parse_data(attribute));
    if (attribute.type == NFTA_SET_ELEM_DATA) {
      element.data = TRY(parse_data(attribute));
      element.chain = TRY(parse_chain_of(attribute));
    }
    if (attribute.type == NFTA_SET_ELEM_EXPR) element.packets = TRY(parse_counter(attribute));
  }
  if (element.key_end == element.key) element.key_end.clear();
  return element;
}

// Whether an "immediate" says drop.
Result<bool> is_drop(std::string_view immediate) {
  for (const Attribute& attribute : TRY(parse_attributes(immediate, 0))) {
    if (attribute.type != NFTA_IMMEDIATE_DATA) continue;
    for (const Attribute& value : TRY(parse_attributes(attribute.value, 0))) {
      if (value.type != NFTA_DATA_VERDICT) continue;
      for (const Attribute& verdict : TRY(parse_attributes(value.value, 0)))
        if (verdict.type == NFTA_VERDICT_CODE) return TRY(number_of(verdict)) == NF_DROP;
    }
  }
  return false;
}

Result<> parse_expression(std::string_view bytes, RuleInfo& rule) {
  std::string name;
  std::string_view content;
  for (const Attribute& attribute : TRY(parse_attributes(bytes, 0))) {
    if (attribute.type == NFTA_EXPR_NAME) name = text_of(attribute);
    if (attribute.type == NFTA_EXPR_DATA) content = attribute.value;
  }
  if (name == "reject" || (name == "target" && content.contains("REJECT"))) rule.drops = true;
  if (name == "immediate" && TRY(is_drop(content))) rule.drops = true;
  rule.expressions.push_back(std::move(name));
  return {};
}

}  // namespace

Attributes& Attributes::bytes(std::uint16_t type, std::string_view value) {
  const nlattr header{.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + value.size()),
                      .nla_type = type};
  bytes_.append(as_bytes(header));
  bytes_.append(padded(value));
  return *this;
}

Attributes& Attributes::text(std::uint16_t type, std::string_view value) {
  return bytes(type, std::string(value) + '\0');
}

Attributes& Attributes::number(std::uint16_t type, std::uint32_t value) {
  return bytes(type, as_bytes(htonl(value)));
}

Attributes& Attributes::number64(std::uint16_t type, std::uint64_t value) {
  return bytes(type, as_bytes(htobe64(value)));
}

Attributes& Attributes::nest(std::uint16_t type, const Attributes& inner) {
  return bytes(type | NLA_F_NESTED, inner.view());
}

std::string padded(std::string_view bytes) {
  std::string all(bytes);
  all.resize(NLA_ALIGN(all.size()), '\0');
  return all;
}

std::string interface_key(std::string_view name) {
  std::string key(name);
  key.resize(IFNAMSIZ, '\0');
  return key;
}

std::string port_key(std::uint16_t port) { return padded(as_bytes(htons(port))); }

Result<std::vector<Element>> parse_elements(std::string_view body) {
  std::vector<Element> elements;
  for (const Attribute& attribute : TRY(parse_attributes(body, sizeof(nfgenmsg)))) {
    if (attribute.type != NFTA_SET_ELEM_LIST_ELEMENTS) continue;
    for (const Attribute& element : TRY(parse_attributes(attribute.value, 0)))
      elements.push_back(TRY(parse_element(element.value)));
  }
  return elements;
}

Result<RuleInfo> parse_rule(std::string_view body) {
  RuleInfo rule;
  rule.raw = body;
  rule.family = TRY(fixed_part<nfgenmsg>(body)).nfgen_family;
  for (const Attribute& attribute : TRY(parse_attributes(body, sizeof(nfgenmsg)))) {
    if (attribute.type == NFTA_RULE_TABLE) rule.table = text_of(attribute);
    if (attribute.type == NFTA_RULE_CHAIN) rule.chain = text_of(attribute);
    if (attribute.type != NFTA_RULE_EXPRESSIONS) continue;
    for (const Attribute& expression : TRY(parse_attributes(attribute.value, 0)))
      TRY(parse_expression(expression.value, rule));
  }
  return rule;
}

Result<ChainInfo> parse_chain(std::string_view body) {
  ChainInfo chain;
  chain.family = TRY(fixed_part<nfgenmsg>(body)).nfgen_family;
  for (const Attribute& attribute : TRY(parse_attributes(body, sizeof(nfgenmsg)))) {
    if (attribute.type == NFTA_CHAIN_TABLE) chain.table = text_of(attribute);
    if (attribute.type == NFTA_CHAIN_NAME) chain.name = text_of(attribute);
    if (attribute.type == NFTA_CHAIN_POLICY) chain.policy = TRY(number_of(attribute));
    if (attribute.type != NFTA_CHAIN_HOOK) continue;
    for (const Attribute& hook : TRY(parse_attributes(attribute.value, 0)))
      if (hook.type == NFTA_HOOK_HOOKNUM) chain.hook = TRY(number_of(hook));
  }
  return chain;
}

Result<std::uint64_t> table_handle(std::string_view body) {
  for (const Attribute& attribute : TRY(parse_attributes(body, sizeof(nfgenmsg))))
    if (attribute.type == NFTA_TABLE_HANDLE) {
      const auto handle = TRY(fixed_part<std::uint64_t>(attribute.value));
      return be64toh(handle);
    }
  return fail(Kind::Corrupt, "a table of nftables without a handle");
}

Error unsupported(Error error) {
  if (error.errnum() != EOPNOTSUPP && error.errnum() != EPROTONOSUPPORT &&
      error.kind() != Kind::Unsupported)
    return error;
  return Error(Kind::Unsupported, "this kernel has no nf_tables: " + error.message())
      .hint("load its modules (modprobe nf_tables), or take a kernel that has them");
}

Result<Table> Table::open(std::uint8_t family, std::string name) {
  auto socket = sys::netlink::Socket::open(NETLINK_NETFILTER);
  if (!socket) return std::unexpected(unsupported(std::move(socket).error()));
  return Table(family, std::move(name), std::move(*socket));
}

Request Table::request(std::uint16_t message, std::uint16_t flags,
                       const Attributes& attributes) const {
  const nfgenmsg header{.nfgen_family = family_, .version = NFNETLINK_V0, .res_id = 0};
  Request request(kSubsystem | message, flags, header);
  request.append(attributes.view());
  return request;
}

Result<> Table::commit(const std::vector<Request>& requests,
                       std::optional<std::uint32_t> generation) {
  if (requests.empty()) return {};
  std::vector<Request> batch;
  batch.reserve(requests.size() + 2);
  batch.push_back(batch_edge(NFNL_MSG_BATCH_BEGIN, generation));
  batch.insert(batch.end(), requests.begin(), requests.end());
  batch.push_back(batch_edge(NFNL_MSG_BATCH_END));
  auto done = socket_.batch(batch);
  if (done) return {};
  // Not in errno.h: ERESTART as the kernel has it.
  if (generation && done.error().errnum() == ERESTART)
    return fail(Kind::Busy, "the rules of this host change all the time");
  return std::unexpected(unsupported(std::move(done).error()));
}

Result<std::uint32_t> Table::generation() {
  for (const std::string& body : TRY(socket_.ask(request(NFT_MSG_GETGEN, 0))))
    for (const Attribute& attribute : TRY(parse_attributes(body, sizeof(nfgenmsg))))
      if (attribute.type == NFTA_GEN_ID) return number_of(attribute);
  return fail(Kind::Corrupt, "nf_tables does not tell the generation of its rules");
}

void Table::change(std::vector<Request>& batch, std::uint16_t message, std::uint16_t flags,
                   const std::string& set, const std::vector<Element>& elements) const {
  for (std::size_t begin = 0; begin < elements.size(); begin += kElementsPerMessage) {
    Attributes list;
    for (std::size_t i = begin; i < std::min(elements.size(), begin + kElementsPerMessage); ++i) {
      list.bytes(NFTA_LIST_ELEM | NLA_F_NESTED, print_element(elements[i]));
    }
    Attributes all;
    all.text(NFTA_SET_ELEM_LIST_TABLE, name_).text(NFTA_SET_ELEM_LIST_SET, set);
    all.nest(NFTA_SET_ELEM_LIST_ELEMENTS, list);
    batch.push_back(request(message, flags, all));
  }
}

void Table::add(std::vector<Request>& batch, const std::string& set,
                const std::vector<Element>& elements) const {
  change(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, set, elements);
}

void Table::remove(std::vector<Request>& batch, const std::string& set,
                   const std::vector<Element>& elements) const {
  change(batch, NFT_MSG_DELSETELEM, 0, set, elements);
}

// An element that is there keeps its time when it is added again, and one that is not there cannot
// be removed: so it is added, removed and added, of which packets see nothing. [linux 6.12 would
// take the new time]
void Table::renew(std::vector<Request>& batch, const std::string& set,
                  const std::vector<Element>& elements) const {
  add(batch, set, elements);
  remove(batch, set, elements);
  add(batch, set, elements);
}

Result<std::vector<Element>> Table::elements(const std::string& set) {
  Attributes which;
  which.text(NFTA_SET_ELEM_LIST_TABLE, name_).text(NFTA_SET_ELEM_LIST_SET, set);
  std::vector<Element> all;
  for (const std::string& body :
       TRY(socket_.ask(request(NFT_MSG_GETSETELEM, NLM_F_DUMP, which)), "list set " + set))
    std::ranges::move(TRY(parse_elements(body)), std::back_inserter(all));
  return all;
}

Result<std::optional<Element>> Table::find(const std::string& set, const std::string& key) {
  Attributes list;
  list.nest(NFTA_LIST_ELEM, data(NFTA_SET_ELEM_KEY, key));
  Attributes which;
  which.text(NFTA_SET_ELEM_LIST_TABLE, name_).text(NFTA_SET_ELEM_LIST_SET, set);
  which.nest(NFTA_SET_ELEM_LIST_ELEMENTS, list);
  auto bodies = socket_.ask(request(NFT_MSG_GETSETELEM, 0, which));
  if (!bodies && bodies.error().kind() == Kind::NotFound) return std::nullopt;
  if (!bodies) return std::unexpected(std::move(bodies).error());
  for (const std::string& body : *bodies)
    for (Element& element : TRY(parse_elements(body))) return std::move(element);
  return std::nullopt;
}

}  // namespace tare::network::nft
