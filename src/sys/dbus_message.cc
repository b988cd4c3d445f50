// SPDX-License-Identifier: Apache-2.0
// Messages as bytes.
#include <algorithm>

#include "base/text.h"
#include "sys/dbus.h"

namespace tare::sys::dbus {
namespace {

constexpr std::size_t kLongest = 1 << 20;  // The specification allows 128 MiB; we need kilobytes.
constexpr std::uint8_t kLittleEndian = 'l';
constexpr std::uint8_t kVersion = 1;

enum Field : std::uint8_t {
  kPath = 1,
  kInterface = 2,
  kMember = 3,
  kErrorName = 4,
  kReplySerial = 5,
  kDestination = 6,
  kSender = 7,
  kSignature = 8
};

std::size_t padded(std::size_t size) { return (size + 7) / 8 * 8; }

void add_text(Writer& out, Field field, const char* type, const std::string& value) {
  if (value.empty()) return;
  out.align(8).number8(field).signature(type);
  if (*type == 'g')
    out.signature(value);
  else
    out.text(value);
}

// Field by its code; one that we do not know is skipped by its type, if that is a simple one.
void read_field(Reader& in, Message& message) {
  const std::uint8_t code = in.number8();
  const std::string type = in.signature();
  std::string text;
  std::uint32_t number = 0;
  if (type == "s" || type == "o")
    text = in.text();
  else if (type == "g")
    text = in.signature();
  else if (type == "u")
    number = in.number32();
  else
    in.fail();
  switch (code) {
    case kPath:
      message.path = std::move(text);
      break;
    case kInterface:
      message.interface = std::move(text);
      break;
    case kMember:
      message.member = std::move(text);
      break;
    case kErrorName:
      message.error = std::move(text);
      break;
    case kReplySerial:
      message.reply_to = number;
      break;
    case kDestination:
      message.destination = std::move(text);
      break;
    case kSender:
      message.sender = std::move(text);
      break;
    case kSignature:
      message.signature = std::move(text);
      break;
    default:  // UNIX_FDS, or of a later version: to be ignored.
      break;
  }
}

std::unexpected<Error> broken(const char* what) {
  return tare::fail(Kind::Corrupt, std::string("message of the bus: ") + what);
}

}  // namespace

Writer& Writer::align(std::size_t to) {
  bytes_.resize((bytes_.size() + to - 1) / to * to, '\0');
  return *this;
}
Writer& Writer::number8(std::uint8_t value) {
  bytes_ += static_cast<char>(value);
  return *this;
}
Writer& Writer::number32(std::uint32_t value) {
  align(4);
  for (int shift = 0; shift < 32; shift += 8) number8(static_cast<std::uint8_t>(value >> shift));
  return *this;
}
Writer& Writer::number64(std::uint64_t value) {
  align(8);
  for (int shift = 0; shift < 64; shift += 8) number8(static_cast<std::uint8_t>(value >> shift));
  return *this;
}
Writer& Writer::text(std::string_view value) {
  number32(static_cast<std::uint32_t>(value.size()));
  bytes_.append(value);
  return number8(0);
}
Writer& Writer::signature(std::string_view value) {
  number8(static_cast<std::uint8_t>(value.size()));
  bytes_.append(value);
  return number8(0);
}
Writer::Array Writer::begin_array(std::size_t alignment) {
  Array array;
  number32(0);
  array.length_at = bytes_.size() - 4;
  align(alignment);
  array.begin = bytes_.size();
  return array;
}
void Writer::end_array(const Array& array) {
  const std::size_t length = bytes_.size() - array.begin;
  for (std::size_t i = 0; i < 4; ++i)
    bytes_[array.length_at + i] = static_cast<char>(length >> (8 * i));
}

std::string_view Reader::take(std::size_t size) {
  if (failed_ || size > bytes_.size() - at_) {
    failed_ = true;
    return {};
  }
  const std::string_view taken = bytes_.substr(at_, size);
  at_ += size;
  return taken;
}
void Reader::align(std::size_t to) { take((at_ + to - 1) / to * to - at_); }
std::uint8_t Reader::number8() {
  const std::string_view bytes = take(1);
  return bytes.empty() ? 0 : static_cast<std::uint8_t>(bytes[0]);
}
std::uint32_t Reader::number32() {
  align(4);
  std::uint32_t value = 0;
  const std::string_view bytes = take(4);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i])) << (8 * i);
  return value;
}
std::string Reader::text() {
  const std::uint32_t size = number32();
  std::string value(take(size));
  if (number8() != 0) failed_ = true;
  return failed_ ? std::string() : value;
}
std::string Reader::signature() {
  const std::uint8_t size = number8();
  std::string value(take(size));
  if (number8() != 0) failed_ = true;
  return failed_ ? std::string() : value;
}

std::string encode(const Message& message) {
  Writer out;
  out.number8(kLittleEndian).number8(static_cast<std::uint8_t>(message.type));
  out.number8(message.flags).number8(kVersion);
  out.number32(static_cast<std::uint32_t>(message.body.size())).number32(message.serial);
  const Writer::Array fields = out.begin_array(8);
  add_text(out, kPath, "o", message.path);
  add_text(out, kInterface, "s", message.interface);
  add_text(out, kMember, "s", message.member);
  add_text(out, kErrorName, "s", message.error);
  if (message.reply_to != 0)
    out.align(8).number8(kReplySerial).signature("u").number32(message.reply_to);
  add_text(out, kDestination, "s", message.destination);
  add_text(out, kSignature, "g", message.signature);
  out.end_array(fields);
  out.align(8);
  return out.bytes() + message.body;
}

Result<std::size_t> whole_size(std::string_view first) {
  if (first.size() < kFixedSize) return broken("it is too short");
  if (first[0] != kLittleEndian) return broken("it is in another byte order than ours");
  Reader in(first);
  in.number32();
  const std::uint32_t body = in.number32();
  in.number32();
  const std::uint32_t fields = in.number32();
  if (body > kLongest || fields > kLongest) return broken("it is too long");
  return kFixedSize + padded(fields) + body;
}

Result<Message> decode(std::string_view bytes) {
  const std::size_t size = TRY(whole_size(bytes));
  if (bytes.size() != size) return broken("its length is wrong");
  Reader in(bytes);
  Message message;
  in.number8();
  const std::uint8_t type = in.number8();
  message.flags = in.number8();
  if (in.number8() != kVersion) return broken("it is of another version");
  if (type < 1 || type > 4) return broken("its type is not known");
  message.type = static_cast<Type>(type);
  const std::uint32_t body = in.number32();
  message.serial = in.number32();
  const std::uint32_t fields = in.number32();
  const std::size_t end = in.at() + fields;
  while (!in.failed() && in.at() < end) {
    in.align(8);
    read_field(in, message);
  }
  if (in.failed() || in.at() != end) return broken("its header is broken");
  message.body = bytes.substr(size - body);
  return message;
}

}  // namespace tare::sys::dbus
