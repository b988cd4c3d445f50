// SPDX-License-Identifier: Apache-2.0
// Messages of netlink and a socket to say them to. For this room and `network`.
// [netlink(7), rtnetlink(7); linux Documentation/userspace-api/netlink/intro.rst]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sys/fd.h"

namespace tare::sys::netlink {

// A request: its header, the family's fixed part, then attributes.
class Request {
 public:
  // `type`: RTM_*; `flags`: NLM_F_*, NLM_F_REQUEST and NLM_F_ACK are added.
  template <typename Fixed>
  Request(std::uint16_t type, std::uint16_t flags, const Fixed& fixed)
      : type_(type), flags_(flags) {
    static_assert(std::is_trivially_copyable_v<Fixed> && sizeof(Fixed) % 4 == 0);
    body_.assign(reinterpret_cast<const char*>(&fixed), sizeof fixed);
  }
  Request& bytes(std::uint16_t attribute, std::string_view value);
  Request& text(std::uint16_t attribute, const std::string& value);  // With its zero byte.
  Request& number(std::uint16_t attribute, std::uint32_t value);
  Request& append(std::string_view attributes);  // Whole ones.
  bool is_dump() const;
  std::string message(std::uint32_t serial) const;

 private:
  std::uint16_t type_;
  std::uint16_t flags_;
  std::string body_;
};

struct Message {
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint32_t serial = 0;
  std::string_view body;  // Of the bytes that were parsed.
};
// The messages of one datagram. Errors: Corrupt.
Result<std::vector<Message>> parse_messages(std::string_view datagram);

struct Attribute {
  std::uint16_t type = 0;  // Without NLA_F_NESTED and NLA_F_NET_BYTEORDER.
  std::string_view value;
};
// What stands behind the first `fixed` bytes of a body. Errors: Corrupt.
Result<std::vector<Attribute>> parse_attributes(std::string_view body, std::size_t fixed);
const Attribute* find(const std::vector<Attribute>& attributes, std::uint16_t type);

// The first bytes as a fixed part. Errors: Corrupt.
template <typename Fixed>
Result<Fixed> fixed_part(std::string_view body) {
  static_assert(std::is_trivially_copyable_v<Fixed>);
  Fixed value;
  if (body.size() < sizeof value) return fail(Kind::Corrupt, "a message of netlink is too short");
  body.copy(reinterpret_cast<char*>(&value), sizeof value);
  return value;
}

// What NLMSG_ERROR or NLMSG_DONE says.
struct Verdict {
  int errnum = 0;     // Positive; 0: done.
  std::string words;  // The kernel's, where it has some.
};
Result<Verdict> parse_verdict(const Message& message);

class Socket {
 public:
  // In the network namespace that we are in now, for which it then speaks for good. `protocol`:
  // NETLINK_ROUTE, NETLINK_NETFILTER. Errors: Unsupported, when the kernel has not this one.
  static Result<Socket> open(int protocol = 0);

  // Sends it and returns the bodies of the answers, without the last that says "done". Errors: the
  // kernel's, with its own words.
  Result<std::vector<std::string>> ask(const Request& request);
  // Sends all of them in one datagram, as nfnetlink wants its batches. Errors: the first that the
  // kernel gives to one of them. Done when none is: at least one has to be answered.
  Result<> batch(const std::vector<Request>& requests);

 private:
  struct Answers;
  Result<> receive(std::uint32_t serial, Answers& answers);
  Result<Answers> ask_once(const Request& request);
  Result<bool> receive_verdicts(std::uint32_t first, bool& is_answered);

  Fd socket_;
  std::string buffer_;  // Of answers.
  std::uint32_t last_serial_ = 0;
};

}  // namespace tare::sys::netlink
