// SPDX-License-Identifier: Apache-2.0
#include "front/record/reply.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace tare::front_record {
namespace {

// Of the ones that are common; what is written there means nothing. [RFC 9112 4]
std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 502:
      return "Bad Gateway";
    default:
      return "-";
  }
}

bool is_line(std::string_view value) {
  return value.find_first_of(std::string_view("\0\r\n", 3)) == value.npos;
}

}  // namespace

Result<> Reply::send_text(ClientStream& stream, int status, const std::string& text,
                          bool without_body) {
  constexpr std::size_t kMaxReason = 300;
  const std::string body = "tare: " + escaped(text) + "\n";
  std::string reason = body.substr(0, std::min(body.size() - 1, kMaxReason));
  std::ranges::replace_if(reason, [](char c) { return c < ' ' || c > '~'; }, '?');
  return stream.write(fmt::format(
      "HTTP/1.1 {} {} ({})\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: "
      "close\r\n\r\n{}",
      status, reason_of(status), reason, body.size(), without_body ? "" : body));
}

Result<> Reply::begin(const ResponseHead& head) {
  has_body_ = asked_.method != "HEAD" && head.status != 204 && head.status != 304;
  const bool has_length = !head.header("content-length").empty();
  is_chunked_ = has_body_ && !has_length && asked_.minor == 1;
  keeps_alive_ = asked_.keeps_alive() && (!has_body_ || has_length || is_chunked_);
  held_ = fmt::format("HTTP/1.1 {} {}\r\n", head.status, reason_of(head.status));
  for (const Header& header : head.headers) {
    const std::string name = lower(header.name);
    if (is_hop_by_hop(name) || name.empty() || !is_line(header.value) || !is_line(name)) continue;
    held_ += header.name + ": " + header.value + "\r\n";
  }
  if (is_chunked_) held_ += "transfer-encoding: chunked\r\n";
  held_ += keeps_alive_ ? "connection: keep-alive\r\n\r\n" : "connection: close\r\n\r\n";
  return {};
}

Result<> Reply::take(std::string_view bytes) {
  if (!has_body_ || bytes.empty()) return {};
  has_sent_ = true;
  TRY(stream_.write(held_));
  held_.clear();
  if (is_chunked_) held_ = fmt::format("{:x}\r\n", bytes.size());
  held_ += bytes;
  if (is_chunked_) held_ += "\r\n";
  return {};
}

Result<> Reply::end() {
  has_sent_ = true;
  if (is_chunked_) held_ += "0\r\n\r\n";
  return stream_.write(held_);
}

}  // namespace tare::front_record
