// SPDX-License-Identifier: Apache-2.0
#include "front/record/http_message.h"

#include <algorithm>

#include "base/text.h"

namespace tare::front_record {
namespace {

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  const auto is_allowed = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  };
  return !text.empty() && std::ranges::all_of(text, is_allowed);
}

bool is_visible(char c) { return c > ' ' && c < 0x7f; }

bool is_value_char(char c) { return c == '\t' || static_cast<unsigned char>(c) >= ' '; }

std::unexpected<Error> wrong(const std::string& what) {
  return fail(Kind::Invalid, "a request over HTTP: " + what);
}

// The next line, without its end, which may be a line feed alone. [RFC 9112 2.2]
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Result<> parse_request_line(RequestHead& head, std::string_view line) {
  const std::vector<std::string> words = split(line, ' ');
  if (words.size() != 3) return wrong("its first line is " + quoted(line));
  if (!is_token(words[0]) || words[0].size() > 32) return wrong("there is no such method");
  if (words[1].empty() || words[1].size() > kMaxTarget ||
      !std::ranges::all_of(words[1], is_visible))
    return wrong("its target is not one");
  if (words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0")
    return wrong("its version is " + quoted(words[2]));
  head.method = words[0];
  head.target = words[1];
  head.minor = words[2].back() - '0';
  return {};
}

// Numbers without a sign; the base is 10 or 16.
Result<std::uint64_t> parse_number(std::string_view text, unsigned base) {
  constexpr std::size_t kMaxDigits = 15;
  if (text.empty() || text.size() > kMaxDigits) return wrong("a length is " + quoted(text));
  std::uint64_t value = 0;
  for (const char c : lower(text)) {
    const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                                                  : base;
    if (digit >= base) return wrong("a length is " + quoted(text));
    value = value * base + digit;
  }
  return value;
}

}  // namespace

std::string RequestHead::header(std::string_view name) const {
  std::string value;
  for (const Header& each : headers)
    if (lower(each.name) == name) value = each.value;
  return value;
}

bool RequestHead::keeps_alive() const {
  const std::string said = lower(header("connection") + "," + header("proxy-connection"));
  if (said.find("close") != std::string::npos) return false;
  return minor == 1 || said.find("keep-alive") != std::string::npos;
}

Result<RequestHead> parse_request_head(std::string_view text) {
  if (text.size() > kMaxHead) return wrong("it is too long");
  RequestHead head;
  std::string_view rest = text;
  TRY(parse_request_line(head, take_line(rest)));
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (line.empty()) break;
    const auto pair = split_once(line, ':');
    // No space in front of the colon, and no line that goes on: readers differ on them.
    if (!pair || !is_token(pair->first)) return wrong("a header is " + quoted(line));
    const std::string_view value = trim(pair->second);
    if (!std::ranges::all_of(value, is_value_char) || value.find('\x7f') != value.npos)
      return wrong("the header " + quoted(pair->first) + " has control characters");
    if (head.headers.size() == kMaxHeaders) return wrong("it has too many headers");
    head.headers.push_back({.name = std::string(pair->first), .value = std::string(value)});
  }
  return head;
}

Result<Framing> framing_of(const RequestHead& head) {
  Framing framing;
  std::optional<std::string> length;
  for (const Header& header : head.headers) {
    const std::string name = lower(header.name);
    if (name == "transfer-encoding") {
      if (framing.is_chunked || lower(header.value) != "chunked")
        return wrong("its transfer coding is " + quoted(header.value));
      framing.is_chunked = true;
    }
    if (name == "content-length") {
      if (length && *length != header.value) return wrong("it has two lengths");
      length = header.value;
    }
  }
  if (framing.is_chunked && length) return wrong("it has a length and is in chunks");
  if (length) framing.length = TRY(parse_number(*length, 10));
  return framing;
}

Result<std::uint64_t> parse_chunk_size(std::string_view line) {
  return parse_number(trim(line.substr(0, line.find(';'))), 16);
}

std::string HostPort::text(std::uint16_t usual) const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == usual ? name : name + ":" + std::to_string(port);
}

Result<HostPort> parse_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong("a tunnel to " + quoted(text));
  std::string_view host = text.substr(0, colon);
  const auto port = parse_u64(text.substr(colon + 1));
  const bool is_bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  const std::string_view allowed =
      is_bracketed ? "0123456789abcdef:." : "0123456789abcdefghijklmnopqrstuvwxyz-_.";
  HostPort parsed{.host = lower(host)};
  if (parsed.host.empty() || parsed.host.size() > 253 || !port || *port == 0 || *port > 65535 ||
      parsed.host.find_first_not_of(allowed) != std::string::npos)
    return wrong("a tunnel to " + quoted(text));
  parsed.port = static_cast<std::uint16_t>(*port);
  return parsed;
}

Result<std::string> url_of(const RequestHead& head, const std::string& base) {
  const std::string start = lower(std::string_view(head.target).substr(0, 8));
  if (start.starts_with("http://") || start == "https://") {
    if (!base.empty()) return wrong("a whole URL in a tunnel");
    return head.target;
  }
  if (base.empty()) return wrong("this is a proxy; it is asked for whole URLs");
  if (!head.target.starts_with('/')) return wrong("its target is " + quoted(head.target));
  return base + head.target;
}

std::string without_user(std::string_view url) {
  std::string text(url.substr(0, url.find('#')));
  const std::size_t scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  const std::size_t begin = scheme + 3;
  const std::size_t end = text.find_first_of("/?", begin);
  const std::string authority = text.substr(begin, end == std::string::npos ? end : end - begin);
  const std::size_t at = authority.rfind('@');
  if (at != std::string::npos) text.erase(begin, at + 1);
  return text;
}

bool is_hop_by_hop(std::string_view name) {
  constexpr std::string_view kNames[] = {"connection",
                                         "keep-alive",
                                         "proxy-connection",
                                         "te",
                                         "trailer",
                                         "transfer-encoding",
                                         "upgrade",
                                         "alt-svc",
                                         "proxy-authorization",
                                         "proxy-authenticate"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

}  // namespace tare::front_record
