// SPDX-License-Identifier: Apache-2.0
#include "sys/netlink.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tare::sys::netlink {
namespace {

// The kernel makes no datagram of a dump larger. [linux net/netlink/af_netlink.c, netlink_dump()]
constexpr std::size_t kMostBytes = 65536;
// A list that changed while it was told is asked for again.
constexpr int kMostTries = 10;

void pad(std::string& bytes) { bytes.resize(NLMSG_ALIGN(bytes.size()), '\0'); }

template <typename Fixed>
std::string_view as_bytes(const Fixed& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

Request& Request::bytes(std::uint16_t attribute, std::string_view value) {
  pad(body_);
  nlattr header{.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + value.size()),
                .nla_type = attribute};
  body_.append(as_bytes(header));
  body_.append(value);
  return *this;
}

Request& Request::text(std::uint16_t attribute, const std::string& value) {
  return bytes(attribute, std::string_view(value.c_str(), value.size() + 1));
}

Request& Request::number(std::uint16_t attribute, std::uint32_t value) {
  return bytes(attribute, as_bytes(value));
}

Request& Request::append(std::string_view attributes) {
  pad(body_);
  body_.append(attributes);
  return *this;
}

bool Request::is_dump() const { return (flags_ & NLM_F_DUMP) == NLM_F_DUMP; }

std::string Request::message(std::uint32_t serial) const {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_HDRLEN + body_.size());
  header.nlmsg_type = type_;
  header.nlmsg_flags = static_cast<std::uint16_t>(flags_ | NLM_F_REQUEST | NLM_F_ACK);
  header.nlmsg_seq = serial;
  std::string bytes(as_bytes(header));
  bytes.append(body_);
  pad(bytes);
  return bytes;
}

Result<std::vector<Message>> parse_messages(std::string_view datagram) {
  std::vector<Message> messages;
  while (!datagram.empty()) {
    const auto header = TRY(fixed_part<nlmsghdr>(datagram));
    if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > datagram.size())
      return fail(Kind::Corrupt, "a message of netlink is longer than what came");
    messages.push_back({.type = header.nlmsg_type,
                        .flags = header.nlmsg_flags,
                        .serial = header.nlmsg_seq,
                        .body = datagram.substr(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN)});
    datagram.remove_prefix(
        std::min<std::size_t>(NLMSG_ALIGN(std::size_t{header.nlmsg_len}), datagram.size()));
  }
  return messages;
}

Result<std::vector<Attribute>> parse_attributes(std::string_view body, std::size_t fixed) {
  std::vector<Attribute> attributes;
  if (body.size() < fixed) return fail(Kind::Corrupt, "a message of netlink is too short");
  body.remove_prefix(fixed);
  while (!body.empty()) {
    const auto header = TRY(fixed_part<nlattr>(body));
    if (header.nla_len < NLA_HDRLEN || header.nla_len > body.size())
      return fail(Kind::Corrupt, "an attribute of netlink is longer than its message");
    attributes.push_back({.type = static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
                          .value = body.substr(NLA_HDRLEN, header.nla_len - NLA_HDRLEN)});
    body.remove_prefix(std::min<std::size_t>(NLA_ALIGN(std::size_t{header.nla_len}), body.size()));
  }
  return attributes;
}

const Attribute* find(const std::vector<Attribute>& attributes, std::uint16_t type) {
  const auto found = std::ranges::find(attributes, type, &Attribute::type);
  return found == attributes.end() ? nullptr : &*found;
}

// The request's header stands between the number and the words; NETLINK_CAP_ACK cuts off the rest.
Result<Verdict> parse_verdict(const Message& message) {
  Verdict verdict;
  verdict.errnum = -TRY(fixed_part<int>(message.body));
  if (verdict.errnum < 0) return fail(Kind::Corrupt, "netlink's answer is no error number");
  if ((message.flags & NLM_F_ACK_TLVS) == 0) return verdict;
  const std::size_t fixed = message.type == NLMSG_DONE ? sizeof(int) : sizeof(nlmsgerr);
  const auto attributes = TRY(parse_attributes(message.body, fixed));
  if (const Attribute* const words = find(attributes, NLMSGERR_ATTR_MSG))
    verdict.words = words->value.substr(0, words->value.find('\0'));
  return verdict;
}

struct Socket::Answers {
  std::vector<std::string> bodies;
  bool is_done = false;
  bool has_changed = false;  // What was asked for, while it was told.
};

Result<Socket> Socket::open(int protocol) {
  Socket socket;
  socket.socket_ = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!socket.socket_ && errno == EPROTONOSUPPORT)
    return fail(Kind::Unsupported,
                "this kernel has no netlink of kind " + std::to_string(protocol));
  if (!socket.socket_) return fail_errno("make a netlink socket");
  const int yes = 1;
  // Both are comfort: the answers are read with and without.
  for (const int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK})
    (void)::setsockopt(socket.socket_.get(), SOL_NETLINK, option, &yes, sizeof yes);
  return socket;
}

Result<> Socket::receive(std::uint32_t serial, Answers& answers) {
  // Once a socket: to clear so much each time would take longer than the kernel does to answer.
  if (buffer_.empty()) buffer_.resize(kMostBytes);
  ssize_t size = 0;
  do {
    size = ::recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return fail_errno("hear the kernel's netlink");
  if (static_cast<std::size_t>(size) > buffer_.size())
    return fail(Kind::Corrupt, "netlink's answer is too long");
  const std::string_view datagram(buffer_.data(), static_cast<std::size_t>(size));
  for (const Message& message : TRY(parse_messages(datagram))) {
    if (message.serial != serial) continue;
    if ((message.flags & NLM_F_DUMP_INTR) != 0) answers.has_changed = true;
    if (message.type == NLMSG_NOOP) continue;
    if (message.type != NLMSG_ERROR && message.type != NLMSG_DONE) {
      answers.bodies.emplace_back(message.body);
      continue;
    }
    answers.is_done = true;
    const Verdict verdict = TRY(parse_verdict(message));
    if (verdict.errnum == 0) continue;
    return std::unexpected(
        Error::sys(verdict.errnum, verdict.words.empty() ? "netlink" : verdict.words));
  }
  return {};
}

Result<Socket::Answers> Socket::ask_once(const Request& request) {
  const std::string message = request.message(++last_serial_);
  const ssize_t sent = ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);
  if (sent < 0) return fail_errno("ask the kernel's netlink");
  Answers answers;
  while (!answers.is_done) TRY(receive(last_serial_, answers));
  return answers;
}

Result<std::vector<std::string>> Socket::ask(const Request& request) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    Answers answers = TRY(ask_once(request));
    if (!answers.has_changed) return std::move(answers.bodies);
  }
  return fail(Kind::Busy, "what netlink was asked for changes all the time");
}

// False when nothing more lies there. The kernel answers before send(2) returns.
Result<bool> Socket::receive_verdicts(std::uint32_t first, bool& is_answered) {
  // A verdict is a number, a header and some words. [NETLINK_CAP_ACK]
  std::array<char, 4096> bytes;
  const ssize_t size = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size < 0 && errno == EAGAIN) return false;
  if (size < 0 && errno == EINTR) return true;
  if (size < 0) return fail_errno("hear the kernel's netlink");
  const std::string_view datagram(bytes.data(), static_cast<std::size_t>(size));
  for (const Message& message : TRY(parse_messages(datagram))) {
    if (message.serial < first || message.type != NLMSG_ERROR) continue;
    is_answered = true;
    const Verdict verdict = TRY(parse_verdict(message));
    if (verdict.errnum == 0) continue;
    return std::unexpected(
        Error::sys(verdict.errnum, verdict.words.empty() ? "netlink" : verdict.words));
  }
  return true;
}

Result<> Socket::batch(const std::vector<Request>& requests) {
  const std::uint32_t first = last_serial_ + 1;
  std::string bytes;
  for (const Request& request : requests) bytes += request.message(++last_serial_);
  // A privilege of the administrator of a namespace; without it a large one does not go out.
  const int size = static_cast<int>(std::min<std::size_t>(2 * bytes.size() + kMostBytes, 1 << 30));
  if (bytes.size() > kMostBytes)
    (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0)
    return fail_errno("ask the kernel's netlink");
  bool is_answered = false;
  while (TRY(receive_verdicts(first, is_answered))) continue;
  if (!is_answered) return fail(Kind::Internal, "netlink did not answer");
  return {};
}

}  // namespace tare::sys::netlink
