// SPDX-License-Identifier: Apache-2.0
#include "front/cli/port_options.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <tuple>

#include "base/text.h"
#include "front/cli/options.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

using engine::PortRequest;
using network::Address;
using network::Protocol;
using network::PublishedPort;

struct Range {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  int count() const { return last - first + 1; }
};

Result<std::uint16_t> parse_port(std::string_view text) {
  const auto number = parse_u64(text);
  if (!number || *number > std::numeric_limits<std::uint16_t>::max())
    return fail(Kind::Invalid, quoted(text) + " is no port; ports are numbers from 1 to 65535");
  return static_cast<std::uint16_t>(*number);
}

// "80", "80-90". Zero only alone.
Result<Range> parse_range(std::string_view text) {
  const auto parts = split_once(text, '-');
  Range range;
  range.first = TRY(parse_port(parts ? parts->first : text));
  range.last = parts ? TRY(parse_port(parts->second)) : range.first;
  if (parts && (range.first == 0 || range.last < range.first))
    return fail(Kind::Invalid,
                quoted(text) + " is no range of ports; write the lower one first, as 8000-8010");
  return range;
}

Result<Protocol> parse_port_protocol(std::string_view text) {
  if (text.empty()) return Protocol::Tcp;  // Docker takes "80/" too.
  auto protocol = network::parse_protocol(lower(text));
  if (!protocol)
    return fail(Kind::Invalid, "there is no protocol " + quoted(text) + "; tcp, udp and sctp are");
  return *protocol;
}

// The parts of "[[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]".
struct Parts {
  std::string_view address;
  bool has_address = false;
  std::string_view host;
  std::string_view container;
  std::string_view protocol;
};

void take_apart_ports(Parts& parts, std::string_view text) {
  const std::size_t colon = text.rfind(':');
  parts.container = text.substr(colon == std::string_view::npos ? 0 : colon + 1);
  if (colon == std::string_view::npos) return;
  text = text.substr(0, colon);
  const std::size_t before = text.rfind(':');
  parts.host = text.substr(before == std::string_view::npos ? 0 : before + 1);
  if (before == std::string_view::npos) return;
  parts.address = text.substr(0, before);
  parts.has_address = true;
}

// "[::1]:8080:80", "[::1]::80".
Result<> take_apart_brackets(Parts& parts, std::string_view text) {
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos)
    return fail(Kind::Invalid, "the bracket of the address is not closed");
  parts.address = text.substr(1, end - 1);
  parts.has_address = true;
  const std::string_view rest = text.substr(end + 1);
  const auto ports = rest.starts_with(':')
                         ? split_once(rest.substr(1), ':')
                         : std::optional<std::pair<std::string_view, std::string_view>>();
  if (!ports || ports->second.find(':') != std::string_view::npos)
    return fail(Kind::Invalid,
                "behind an address come two ports, as in [::1]:8080:80, or [::1]::80 for any free "
                "one of the host");
  parts.host = ports->first;
  parts.container = ports->second;
  return {};
}

Result<Parts> take_apart(std::string_view text) {
  Parts parts;
  if (const std::size_t slash = text.rfind('/'); slash != std::string_view::npos) {
    parts.protocol = text.substr(slash + 1);
    text = text.substr(0, slash);
  }
  if (text.starts_with('['))
    TRY(take_apart_brackets(parts, text));
  else
    take_apart_ports(parts, text);
  if (parts.container.empty())
    return fail(Kind::Invalid,
                "the container's port is missing; write 8080:80, or 80 for any free "
                "port of the host");
  return parts;
}

Result<std::vector<Address>> parse_hosts(std::string_view text) {
  if (text.empty()) return std::vector<Address>();
  if (text == "any") return std::vector<Address>{Address(), Address{.is_v6 = true}};
  const auto address = Address::parse(text);
  if (!address)
    return fail(Kind::Invalid, quoted(text) + " is no IP address" +
                                   (text == "localhost" ? "; without one it is localhost"
                                                        : ", nor 'any' for all"));
  return std::vector<Address>{*address};
}

Result<Range> parse_host_ports(const Parts& parts) {
  if (parts.host.empty()) return Range();
  auto range = parse_range(parts.host);
  if (!range && !parts.has_address && Address::parse(parts.host)) {
    const std::string address(parts.host);
    const std::string port(parts.container);
    return fail(Kind::Invalid, "behind an address come two ports: " + address + ":" + port + ":" +
                                   port + ", or " + address + "::" + port +
                                   " for any free one of the host");
  }
  return range;
}

Result<std::vector<PortRequest>> requests_of(const Parts& parts) {
  PortRequest request;
  request.hosts = TRY(parse_hosts(parts.address));
  request.protocol = TRY(parse_port_protocol(parts.protocol));
  const Range inside = TRY(parse_range(parts.container));
  if (inside.first == 0) return fail(Kind::Invalid, "a container cannot have port 0");
  const Range outside = TRY(parse_host_ports(parts));
  const bool any_free = outside.first == 0;
  if (!any_free && inside.count() > 1 && inside.count() != outside.count())
    return fail(Kind::Invalid, "the ranges differ: " + std::to_string(outside.count()) +
                                   " ports of the host for " + std::to_string(inside.count()) +
                                   " of the container");
  std::vector<PortRequest> out;
  for (int i = 0; i < inside.count(); ++i) {
    request.container_port = static_cast<std::uint16_t>(inside.first + i);
    request.host_first = outside.first;
    request.host_last = outside.last;
    if (inside.count() > 1 && !any_free)
      request.host_first = request.host_last = static_cast<std::uint16_t>(outside.first + i);
    out.push_back(request);
  }
  return out;
}

// "published=8080,target=80,protocol=udp", as of services.
Result<std::vector<PortRequest>> by_fields(std::string_view text) {
  std::map<std::string, std::string> fields;
  const std::vector<std::string> known = {"published", "target", "protocol"};
  for (const std::string& field : split(text, ',')) {
    const auto pair = split_once(field, '=');
    if (!pair || std::ranges::find(known, pair->first) == known.end())
      return fail(Kind::Invalid, "unknown field " + quoted(field) +
                                     "; published=, target= and protocol= are known");
    fields[std::string(pair->first)] = pair->second;
  }
  const Parts parts{
      .host = fields["published"], .container = fields["target"], .protocol = fields["protocol"]};
  if (parts.container.empty())
    return fail(Kind::Invalid, "the container's port is missing: target=80");
  return requests_of(parts);
}

std::vector<Address> hosts_of(const PortRequest& request) {
  if (!request.hosts.empty()) return request.hosts;
  Address loopback4;
  loopback4.bytes[0] = 127;
  loopback4.bytes[3] = 1;
  Address loopback6{.is_v6 = true};
  loopback6.bytes.back() = 1;
  return {loopback4, loopback6};
}

bool overlap(const Address& left, const Address& right) {
  return left.is_v6 == right.is_v6 && (left == right || left.is_any() || right.is_any());
}

// Ranges that one port is chosen from conflict with nothing: another one is chosen.
Result<> check_conflicts(const std::vector<PortRequest>& requests, std::string_view option) {
  std::map<std::pair<std::uint16_t, Protocol>, std::vector<Address>> seen;
  for (const PortRequest& request : requests) {
    if (request.host_first == 0 || request.host_first != request.host_last) continue;
    auto& taken = seen[{request.host_first, request.protocol}];
    const std::vector<Address> hosts = hosts_of(request);
    for (const Address& host : hosts)
      for (const Address& other : taken)
        if (overlap(host, other))
          return std::unexpected(
              Error(Kind::Invalid,
                    "--" + std::string(option) + ": two ports of the container want port " +
                        port_and_protocol(request.host_first, request.protocol) + " of the host")
                  .hint("give each its own, or 0 for any free one"));
    taken.insert(taken.end(), hosts.begin(), hosts.end());
  }
  return {};
}

}  // namespace

Result<std::vector<PortRequest>> parse_publish(std::string_view text, std::string_view option) {
  const auto read = [&]() -> Result<std::vector<PortRequest>> {
    if (text.find('=') != std::string_view::npos) return by_fields(text);
    const Parts parts = TRY(take_apart(text));
    return requests_of(parts);
  };
  auto requests = read();
  if (!requests) return bad_value(option, text, requests.error().message());
  return requests;
}

Result<std::vector<PortRequest>> parse_published(const std::vector<std::string>& texts,
                                                 std::string_view option) {
  std::vector<PortRequest> out;
  for (const std::string& text : texts)
    for (PortRequest& request : TRY(parse_publish(text, option))) out.push_back(std::move(request));
  TRY(check_conflicts(out, option));
  return out;
}

Result<PortRange> parse_port_range(std::string_view text, std::string_view option) {
  const auto read = [&]() -> Result<PortRange> {
    const auto parts = split_once(text, '/');
    PortRange out;
    out.protocol = TRY(parse_port_protocol(parts ? parts->second : ""));
    const Range range = TRY(parse_range(parts ? parts->first : text));
    if (range.first == 0) return fail(Kind::Invalid, "ports are numbers from 1 to 65535");
    out.first = range.first;
    out.last = range.last;
    return out;
  };
  auto range = read();
  if (!range) return bad_value(option, text, range.error().message());
  return range;
}

Result<PortRange> read_exposed(std::string_view text) { return parse_port_range(text, "expose"); }

Result<std::vector<std::string>> parse_expose(std::string_view text) {
  if (text.find(':') != std::string_view::npos)
    return bad_value("expose", text,
                     "this names ports of the container alone, as 80 or 8000-8010/udp; --publish "
                     "makes them ports of the host");
  const PortRange range = TRY(read_exposed(text));
  std::vector<std::string> out;
  for (int port = range.first; port <= range.last; ++port)
    out.push_back(port_and_protocol(static_cast<std::uint16_t>(port), range.protocol));
  return out;
}

std::string address_and_port(const Address& address, std::uint16_t port) {
  const std::string host = address.is_v6 ? "[" + address.text() + "]" : address.text();
  return host + ":" + std::to_string(port);
}

std::string port_and_protocol(std::uint16_t port, Protocol protocol) {
  return std::to_string(port) + "/" + std::string(network::protocol_text(protocol));
}

namespace {

// Ports that follow each other, of one address (or of none: not published) and one protocol.
struct Group {
  std::optional<Address> host;
  Protocol protocol = Protocol::Tcp;
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  std::string text() const {
    std::string range = std::to_string(first);
    if (first != last) range += "-" + std::to_string(last);
    std::string inside = range + "/" + std::string(network::protocol_text(protocol));
    if (!host) return inside;
    const std::string address = host->is_v6 ? "[" + host->text() + "]" : host->text();
    return address + ":" + range + "->" + inside;
  }
};

class Groups {
 public:
  void add(const std::optional<Address>& host, Protocol protocol, std::uint16_t port) {
    const auto same = std::ranges::find_if(open_, [&](const Group& group) {
      return group.host == host && group.protocol == protocol;
    });
    if (same == open_.end()) {
      open_.push_back({.host = host, .protocol = protocol, .first = port, .last = port});
    } else if (port == same->last + 1) {
      same->last = port;
    } else if (port != same->last) {
      closed_.push_back(same->text());
      same->first = same->last = port;
    }
  }
  // Those that ended first, then the others in the order of their beginnings.
  std::vector<std::string> texts() {
    for (const Group& group : open_) closed_.push_back(group.text());
    open_.clear();
    return std::move(closed_);
  }

 private:
  std::vector<Group> open_;
  std::vector<std::string> closed_;
};

}  // namespace

std::string ports_text(std::vector<PublishedPort> published,
                       const std::vector<std::string>& exposed) {
  struct Line {
    std::uint16_t port;
    std::optional<PublishedPort> at;
    Protocol protocol;
  };
  std::vector<Line> lines;
  for (const std::string& text : exposed) {
    const auto range = read_exposed(text);
    if (!range) continue;
    const bool is_published = std::ranges::any_of(published, [&](const PublishedPort& port) {
      return range->contains(port.container_port, port.protocol);
    });
    if (!is_published)
      lines.push_back({.port = range->first, .at = {}, .protocol = range->protocol});
  }
  for (const PublishedPort& port : published)
    lines.push_back({.port = port.container_port, .at = port, .protocol = port.protocol});
  const auto key = [](const Line& line) {
    return std::tuple(line.port, line.at ? line.at->host.text() : "",
                      line.at ? line.at->host_port : 0, network::protocol_text(line.protocol));
  };
  std::ranges::sort(lines, {}, key);
  Groups groups;
  std::vector<std::string> mapped;
  for (const Line& line : lines) {
    if (!line.at)
      groups.add({}, line.protocol, line.port);
    else if (line.at->host_port == line.port)
      groups.add(line.at->host, line.protocol, line.port);
    else
      mapped.push_back(address_and_port(line.at->host, line.at->host_port) + "->" +
                       port_and_protocol(line.port, line.protocol));
  }
  std::vector<std::string> out = groups.texts();
  out.insert(out.end(), mapped.begin(), mapped.end());
  return join(out, ", ");
}

std::string who_reaches(const Address& address) {
  if (address.is_loopback()) return "this machine only";
  if (address.is_any()) return "everybody who reaches this machine";
  return "everybody who reaches " + address.text();
}

bool natural_less(std::string_view left, std::string_view right) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  while (!left.empty() && !right.empty()) {
    if (!is_digit(left[0]) || !is_digit(right[0])) {
      if (left[0] != right[0]) return left[0] < right[0];
      left.remove_prefix(1);
      right.remove_prefix(1);
      continue;
    }
    const auto number = [&](std::string_view& text) {
      const auto end = std::ranges::find_if_not(text, is_digit);
      std::string_view digits(text.begin(), end);
      text.remove_prefix(digits.size());
      digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
      return digits;
    };
    const std::string_view a = number(left);
    const std::string_view b = number(right);
    if (a.size() != b.size()) return a.size() < b.size();
    if (a != b) return a < b;
  }
  return left.size() < right.size();
}

}  // namespace tare::cli
