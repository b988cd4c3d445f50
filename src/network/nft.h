// SPDX-License-Identifier: Apache-2.0
// nftables by netlink, as far as we need it: elements of sets and maps, and batches of messages.
// Private to this room. [linux include/uapi/linux/netfilter/nf_tables.h]
#pragma once

#include <linux/netfilter/nfnetlink.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sys/netlink.h"

namespace tare::network::nft {

// Attributes in the order in which they are added. Numbers are in network order.
class Attributes {
 public:
  Attributes& bytes(std::uint16_t type, std::string_view value);
  Attributes& text(std::uint16_t type, std::string_view value);  // With a zero byte.
  Attributes& number(std::uint16_t type, std::uint32_t value);
  Attributes& number64(std::uint16_t type, std::uint64_t value);
  Attributes& nest(std::uint16_t type, const Attributes& inner);
  std::string_view view() const { return bytes_; }

 private:
  std::string bytes_;
};

// One of a set or map, as its bytes lie in registers: each part padded to four bytes.
struct Element {
  std::string key;
  std::string key_end;           // Of a range; empty: one value.
  std::string data;              // Of a map.
  std::string chain;             // Of a map of verdicts: it goes there.
  std::uint64_t timeout_ms = 0;  // 0: it stays. Not read.
  std::uint64_t packets = 0;     // What its counter says. Not written.
  bool operator==(const Element&) const = default;
};
// Pads to four bytes.
std::string padded(std::string_view bytes);
std::string interface_key(std::string_view name);  // 16 bytes.
std::string port_key(std::uint16_t port);          // 4 bytes, of them two zero.
// The elements in the body of NFT_MSG_NEWSETELEM. Errors: Corrupt.
Result<std::vector<Element>> parse_elements(std::string_view body);

// Expressions of a rule, and what they say, as far as one has to know it to see whether a rule
// stops everything. Errors: Corrupt.
struct RuleInfo {
  std::string table;
  std::string chain;
  std::uint8_t family = 0;
  std::vector<std::string> expressions;  // "meta", "cmp", "immediate"...
  bool drops = false;                    // Its verdict is drop or reject.
  std::string_view raw;                  // Of the body that was parsed.
};
Result<RuleInfo> parse_rule(std::string_view body);

struct ChainInfo {
  std::string table;
  std::string name;
  std::uint8_t family = 0;
  std::optional<std::uint32_t> hook;  // NF_INET_*; none: no base chain.
  std::uint32_t policy = 1;           // NF_ACCEPT, NF_DROP.
};
Result<ChainInfo> parse_chain(std::string_view body);
Result<std::uint64_t> table_handle(std::string_view body);  // Of NFT_MSG_NEWTABLE.

// A table, and a socket to change it. Of the network namespace that open() was called in.
class Table {
 public:
  // `family`: NFPROTO_*. Nothing is looked up. Errors: Unsupported, Denied.
  static Result<Table> open(std::uint8_t family, std::string name);

  sys::netlink::Request request(std::uint16_t message, std::uint16_t flags,
                                const Attributes& attributes = {}) const;
  // Everything or nothing. With `generation` only if nothing was changed, by whomever, since
  // generation() gave it: Busy otherwise. Errors: the kernel's, with its words.
  Result<> commit(const std::vector<sys::netlink::Request>& requests,
                  std::optional<std::uint32_t> generation = std::nullopt);
  Result<std::uint32_t> generation();
  Result<std::vector<std::string>> ask(const sys::netlink::Request& request) {
    return socket_.ask(request);
  }

  // Appends what adds these, or those of them that are there, with a new time to live.
  void renew(std::vector<sys::netlink::Request>& batch, const std::string& set,
             const std::vector<Element>& elements) const;
  // Appends what adds or removes these. [NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM]
  void add(std::vector<sys::netlink::Request>& batch, const std::string& set,
           const std::vector<Element>& elements) const;
  void remove(std::vector<sys::netlink::Request>& batch, const std::string& set,
              const std::vector<Element>& elements) const;
  Result<std::vector<Element>> elements(const std::string& set);
  // The one with this key, if it is there. Errors: NotFound when the set is not.
  Result<std::optional<Element>> find(const std::string& set, const std::string& key);

 private:
  Table(std::uint8_t family, std::string name, sys::netlink::Socket socket)
      : family_(family), name_(std::move(name)), socket_(std::move(socket)) {}
  void change(std::vector<sys::netlink::Request>& batch, std::uint16_t message, std::uint16_t flags,
              const std::string& set, const std::vector<Element>& elements) const;

  std::uint8_t family_;
  std::string name_;
  sys::netlink::Socket socket_;
};

// As errors of a kernel that has no nf_tables, or not this part of it.
Error unsupported(Error error);

}  // namespace tare::network::nft
