// SPDX-License-Identifier: Apache-2.0
#include "network/egress.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"

namespace tare::network {
namespace {

constexpr std::size_t kMostItems = 1000;   // Elements of one transaction, and of a record.
constexpr std::size_t kLongestName = 253;  // [RFC 1035, 2.3.4]
constexpr std::size_t kLongestLabel = 63;  // [RFC 1035, 2.3.4]

std::unexpected<Error> wrong(std::string_view word, std::string_view why) {
  return std::unexpected(
      Error(Kind::Invalid, quoted(word) + " for --egress: " + std::string(why))
          .hint("write deny, allow, or NAME[:PORT[/udp]] with commas between them, as "
                "*.debian.org:443,10.1.0.0/16"));
}

// Takes "/tcp" or "/udp" off; a subnet has digits there.
std::optional<Protocol> take_protocol(std::string_view& text) {
  for (const auto& [word, protocol] :
       {std::pair{"/tcp", Protocol::Tcp}, std::pair{"/udp", Protocol::Udp}}) {
    if (!lower(text).ends_with(word)) continue;
    text.remove_suffix(4);
    return protocol;
  }
  return std::nullopt;
}

std::optional<Subnet> read_subnet(std::string_view text) {
  if (const auto address = Address::parse(text)) return Subnet::of(*address, address->bits());
  const auto subnet = Subnet::parse(text);
  return subnet ? std::optional(*subnet) : std::nullopt;
}

struct Parts {
  std::string_view host;
  std::optional<std::string_view> port;
};
// "HOST:PORT", "[HOST]:PORT", and addresses of IPv6, whose colons are no port's.
std::optional<Parts> take_apart(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return std::nullopt;
    Parts parts{.host = text.substr(1, end - 1), .port = std::nullopt};
    const std::string_view rest = text.substr(end + 1);
    if (rest.empty()) return parts;
    if (!rest.starts_with(':')) return std::nullopt;
    parts.port = rest.substr(1);
    return parts;
  }
  const std::size_t colon = text.find(':');
  if (colon == text.npos || text.find(':', colon + 1) != text.npos) return Parts{text, {}};
  return Parts{text.substr(0, colon), text.substr(colon + 1)};
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLongestLabel && std::ranges::all_of(label, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  });
}

Result<std::string> read_name(std::string_view word, std::string_view host) {
  std::string name = lower(host);
  if (name.ends_with('.')) name.pop_back();
  if (name.size() > kLongestName) return wrong(word, "the name is too long");
  std::string_view rest = name;
  if (rest.starts_with("*.")) rest.remove_prefix(2);
  if (rest.contains('*'))
    return wrong(word, "a wild card stands for whole names in front, as *.debian.org");
  const std::vector<std::string> labels = split(rest, '.');
  if (std::ranges::any_of(host, [](char c) { return static_cast<unsigned char>(c) > 127; }))
    return wrong(word, "write the name as name servers know it, as xn--bcher-kva.example");
  if (!std::ranges::all_of(labels, is_label)) return wrong(word, "this is no name or address");
  // No such domain exists at the top: it is an address that was mistyped.
  if (std::ranges::all_of(labels.back(), [](char c) { return c >= '0' && c <= '9'; }))
    return wrong(word, "this is no address");
  return name;
}

Result<EgressItem> read_item(std::string_view word) {
  std::string_view rest = word;
  EgressItem item;
  const auto protocol = take_protocol(rest);
  std::optional<std::string_view> port;
  item.subnet = read_subnet(rest);
  if (!item.subnet) {
    const auto parts = take_apart(rest);
    if (!parts) return wrong(word, "the brackets of an IPv6 address do not fit");
    port = parts->port;
    item.subnet = read_subnet(parts->host);
    if (!item.subnet && parts->host.contains('/'))
      return wrong(word, "this is no subnet; its address has no bit behind the prefix");
    if (!item.subnet) item.name = TRY(read_name(word, parts->host));
  }
  if (protocol && !port) return wrong(word, "a protocol goes with a port, as 53/udp");
  if (!port) return item;
  const auto number = parse_u64(*port);
  if (!number || *number == 0 || *number > 65535) return wrong(word, "this is no port");
  item.port = {.port = static_cast<std::uint16_t>(*number),
               .protocol = protocol.value_or(Protocol::Tcp)};
  return item;
}

bool has_name(const EgressItem& item, std::string_view name) {
  if (item.name.empty()) return false;
  if (!item.name.starts_with("*.")) return item.name == name;
  const std::string_view below = std::string_view(item.name).substr(1);
  return name.size() > below.size() && name.ends_with(below);
}

// A dot or backslash inside of a label: no name on a list has one, and what looks like the end of
// another name would be something else.
bool is_odd(std::string_view name) { return name.contains('\\'); }

bool is_in(const Address& address, const char* subnet) {
  const auto parsed = Subnet::parse(subnet);
  return parsed && parsed->contains(address);
}

}  // namespace

std::string EgressItem::text() const {
  std::string host = name;
  if (subnet) {
    const bool is_one = subnet->prefix == subnet->base.bits();
    host = is_one ? subnet->base.text() : subnet->text();
    if (!port.is_all() && subnet->base.is_v6) host = "[" + host + "]";
  }
  if (port.is_all()) return host;
  return host + ":" + std::to_string(port.port) + (port.protocol == Protocol::Udp ? "/udp" : "");
}

Result<Egress> Egress::parse(const std::vector<std::string>& texts) {
  Egress egress;
  std::size_t words = 0;
  bool is_alone = false;
  for (const std::string& text : texts)
    for (const std::string& part : split(text, ',')) {
      const std::string_view word = trim(part);
      if (is_alone || (++words > 1 && (word == "deny" || word == "allow")))
        return wrong(text, "deny and allow stand alone");
      egress.mode = word == "allow" ? Mode::Noted : Mode::Listed;
      is_alone = word == "deny" || word == "allow";
      if (is_alone) continue;
      if (word.empty()) return wrong(text, "a word is missing");
      EgressItem item = TRY(read_item(word));
      if (std::ranges::find(egress.items, item) == egress.items.end())
        egress.items.push_back(std::move(item));
      if (egress.items.size() > kMostItems)
        return fail(Kind::Invalid,
                    "--egress has more than " + std::to_string(kMostItems) + " items");
    }
  return egress;
}

std::vector<std::string> Egress::texts() const {
  if (mode == Mode::Free) return {};
  if (mode == Mode::Noted) return {"allow"};
  if (items.empty()) return {"deny"};
  std::vector<std::string> texts;
  texts.reserve(items.size());
  for (const EgressItem& item : items) texts.push_back(item.text());
  return texts;
}

std::vector<EgressPort> Egress::ports_of(std::string_view name) const {
  std::vector<EgressPort> ports;
  if (is_odd(name)) return ports;
  for (const EgressItem& item : items)
    if (has_name(item, name) && std::ranges::find(ports, item.port) == ports.end())
      ports.push_back(item.port);
  const bool has_all = std::ranges::any_of(ports, &EgressPort::is_all);
  if (has_all) return {EgressPort()};
  return ports;
}

std::string Egress::item_of(std::string_view name) const {
  if (is_odd(name)) return "";
  const auto found =
      std::ranges::find_if(items, [&](const EgressItem& item) { return has_name(item, name); });
  return found == items.end() ? "" : found->text();
}

bool may_be_named(const Address& address) {
  if (!address.is_v6)
    return std::ranges::none_of(
        std::array{"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"},
        [&](const char* subnet) { return is_in(address, subnet); });
  // Of IPv4 in the last bytes (mapped, translated) or behind the first two (6to4).
  const std::string_view raw = address.raw();
  if (is_in(address, "64:ff9b::/96")) return may_be_named(Address::of_bytes(raw.substr(12)));
  if (is_in(address, "2002::/16")) return may_be_named(Address::of_bytes(raw.substr(2, 4)));
  return std::ranges::none_of(
      std::array{"::/96", "::ffff:0:0/96", "fe80::/10", "fec0::/10", "ff00::/8"},
      [&](const char* subnet) { return is_in(address, subnet); });
}

}  // namespace tare::network
