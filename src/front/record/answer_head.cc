// SPDX-License-Identifier: Apache-2.0
#include "front/record/answer_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace tare::front_record {
namespace {

constexpr int kFirstFinal = 200;
constexpr int kSwitching = 101;
constexpr int kNoContent = 204;

std::unexpected<Error> wrong(const std::string& what) {
  return fail(Kind::Invalid, "the server's answer " + what);
}

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Bytes of a character beyond ASCII that begins there; 0: none does.
std::size_t character_at(std::string_view text, std::size_t at) {
  for (std::size_t size = 2; size <= 4 && at + size <= text.size(); ++size)
    if (const std::string_view piece = text.substr(at, size); escaped(piece) == piece) return size;
  return 0;
}

// A note is JSON, in which other bytes could not be given again.
std::string in_utf8(std::string_view value) {
  std::string text;
  for (std::size_t i = 0; i < value.size();) {
    const auto byte = static_cast<unsigned char>(value[i]);
    const std::size_t size = byte < 0x80 ? 1 : character_at(value, i);
    if (size == 0) {
      text += fmt::format("%{:02X}", byte);
      ++i;
      continue;
    }
    text += value.substr(i, size);
    i += size;
  }
  return text;
}

// All that say it say the same.
Result<std::optional<std::string>> length_of(const std::vector<Header>& headers) {
  std::optional<std::string> length;
  for (const Header& header : headers) {
    if (lower(header.name) != "content-length") continue;
    for (const std::string& each : split(header.value, ',')) {
      const auto number = parse_u64(trim(each));
      if (!number) return wrong("has a length that is none: " + quoted(header.value));
      const std::string text = std::to_string(*number);
      if (length && *length != text) return wrong("has two lengths");
      length = text;
    }
  }
  return length;
}

bool has(const std::vector<Header>& headers, std::string_view name) {
  return std::ranges::any_of(headers, [&](const Header& each) { return lower(each.name) == name; });
}

// Where the authority of an address begins; npos: it has none.
std::size_t authority_of(std::string_view address) {
  constexpr std::string_view kScheme = "abcdefghijklmnopqrstuvwxyz0123456789+-.";
  const std::size_t colon = lower(address).find_first_not_of(kScheme);
  const bool has_scheme = colon != std::string_view::npos && colon > 0 && address[colon] == ':';
  const std::size_t from = has_scheme ? colon + 1 : 0;
  // Some readers take any number of slashes behind a scheme, and those of Windows for slashes.
  const std::size_t begin = std::min(address.find_first_not_of("/\\", from), address.size());
  return begin - from >= (has_scheme ? 1U : 2U) ? begin : std::string_view::npos;
}

std::string address_without_user(std::string_view address) {
  std::string text(address);
  const std::size_t begin = authority_of(address);
  if (begin == std::string_view::npos) return text;
  const std::size_t end = std::min(text.find_first_of("/?#\\", begin), text.size());
  const std::size_t at = text.substr(begin, end - begin).rfind('@');
  if (at != std::string::npos) text.erase(begin, at + 1);
  return text;
}

}  // namespace

std::string ResponseHead::header(std::string_view name) const {
  std::string value;
  for (const Header& each : headers)
    if (lower(each.name) == name) value = each.value;
  return value;
}

Result<bool> AnswerReader::take(std::string_view line, int status) {
  if (is_complete_) return false;
  line = without_end(line);
  if (line.starts_with("HTTP/")) {
    head_.headers.clear();
    return false;
  }
  if (line.empty()) {
    if (status == kSwitching)
      return wrong("switches to another protocol (101), which cannot be recorded");
    if (status < kFirstFinal) return false;
    TRY(finish(status));
    is_complete_ = true;
    return true;
  }
  // A line that goes on is one with that before it. [RFC 9112 5.2]
  if (line.front() == ' ' || line.front() == '\t') {
    if (head_.headers.empty()) return wrong("begins with a line that goes on");
    head_.headers.back().value += " " + std::string(trim(line));
    return false;
  }
  if (const auto pair = split_once(line, ':'))
    head_.headers.push_back(
        {.name = std::string(trim(pair->first)), .value = std::string(trim(pair->second))});
  return false;
}

Result<> AnswerReader::finish(int status) {
  head_.status = status;
  std::vector<Header>& headers = head_.headers;
  // In the clear of how it came: the length of what is in there is known when it is there.
  const bool is_coded = has(headers, "transfer-encoding");
  const auto length = is_coded ? std::nullopt : TRY(length_of(headers));
  std::string own = ",content-length,";
  for (const Header& header : headers)
    if (lower(header.name) == "connection")
      for (const std::string& name : split(lower(header.value), ','))
        own += std::string(trim(name)) + ",";
  std::erase_if(headers, [&](const Header& header) {
    return header.name.empty() || own.contains("," + lower(header.name) + ",") ||
           is_hop_by_hop(lower(header.name));
  });
  for (Header& header : headers) header.value = in_utf8(header.value);
  if (length && status != kNoContent)
    headers.push_back({.name = "content-length", .value = *length});
  return {};
}

std::string noted_value(const Header& header) {
  const std::string name = lower(header.name);
  if (name == "location") return address_without_user(header.value);
  if (name != "link") return header.value;
  std::string text;
  std::string_view rest = header.value;
  while (!rest.empty()) {
    const std::size_t begin = std::min(rest.find('<'), rest.size() - 1) + 1;
    const std::size_t end = std::min(rest.find('>', begin), rest.size());
    text += rest.substr(0, begin);
    text += address_without_user(rest.substr(begin, end - begin));
    rest.remove_prefix(end);
  }
  return text;
}

}  // namespace tare::front_record
