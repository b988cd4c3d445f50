// SPDX-License-Identifier: Apache-2.0
// What programs ask a proxy for, in HTTP/1.1. Strict: a request that two readers could understand
// in two ways is refused. Pure. [RFC 9112; RFC 9110]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tare::front_record {

inline constexpr std::size_t kMaxHead = 64 << 10;  // Bytes of a request without its body.
inline constexpr std::size_t kMaxHeaders = 200;
inline constexpr std::size_t kMaxTarget = 16 << 10;

struct Header {
  std::string name;  // As it came.
  std::string value;
};

struct RequestHead {
  std::string method;
  std::string target;
  int minor = 1;  // HTTP/1.minor
  std::vector<Header> headers;

  // The last of that name (in lower case); "" when there is none.
  std::string header(std::string_view name) const;
  bool keeps_alive() const;
};

// `text`: up to the empty line, with it or without. Errors: Invalid.
Result<RequestHead> parse_request_head(std::string_view text);

struct Framing {
  bool is_chunked = false;
  std::uint64_t length = 0;
  bool has_body() const { return is_chunked || length > 0; }
};
// Errors: Invalid (lengths that contradict each other, an unknown transfer coding).
Result<Framing> framing_of(const RequestHead& head);
// Of "1a;name=value". Errors: Invalid.
Result<std::uint64_t> parse_chunk_size(std::string_view line);

// Of CONNECT: "host:port", "[::1]:443".
struct HostPort {
  std::string host;  // In lower case, without brackets.
  std::uint16_t port = 0;
  std::string text(std::uint16_t usual) const;  // As a URL has it.
};
Result<HostPort> parse_host_port(std::string_view text);

// The URL that is asked for; `base` is that of a tunnel ("https://host"), or "". Errors: Invalid.
Result<std::string> url_of(const RequestHead& head, const std::string& base);
// Without the name and the password of a user and without the fragment: those of whoever asks.
std::string without_user(std::string_view url);

// Between two neighbours only. [RFC 9110 7.6.1] `name` in lower case.
bool is_hop_by_hop(std::string_view name);

}  // namespace tare::front_record
