// SPDX-License-Identifier: Apache-2.0
// A small D-Bus client: enough to ask systemd for something and to wait until it is done. No
// library, because the programs are static. Private to this room.
// [D-Bus Specification 0.43: "Message Protocol", "Authentication Protocol"]
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "sys/fd.h"

namespace tare::sys::dbus {

enum class Type : std::uint8_t { Call = 1, Reply = 2, Failure = 3, Signal = 4 };

struct Message {
  Type type = Type::Call;
  std::uint8_t flags = 0;
  std::uint32_t serial = 0;
  std::uint32_t reply_to = 0;
  std::string path;
  std::string interface;
  std::string member;
  std::string error;  // Name of a Failure.
  std::string destination;
  std::string sender;
  std::string signature;  // Of the body.
  std::string body;       // Little endian, aligned from its own start.
};

// Appends values, each at its alignment.
class Writer {
 public:
  Writer& number8(std::uint8_t value);
  Writer& number32(std::uint32_t value);
  Writer& number64(std::uint64_t value);
  Writer& boolean(bool value) { return number32(value ? 1 : 0); }
  Writer& text(std::string_view value);       // s or o
  Writer& signature(std::string_view value);  // g
  Writer& align(std::size_t to);              // A struct begins at 8.
  // An array: begin, elements, end. Its length does not count the padding before its first element.
  struct Array {
    std::size_t length_at = 0;
    std::size_t begin = 0;
  };
  Array begin_array(std::size_t alignment);
  void end_array(const Array& array);
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Takes values in order. Every value is checked to lie within the bytes; after the first that does
// not, all are empty and failed() is true.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  std::uint8_t number8();
  std::uint32_t number32();
  std::string text();
  std::string signature();
  void align(std::size_t to);
  std::size_t at() const { return at_; }
  bool failed() const { return failed_; }
  void fail() { failed_ = true; }

 private:
  std::string_view take(std::size_t size);
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

std::string encode(const Message& message);
// How many bytes the message has whose first 16 these are. Errors: Corrupt.
constexpr std::size_t kFixedSize = 16;
Result<std::size_t> whole_size(std::string_view first);
// Errors: Corrupt.
Result<Message> decode(std::string_view bytes);

class Connection {
 public:
  // Connects to the socket at `path`, proves who we are by the kernel's word, and says Hello.
  // Errors: Unavailable.
  static Result<Connection> open(const std::string& path);

  // Sends it and waits for its answer; signals that come meanwhile are kept for next_signal().
  // Errors: Unavailable (it failed there: what was said; no answer in time).
  Result<Message> call(Message message);
  // The next signal with this member.
  Result<Message> next_signal(std::string_view member, std::chrono::milliseconds patience);
  // The next call that somebody makes to us. Tests only.
  Result<Message> next_call(std::chrono::milliseconds patience);
  Result<> send(Message message);
  const std::string& name() const { return name_; }  // ":1.42"

 private:
  using Clock = std::chrono::steady_clock;
  Result<Message> receive(Clock::time_point deadline);
  Result<std::string> receive_line(Clock::time_point deadline);
  Result<> receive_some(Clock::time_point deadline);
  Result<> authenticate();

  Fd socket_;
  std::string input_;
  std::uint32_t last_serial_ = 0;
  std::string name_;
  std::deque<Message> waiting_;  // Signals and calls.
};

}  // namespace tare::sys::dbus
