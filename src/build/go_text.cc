// SPDX-License-Identifier: Apache-2.0
// Ports, and texts in the form that Go prints them.
#include <algorithm>

#include "base/text.h"
#include "build/glob.h"
#include "build/stage_state.h"

namespace tare::build {
namespace {

std::unexpected<Error> bad_port(std::string_view text, std::string_view why) {
  return std::unexpected(Error(Kind::Invalid, quoted(text) + " is no port: " + std::string(why))
                             .hint("write EXPOSE 8080, 53/udp or 8000-8010"));
}

// "80" or "80-90". Errors: Invalid.
Result<std::pair<unsigned, unsigned>> parse_range(std::string_view text) {
  const auto pair = split_once(text, '-');
  const std::uint64_t first = TRY(parse_u64(pair ? pair->first : text));
  const std::uint64_t last = TRY(parse_u64(pair ? pair->second : text));
  if (first > 65535 || last > 65535) return fail(Kind::Invalid, "ports end at 65535");
  if (last < first) return fail(Kind::Invalid, "the range ends before it starts");
  return std::pair(static_cast<unsigned>(first), static_cast<unsigned>(last));
}

// Digits before the point, and what is behind it without zeros at its end.
std::string decimal(std::int64_t value, std::int64_t unit) {
  std::string out = std::to_string(value / unit);
  std::string fraction = std::to_string(unit + value % unit).substr(1);
  while (fraction.ends_with('0')) fraction.pop_back();
  return fraction.empty() ? out : out + "." + fraction;
}

}  // namespace

Result<ExposedPorts> parse_exposed(std::string_view text) {
  ExposedPorts out;
  std::string_view rest = text;
  const std::size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos) {
    const std::string_view host = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
    out.has_host = host.find_first_not_of(':') != std::string_view::npos;
    const std::string_view host_port = host.substr(host.rfind(':') + 1);
    if (!host_port.empty() && !parse_range(host_port))
      return bad_port(text, quoted(host_port) + " is no port of the host");
  }
  const auto pair = split_once(rest, '/');
  const std::string_view number = pair ? pair->first : rest;
  const std::string_view written = pair ? pair->second : std::string_view();
  const std::string protocol = written.empty() ? "tcp" : lower(written);
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
    return bad_port(text, "the protocol is tcp, udp or sctp");
  const auto range = parse_range(number);
  if (!range) return bad_port(text, range.error().message());
  out.upper_case = protocol != written && !written.empty();
  for (unsigned port = range->first; port <= range->second; ++port)
    out.ports.push_back(std::to_string(port) + "/" + protocol);
  return out;
}

std::string go_quoted(std::string_view text) {
  std::string out = "\"";
  for (const std::string_view character : utf8_characters(text)) {
    const auto byte = static_cast<unsigned char>(character[0]);
    constexpr std::string_view kNamed = "\a\b\f\n\r\t\v\"\\";
    constexpr std::string_view kNames = "abfnrtv\"\\";
    const std::size_t named = kNamed.find(character[0]);
    if (named != std::string_view::npos) {
      out += '\\';
      out += kNames[named];
    } else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && character.size() == 1)) {
      out += "\\x" + to_hex(character);
    } else {
      out += character;
    }
  }
  return out + "\"";
}

std::string go_duration(std::chrono::nanoseconds span) {
  const std::int64_t ns = span.count();
  if (ns == 0) return "0s";
  if (ns < 1'000) return std::to_string(ns) + "ns";
  if (ns < 1'000'000) return decimal(ns, 1'000) + "\u00b5s";
  if (ns < 1'000'000'000) return decimal(ns, 1'000'000) + "ms";
  constexpr std::int64_t kMinute = 60'000'000'000;
  std::string out;
  if (ns >= 60 * kMinute) out += std::to_string(ns / (60 * kMinute)) + "h";
  if (ns >= kMinute) out += std::to_string(ns / kMinute % 60) + "m";
  return out + decimal(ns % kMinute, 1'000'000'000) + "s";
}

}  // namespace tare::build
