// SPDX-License-Identifier: Apache-2.0
// Messages of the domain name system: queries read, answers printed, answers of others looked
// through. [RFC 1035, 4; RFC 6891 (EDNS0)]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "network/address.h"

namespace tare::network::dns {

// Types and classes are open sets, so numbers.
inline constexpr std::uint16_t kA = 1;
inline constexpr std::uint16_t kSoa = 6;
inline constexpr std::uint16_t kPtr = 12;
inline constexpr std::uint16_t kAaaa = 28;
inline constexpr std::uint16_t kOpt = 41;
inline constexpr std::uint16_t kAny = 255;
inline constexpr std::uint16_t kInternet = 1;

inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kPlainLimit = 512;     // Of a datagram without EDNS.
inline constexpr std::size_t kMostBytes = 65535;    // Of a message in a stream.
inline constexpr std::uint16_t kOurPayload = 1232;  // No fragments on the way. [DNS flag day 2020]

enum class Code : std::uint8_t {
  NoError = 0,
  FormError = 1,
  ServerFailure = 2,
  NoName = 3,
  NotImplemented = 4,
  Refused = 5,
  BadVersion = 16,  // Of EDNS; needs an OPT record to be said.
};

// A domain name as it stands in messages, without compression, in the case it came in.
struct Name {
  std::string wire;

  // "web", "web.example." Errors: Invalid (a label or all of it too long or empty).
  static Result<Name> parse(std::string_view text);
  // In lower case, labels joined by dots, none at the end; a dot or backslash that is part of a
  // label has a backslash before it.
  std::string text() const;
  bool operator==(const Name&) const = default;  // With case; text() is without.
};

struct Question {
  Name name;
  std::uint16_t type = 0;
  std::uint16_t net_class = kInternet;
  bool operator==(const Question&) const = default;
};

struct Edns {
  std::uint16_t payload = 0;  // What a datagram to its sender may have.
  std::uint8_t version = 0;
  bool wants_dnssec = false;
  bool operator==(const Edns&) const = default;
};

struct Query {
  std::uint16_t id = 0;
  bool wants_recursion = false;
  bool checking_disabled = false;
  Question question;
  std::optional<Edns> edns;

  // What an answer by datagram may have; never more than 4096.
  std::size_t datagram_limit() const;
  bool operator==(const Query&) const = default;
};

// Errors: Corrupt (nothing that could be answered), Invalid (to be answered with FormError),
// Unsupported (with NotImplemented).
Result<Query> parse_query(std::string_view message);
// As it goes to another server: without options of EDNS, which are between two neighbours.
std::string print_query(const Query& query, std::uint16_t id);

// One record of the name that was asked for.
struct Record {
  std::uint16_t type = 0;
  std::uint32_t ttl = 0;  // Seconds.
  std::string data;
};
Record address_record(const Address& address, std::uint32_t ttl);
Record pointer_record(const Name& name, std::uint32_t ttl);

// As many of the records as fit into `limit` bytes; when not all do, it is marked as truncated.
std::string print_answer(const Query& query, Code code, const std::vector<Record>& records,
                         std::size_t limit);
// Header and question of an answer that was too long for the way it has to go.
std::string print_truncated(const Query& query);
// To something that parse_query() refused with Invalid or Unsupported.
std::string print_refusal(std::string_view message, Code code);

// What has to be known of another server's answer to pass it on and to keep it a while.
struct Reply {
  std::uint16_t id = 0;
  unsigned code = 0;
  bool is_truncated = false;
  bool is_negative = false;  // Without a record in its answer.
  Question question;
  std::vector<std::size_t> ttl_places;  // Where they stand in the message.
  std::uint32_t lifetime = 0;           // Seconds; 0: not to be kept. [RFC 2308, 5]
};
// Errors: Corrupt.
Result<Reply> parse_reply(std::string_view message);
struct AnsweredAddress {
  Address address;
  std::uint32_t ttl = 0;  // Seconds.
  bool operator==(const AnsweredAddress&) const = default;
};
// The addresses in the answer section of `message`, which parse_reply() accepted.
std::vector<AnsweredAddress> answered_addresses(std::string_view message);
// Makes `message`, which parse_reply() accepted with these `places`, the answer to `query`: its id,
// its question in its case, and lifetimes shorter by `age` seconds.
void adapt_reply(std::string& message, const std::vector<std::size_t>& places, const Query& query,
                 std::uint32_t age);

// "4.3.2.1.in-addr.arpa", or 32 digits below ip6.arpa; `text` as Name::text() has it.
std::optional<Address> reverse_address(std::string_view text);
// The name for which the pointer records of an address are asked.
std::string reverse_name(const Address& address);

}  // namespace tare::network::dns
