// SPDX-License-Identifier: Apache-2.0
#include "network/dns_message.h"

#include <algorithm>

#include "base/text.h"

namespace tare::network::dns {
namespace {

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestName = 255;
constexpr std::size_t kOptSize = 11;

// Bits of the header's second word.
constexpr unsigned kIsResponse = 0x8000;
constexpr unsigned kOpcodeMask = 0x7800;
constexpr unsigned kIsAuthoritative = 0x0400;
constexpr unsigned kIsTruncated = 0x0200;
constexpr unsigned kWantsRecursion = 0x0100;
constexpr unsigned kHasRecursion = 0x0080;
constexpr unsigned kCheckingDisabled = 0x0010;
constexpr unsigned kCodeMask = 0x000f;
constexpr unsigned kDnssecOk = 0x8000;  // Of the OPT record's flags.

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}
unsigned word_at(std::string_view bytes, std::size_t at) {
  return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}
std::uint32_t long_at(std::string_view bytes, std::size_t at) {
  return word_at(bytes, at) << 16 | word_at(bytes, at + 2);
}

void put_word(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}
void put_long(std::string& out, std::uint32_t value) {
  put_word(out, value >> 16);
  put_word(out, value & 0xffff);
}
void set_word(std::string& out, std::size_t at, unsigned value) {
  out[at] = static_cast<char>(value >> 8);
  out[at + 1] = static_cast<char>(value);
}

std::unexpected<Error> corrupt(const char* what) {
  return fail(Kind::Corrupt, std::string("a DNS message ") + what);
}

// Reads a name at `offset` and leaves `offset` behind it. A pointer has to lead to before the part
// that it ends, so names cannot turn in circles, and each byte is read a bounded number of times.
Result<Name> read_name(std::string_view message, std::size_t& offset) {
  Name name;
  std::size_t at = offset;
  std::size_t start_of_part = offset;
  bool jumped = false;
  for (;;) {
    if (at >= message.size()) return corrupt("ends within a name");
    const unsigned length = byte_at(message, at);
    if ((length & 0xc0) == 0xc0) {
      if (at + 2 > message.size()) return corrupt("ends within a name");
      const std::size_t target = word_at(message, at) & 0x3fff;
      if (!jumped) offset = at + 2;
      jumped = true;
      if (target >= start_of_part) return corrupt("has a name that leads forward");
      at = start_of_part = target;
      continue;
    }
    if (length > kLongestLabel) return corrupt("has a label of an unknown kind");
    if (at + 1 + length > message.size()) return corrupt("ends within a name");
    name.wire += message.substr(at, 1 + length);
    if (name.wire.size() > kLongestName) return corrupt("has a name that is too long");
    at += 1 + length;
    if (length == 0) break;
  }
  if (!jumped) offset = at;
  return name;
}

// Leaves `offset` behind a name, without following it.
Result<> skip_name(std::string_view message, std::size_t& offset) {
  for (;;) {
    if (offset >= message.size()) return corrupt("ends within a name");
    const unsigned length = byte_at(message, offset);
    if ((length & 0xc0) == 0xc0) {
      offset += 2;
      return {};
    }
    if (length > kLongestLabel) return corrupt("has a label of an unknown kind");
    offset += 1 + length;
    if (length == 0) return {};
  }
}

Result<Question> read_question(std::string_view message, std::size_t& offset) {
  Question question;
  question.name = TRY(read_name(message, offset));
  // It is the first name, so there is nothing that it could be compressed with.
  if (offset != kHeaderSize + question.name.wire.size())
    return corrupt("has a question that leads into the header");
  if (offset + 4 > message.size()) return corrupt("ends within its question");
  question.type = static_cast<std::uint16_t>(word_at(message, offset));
  question.net_class = static_cast<std::uint16_t>(word_at(message, offset + 2));
  offset += 4;
  return question;
}

struct RawRecord {
  std::size_t name = 0;  // Where it begins.
  unsigned type = 0;
  unsigned net_class = 0;
  std::size_t ttl_place = 0;
  std::uint32_t ttl = 0;
  std::size_t data = 0;
  std::size_t data_size = 0;
};

Result<RawRecord> read_record(std::string_view message, std::size_t& offset) {
  RawRecord record;
  record.name = offset;
  TRY(skip_name(message, offset));
  if (offset + 10 > message.size()) return corrupt("ends within a record");
  record.type = word_at(message, offset);
  record.net_class = word_at(message, offset + 2);
  record.ttl_place = offset + 4;
  record.ttl = long_at(message, offset + 4);
  record.data_size = word_at(message, offset + 8);
  record.data = offset + 10;
  offset = record.data + record.data_size;
  if (offset > message.size()) return corrupt("ends within a record");
  return record;
}

Edns edns_of(const RawRecord& record) {
  return {.payload = static_cast<std::uint16_t>(record.net_class),
          .version = static_cast<std::uint8_t>(record.ttl >> 16 & 0xff),
          .wants_dnssec = (record.ttl & kDnssecOk) != 0};
}

// What stands behind the question of a query: at most one OPT record counts, others are let pass.
Result<std::optional<Edns>> read_edns(std::string_view message, std::size_t offset) {
  std::optional<Edns> edns;
  const unsigned count = word_at(message, 6) + word_at(message, 8) + word_at(message, 10);
  for (unsigned i = 0; i < count; ++i) {
    const RawRecord record = TRY(read_record(message, offset));
    if (record.type != kOpt) continue;
    if (edns || byte_at(message, record.name) != 0)
      return fail(Kind::Invalid, "a DNS query has a wrong OPT record");
    edns = edns_of(record);
  }
  return edns;
}

void put_header(std::string& out, unsigned id, unsigned flags) {
  put_word(out, id);
  put_word(out, flags);
  out.append(8, '\0');
}

void put_question(std::string& out, const Question& question) {
  out += question.name.wire;
  put_word(out, question.type);
  put_word(out, question.net_class);
  set_word(out, 4, 1);
}

void put_opt(std::string& out, std::uint16_t payload, unsigned extended_code, bool wants_dnssec) {
  out += '\0';
  put_word(out, kOpt);
  put_word(out, payload);
  put_long(out, extended_code << 24 | (wants_dnssec ? kDnssecOk : 0));
  put_word(out, 0);
  set_word(out, 10, 1);
}

unsigned copied_flags(const Query& query) {
  return (query.wants_recursion ? kWantsRecursion : 0) |
         (query.checking_disabled ? kCheckingDisabled : 0);
}

}  // namespace

Result<Name> Name::parse(std::string_view text) {
  Name name;
  if (text.ends_with('.')) text.remove_suffix(1);
  for (const std::string& label : split(text, '.')) {
    if (label.empty() || label.size() > kLongestLabel)
      return fail(Kind::Invalid, quoted(text) + " is no domain name");
    name.wire += static_cast<char>(label.size());
    name.wire += label;
  }
  name.wire += '\0';
  if (name.wire.size() > kLongestName)
    return fail(Kind::Invalid, quoted(text) + " is too long for a domain name");
  return name;
}

std::string Name::text() const {
  std::string text;
  for (std::size_t at = 0; at < wire.size() && wire[at] != 0;) {
    const std::size_t length = byte_at(wire, at);
    if (!text.empty()) text += '.';
    for (const char byte : std::string_view(wire).substr(at + 1, length)) {
      if (byte == '.' || byte == '\\') text += '\\';
      text += byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
    }
    at += 1 + length;
  }
  return text;
}

std::size_t Query::datagram_limit() const {
  if (!edns) return kPlainLimit;
  return std::clamp<std::size_t>(edns->payload, kPlainLimit, 4096);
}

Result<Query> parse_query(std::string_view message) {
  if (message.size() < kHeaderSize) return corrupt("has no header");
  const unsigned flags = word_at(message, 2);
  if ((flags & kIsResponse) != 0) return corrupt("is an answer where a query should be");
  if ((flags & kOpcodeMask) != 0) return fail(Kind::Unsupported, "a DNS message is no query");
  if (word_at(message, 4) != 1)
    return fail(Kind::Invalid, "a DNS query has not one question but none or several");
  const auto wrong = [](const Error& error) {
    return std::unexpected(Error(Kind::Invalid, error.message()));
  };
  Query query;
  query.id = static_cast<std::uint16_t>(word_at(message, 0));
  query.wants_recursion = (flags & kWantsRecursion) != 0;
  query.checking_disabled = (flags & kCheckingDisabled) != 0;
  std::size_t offset = kHeaderSize;
  auto question = read_question(message, offset);
  if (!question) return wrong(question.error());
  query.question = *std::move(question);
  auto edns = read_edns(message, offset);
  if (!edns) return wrong(edns.error());
  query.edns = *edns;
  return query;
}

std::string print_query(const Query& query, std::uint16_t id) {
  std::string out;
  put_header(out, id, copied_flags(query));
  put_question(out, query.question);
  if (query.edns) put_opt(out, kOurPayload, 0, query.edns->wants_dnssec);
  return out;
}

Record address_record(const Address& address, std::uint32_t ttl) {
  return {.type = address.is_v6 ? kAaaa : kA, .ttl = ttl, .data = std::string(address.raw())};
}

Record pointer_record(const Name& name, std::uint32_t ttl) {
  return {.type = kPtr, .ttl = ttl, .data = name.wire};
}

std::string print_answer(const Query& query, Code code, const std::vector<Record>& records,
                         std::size_t limit) {
  const auto number = static_cast<unsigned>(code);
  const unsigned flags = kIsResponse | kIsAuthoritative | kHasRecursion | copied_flags(query);
  std::string out;
  put_header(out, query.id, flags | (number & kCodeMask));
  put_question(out, query.question);
  const std::size_t room = limit - (query.edns ? kOptSize : 0);
  unsigned count = 0;
  for (const Record& record : records) {
    if (out.size() + 12 + record.data.size() > room) {
      set_word(out, 2, word_at(out, 2) | kIsTruncated);
      break;
    }
    put_word(out, 0xc000 | kHeaderSize);  // The name that was asked for.
    put_word(out, record.type);
    put_word(out, kInternet);
    put_long(out, record.ttl);
    put_word(out, static_cast<unsigned>(record.data.size()));
    out += record.data;
    ++count;
  }
  set_word(out, 6, count);
  if (query.edns) put_opt(out, kOurPayload, number >> 4, query.edns->wants_dnssec);
  return out;
}

std::string print_truncated(const Query& query) {
  std::string out = print_answer(query, Code::NoError, {}, kMostBytes);
  set_word(out, 2, (word_at(out, 2) | kIsTruncated) & ~kIsAuthoritative);
  return out;
}

std::string print_refusal(std::string_view message, Code code) {
  const unsigned kept = word_at(message, 2) & (kOpcodeMask | kWantsRecursion);
  std::string out;
  put_header(out, word_at(message, 0), kIsResponse | kept | static_cast<unsigned>(code));
  return out;
}

Result<Reply> parse_reply(std::string_view message) {
  if (message.size() < kHeaderSize) return corrupt("has no header");
  const unsigned flags = word_at(message, 2);
  if ((flags & kIsResponse) == 0 || (flags & kOpcodeMask) != 0)
    return corrupt("is no answer to a query");
  if (word_at(message, 4) != 1) return corrupt("answers not one question");
  Reply reply{.id = static_cast<std::uint16_t>(word_at(message, 0)),
              .code = flags & kCodeMask,
              .is_truncated = (flags & kIsTruncated) != 0};
  std::size_t offset = kHeaderSize;
  reply.question = TRY(read_question(message, offset));
  const unsigned answers = word_at(message, 6);
  reply.is_negative = answers == 0;
  const unsigned count = answers + word_at(message, 8) + word_at(message, 10);
  std::optional<std::uint32_t> lifetime;
  const auto shorten = [&](std::uint32_t ttl) {
    if (ttl > INT32_MAX) ttl = 0;  // [RFC 2181, 8]
    lifetime = std::min(lifetime.value_or(ttl), ttl);
  };
  for (unsigned i = 0; i < count; ++i) {
    const RawRecord record = TRY(read_record(message, offset));
    if (record.type == kOpt) {
      reply.code |= record.ttl >> 24 << 4;
      continue;
    }
    reply.ttl_places.push_back(record.ttl_place);
    // Without an answer it is the SOA record that says how long that holds.
    if (answers > 0) shorten(record.ttl);
    if (answers == 0 && record.type == kSoa && record.data_size >= 4)
      shorten(std::min(record.ttl, long_at(message, record.data + record.data_size - 4)));
  }
  reply.lifetime = lifetime.value_or(0);
  return reply;
}

std::vector<AnsweredAddress> answered_addresses(std::string_view message) {
  std::vector<AnsweredAddress> addresses;
  std::size_t offset = kHeaderSize;
  if (message.size() < kHeaderSize || !read_question(message, offset)) return addresses;
  for (unsigned i = word_at(message, 6); i > 0; --i) {
    const Result<RawRecord> record = read_record(message, offset);
    if (!record) return addresses;
    const bool is_address = (record->type == kA && record->data_size == 4) ||
                            (record->type == kAaaa && record->data_size == 16);
    if (!is_address || record->net_class != kInternet) continue;
    addresses.push_back(
        {.address = Address::of_bytes(message.substr(record->data, record->data_size)),
         .ttl = record->ttl > INT32_MAX ? 0 : record->ttl});
  }
  return addresses;
}

void adapt_reply(std::string& message, const std::vector<std::size_t>& places, const Query& query,
                 std::uint32_t age) {
  set_word(message, 0, query.id);
  const std::string& wire = query.question.name.wire;
  message.replace(kHeaderSize, wire.size(), wire);
  for (const std::size_t place : places) {
    const std::uint32_t ttl = long_at(message, place);
    const std::uint32_t left = ttl > age ? ttl - age : 0;
    set_word(message, place, left >> 16);
    set_word(message, place + 2, left & 0xffff);
  }
}

namespace {

std::optional<Address> reverse_v4(std::string_view text) {
  const std::vector<std::string> parts = split(text, '.');
  if (parts.size() != 4) return std::nullopt;
  const auto address = Address::parse(parts[3] + "." + parts[2] + "." + parts[1] + "." + parts[0]);
  return address ? std::optional(*address) : std::nullopt;
}

std::optional<Address> reverse_v6(std::string_view text) {
  if (text.size() != 63) return std::nullopt;
  constexpr std::string_view kDigits = "0123456789abcdef";
  Address address{.is_v6 = true};
  for (std::size_t i = 0; i < 32; ++i) {
    const std::size_t digit = kDigits.find(text[2 * i]);
    if (digit == std::string_view::npos || (i < 31 && text[2 * i + 1] != '.')) return std::nullopt;
    address.bytes[15 - i / 2] |= static_cast<std::uint8_t>(i % 2 == 0 ? digit : digit << 4);
  }
  return address;
}

constexpr std::string_view kReverse4 = ".in-addr.arpa";
constexpr std::string_view kReverse6 = ".ip6.arpa";

}  // namespace

std::optional<Address> reverse_address(std::string_view text) {
  if (text.ends_with(kReverse4)) return reverse_v4(text.substr(0, text.size() - kReverse4.size()));
  if (text.ends_with(kReverse6)) return reverse_v6(text.substr(0, text.size() - kReverse6.size()));
  return std::nullopt;
}

std::string reverse_name(const Address& address) {
  const std::string_view raw = address.raw();
  std::string text;
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t i = raw.size(); i-- > 0;) {
    const unsigned byte = byte_at(raw, i);
    if (!text.empty()) text += '.';
    if (address.is_v6)
      text.append({kDigits[byte & 0xf], '.', kDigits[byte >> 4]});
    else
      text += std::to_string(byte);
  }
  return text + std::string(address.is_v6 ? kReverse6 : kReverse4);
}

}  // namespace tare::network::dns
