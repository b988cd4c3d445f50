// SPDX-License-Identifier: Apache-2.0
#include "network/service_egress.h"

#include <fcntl.h>
#include <netinet/in.h>

#include <algorithm>

#include "network/firewall.h"
#include "network/service_log.h"
#include "sys/files.h"

namespace tare::network {
namespace {

// Who has an answer connects to it a little later, and may keep it longer than it says. The longest
// is what resolvers keep themselves, so nobody is told more. [RFC 8767, 5; unbound, cache-max-ttl]
constexpr std::uint32_t kShortest = 60;  // Seconds.
constexpr std::uint32_t kLongest = 86400;
// More than is needed, so that not each of many answers is a change of the rules.
constexpr std::uint32_t kSlack = 30;
constexpr std::size_t kMostOpen = 2048;  // Addresses and ports of one container.
constexpr std::chrono::seconds kPollTime(1);
constexpr std::size_t kMostBytes = 1 << 20;  // Of a ledger.

constexpr const char* kNotListed = "not on the list";
constexpr const char* kAll = "everything is allowed";

bool has_subnet(const EgressItem& item, const EgressSeen& seen) {
  if (!item.subnet || !item.subnet->contains(seen.target)) return false;
  return item.port.is_all() ||
         (item.port.port == seen.port &&
          (item.port.protocol == Protocol::Udp ? IPPROTO_UDP : IPPROTO_TCP) == seen.protocol);
}

}  // namespace

std::string egress_target_text(const Address& target, int protocol, std::uint16_t port) {
  const std::string address = target.text();
  if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6) return address + "/icmp";
  if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
    return address + "/protocol-" + std::to_string(protocol);
  return (target.is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port) +
         (protocol == IPPROTO_TCP ? "/tcp" : "/udp");
}

ServiceEgress::ServiceEgress(Loop& loop, ServiceParts& parts, std::string store)
    : loop_(loop), parts_(parts), store_(std::move(store)) {
  parts_.heal_first([this]() -> Result<> {
    if (clients_.empty()) return {};
    if (!filter_) filter_.emplace(TRY(EgressFilter::open()));
    return heal(*filter_);
  });
}

ServiceEgress::~ServiceEgress() {
  parts_.heal_first(nullptr);
  loop_.cancel(polling_);
}

Result<> ServiceEgress::at_home(const std::function<Result<>(EgressFilter&)>& work) {
  auto done = parts_.at_home({}, [&]() -> Result<> {
    if (!filter_) filter_.emplace(TRY(EgressFilter::open()));
    return work(*filter_);
  });
  // It may be that of where we were before it was known where the bridges are.
  if (!done && done.error().kind() == Kind::Denied) filter_.reset();
  return done;
}

// Those that are not limited any more, whoever made the tables again. What was open stays so for as
// long as it would have.
Result<> ServiceEgress::heal(EgressFilter& filter) {
  TRY(filter.ensure());
  std::vector<std::pair<Client*, const EgressPlace*>> lost;
  for (auto& [container, client] : clients_)
    for (const EgressPlace& place : client.places)
      if (!TRY(filter.holds(place, client.egress))) lost.emplace_back(&client, &place);
  for (const auto& [client, place] : lost) TRY(filter.assign(*place, client->egress));
  for (const auto& [client, place] : lost)
    TRY(filter.open_addresses(*place, openings_left(*client)));
  for (const auto& [client, place] : lost) TRY(forget_begun(*client, *place));
  return {};
}

// While there were no rules connections may have begun that would go on now.
Result<> ServiceEgress::forget_begun(const Client& client, const EgressPlace& place) {
  if (client.egress.mode != Egress::Mode::Listed) return {};
  std::vector<Address> sources;
  for (const auto& address : {place.v4, place.v6})
    if (address) sources.push_back(*address);
  return forget_flows_from(sources, [&](const Flow& flow) {
    const EgressSeen seen{.target = flow.target, .protocol = flow.protocol, .port = flow.port};
    return !allowing(client, seen).empty();
  });
}

std::vector<EgressOpening> ServiceEgress::openings_left(const Client& client) const {
  std::vector<EgressOpening> openings;
  for (const auto& [target, open] : client.open) {
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(open.until - loop_.now());
    if (left.count() > 0)
      openings.push_back({.address = target.first,
                          .port = target.second,
                          .seconds = static_cast<std::uint32_t>(left.count())});
  }
  return openings;
}

void ServiceEgress::on_records(const std::vector<Network>& networks,
                               const std::vector<Endpoint>& endpoints) {
  subnets_.clear();
  std::map<std::string, const Network*> by_id;
  for (const Network& network : networks) {
    by_id[network.id] = &network;
    for (const Pool& pool : network.pools) subnets_.push_back(pool.subnet);
  }
  struct Wanted {
    std::vector<std::string> texts;
    std::vector<EgressPlace> places;
  };
  std::map<std::string, Wanted> wanted;
  for (const Endpoint& endpoint : endpoints) {
    const auto network = by_id.find(endpoint.network);
    if (endpoint.egress.empty() || network == by_id.end()) continue;
    Wanted& one = wanted[endpoint.container];
    one.texts = endpoint.egress;
    one.places.push_back(egress_place(*network->second, endpoint));
  }
  bool is_less = false;
  for (const auto& [container, client] : clients_)
    is_less = is_less || !wanted.contains(container) ||
              wanted[container].places.size() < client.places.size();
  if (is_less) poll();
  std::erase_if(clients_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  for (auto& [container, one] : wanted) {
    Client& client = clients_[container];
    client.places = std::move(one.places);
    if (client.texts == one.texts) continue;
    const bool is_changed = !client.texts.empty();
    client.texts = std::move(one.texts);
    // What cannot be read lets nothing through.
    auto egress = Egress::parse(client.texts);
    client.egress = egress ? *std::move(egress) : Egress{.mode = Egress::Mode::Listed, .items = {}};
    if (!is_changed) continue;
    if (auto limited = limit_again(client); !limited)
      log(std::move(limited).error().wrap("limit container " + container.substr(0, 12) + " anew"));
  }
  const bool is_first = !is_begun_ && !endpoints.empty();
  is_begun_ = is_begun_ || is_first;
  if (is_first || is_less)
    if (auto swept = sweep(); !swept)
      log(std::move(swept).error().wrap("look for what containers might reach that ended"));
  poll_later();
}

// An answer may have been let through by the old list after the new one was made.
Result<> ServiceEgress::limit_again(Client& client) {
  client.open.clear();
  client.known.clear();
  return at_home([&](EgressFilter& filter) -> Result<> {
    for (const EgressPlace& place : client.places) TRY(filter.assign(place, client.egress));
    return {};
  });
}

Result<> ServiceEgress::sweep() {
  return at_home([this](EgressFilter& filter) -> Result<> {
    if (!clients_.empty()) TRY(heal(filter));
    return filter.sweep([this]() -> Result<EgressFilter::Holders> {
      const sys::Fd store = TRY(sys::open_path(store_, O_RDONLY | O_DIRECTORY));
      return egress_holders(store.get());
    });
  });
}

bool ServiceEgress::may_ask(const std::string& container, const std::string& name) {
  const auto found = clients_.find(container);
  if (found == clients_.end()) return true;
  Client& client = found->second;
  LedgerRow row{.kind = LedgerRow::Kind::Name, .what = name, .is_allowed = true};
  if (client.egress.mode == Egress::Mode::Noted) {
    row.reason = kAll;
  } else {
    const std::string item = client.egress.item_of(name);
    row.is_allowed = !item.empty();
    row.reason = row.is_allowed ? "listed as " + item : kNotListed;
  }
  const bool is_allowed = row.is_allowed;
  note(container, client, std::move(row));
  return is_allowed;
}

bool ServiceEgress::may_open(const Address& address) const {
  return may_be_named(address) && std::ranges::none_of(subnets_, [&](const Subnet& subnet) {
           return subnet.contains(address);
         });
}

bool ServiceEgress::may_answer(const std::string& container, const std::string& name,
                               std::string_view answer) {
  const auto found = clients_.find(container);
  if (found == clients_.end()) return true;
  Client& client = found->second;
  std::vector<dns::AnsweredAddress> addresses = dns::answered_addresses(answer);
  if (addresses.empty()) return true;
  if (!learn(container, client, name, addresses)) return false;
  if (client.egress.mode != Egress::Mode::Listed) return true;
  std::erase_if(addresses, [&](const auto& each) { return !may_open(each.address); });
  if (auto opened = open(client, name, addresses); !opened) {
    log(std::move(opened).error().wrap("open " + quoted(name) + " to container " +
                                       container.substr(0, 12)));
    return false;
  }
  return true;
}

// False when there is no room for more.
bool ServiceEgress::learn(const std::string& container, Client& client, const std::string& name,
                          const std::vector<dns::AnsweredAddress>& addresses) {
  const bool is_listed = client.egress.mode == Egress::Mode::Listed;
  std::erase_if(client.open, [&](const auto& entry) { return entry.second.until <= loop_.now(); });
  if (client.known.size() + addresses.size() > kMostOpen)
    std::erase_if(client.known, [&](const auto& entry) {
      const auto open = client.open.lower_bound({entry.first, EgressPort()});
      return open == client.open.end() || open->first.first != entry.first;
    });
  if (client.known.size() + addresses.size() > kMostOpen ||
      client.open.size() + addresses.size() > kMostOpen) {
    note(container, client,
         {.what = name, .reason = "names have opened too many addresses already"});
    return false;
  }
  for (const dns::AnsweredAddress& each : addresses) {
    const bool is_open = !is_listed || may_open(each.address);
    client.known[each.address] = {.name = name, .is_open = is_open};
    if (is_open) continue;
    note(container, client,
         {.what = name,
          .reason = "leads to " + each.address.text() +
                    ", which names do not open: this machine or a network of it"});
  }
  return true;
}

Result<> ServiceEgress::open(Client& client, const std::string& name,
                             const std::vector<dns::AnsweredAddress>& addresses) {
  const std::vector<EgressPort> ports = client.egress.ports_of(name);
  std::vector<EgressOpening> openings;
  for (const dns::AnsweredAddress& each : addresses) {
    const std::uint32_t needed = std::clamp(each.ttl, kShortest, kLongest);
    for (const EgressPort& port : ports) {
      const auto known = client.open.find({each.address, port});
      if (known != client.open.end() &&
          known->second.until >= loop_.now() + std::chrono::seconds(needed))
        continue;
      openings.push_back({.address = each.address, .port = port, .seconds = needed + kSlack});
    }
  }
  if (openings.empty()) return {};
  const auto open_all = [&](EgressFilter& filter) -> Result<> {
    for (const EgressPlace& place : client.places) TRY(filter.open_addresses(place, openings));
    return {};
  };
  TRY(at_home(open_all));
  for (const EgressOpening& opening : openings)
    client.open[{opening.address, opening.port}] = {
        .until = loop_.now() + std::chrono::seconds(opening.seconds), .name = name};
  return {};
}

void ServiceEgress::note(const std::string& container, Client& client, LedgerRow row) {
  if (!client.ledger) {
    client.ledger.emplace();
    const auto text = sys::load_file(AT_FDCWD, store_ + "/" + ledger_path(container), kMostBytes);
    if (text)
      if (auto ledger = Ledger::parse(*text)) client.ledger = *std::move(ledger);
  }
  row.first = row.last = now_ns();
  row.count = std::max<std::uint64_t>(row.count, 1);
  client.ledger->note(std::move(row));
  client.is_written = false;
}

void ServiceEgress::note_seen(const EgressSeen& seen) {
  const auto is_its = [&](const auto& entry) {
    return std::ranges::any_of(entry.second.places, [&](const EgressPlace& place) {
      return place.bridge == seen.bridge && (place.v4 == seen.source || place.v6 == seen.source);
    });
  };
  const auto found = std::ranges::find_if(clients_, is_its);
  if (found == clients_.end()) return;
  auto& [container, client] = *found;
  note(container, client,
       {.kind = LedgerRow::Kind::Connection,
        .what = egress_target_text(seen.target, seen.protocol, seen.port),
        .is_allowed = seen.is_allowed,
        .reason = reason_of(client, seen),
        .count = seen.packets});
}

std::string ServiceEgress::allowing(const Client& client, const EgressSeen& seen) {
  for (const EgressItem& item : client.egress.items)
    if (has_subnet(item, seen)) return "listed as " + item.text();
  const Protocol protocol = seen.protocol == IPPROTO_UDP ? Protocol::Udp : Protocol::Tcp;
  for (const EgressPort& port : {EgressPort{.port = seen.port, .protocol = protocol}, EgressPort()})
    if (const auto open = client.open.find({seen.target, port}); open != client.open.end())
      return "as " + open->second.name;
  return "";
}

std::string ServiceEgress::reason_of(const Client& client, const EgressSeen& seen) {
  const auto known = client.known.find(seen.target);
  const bool is_known = known != client.known.end();
  if (!seen.is_allowed) {
    if (!is_known) return kNotListed;
    if (known->second.is_open) return "not a port of " + known->second.name + " on the list";
    return "an address that names do not open, as " + known->second.name;
  }
  if (client.egress.mode == Egress::Mode::Noted)
    return is_known ? "as " + known->second.name : kAll;
  const std::string reason = allowing(client, seen);
  return reason.empty() ? "as a name that was answered before" : reason;
}

void ServiceEgress::poll_later() {
  if (clients_.empty()) {
    loop_.cancel(polling_);
    polling_ = 0;
  } else if (polling_ == 0) {
    polling_ = loop_.after(kPollTime, [this] {
      polling_ = 0;
      poll();
      poll_later();
    });
  }
}

void ServiceEgress::poll() {
  std::vector<EgressPlace> places;
  for (const auto& [container, client] : clients_)
    places.insert(places.end(), client.places.begin(), client.places.end());
  std::vector<EgressSeen> all;
  auto taken = at_home([&](EgressFilter& filter) -> Result<> {
    all = TRY(filter.take_seen(places));
    return {};
  });
  if (!taken) log(std::move(taken).error().wrap("see what containers reach"));
  for (const EgressSeen& seen : all) note_seen(seen);
  write_ledgers();
}

void ServiceEgress::write_ledgers() {
  for (auto& [container, client] : clients_) {
    if (std::exchange(client.is_written, true) || !client.ledger) continue;
    const std::string path = store_ + "/" + ledger_path(container);
    const std::size_t slash = path.rfind('/');
    const auto directory = sys::open_path(path.substr(0, slash), O_RDONLY | O_DIRECTORY);
    if (!directory) continue;  // It was removed.
    auto written = sys::replace_file(directory->get(), path.substr(slash + 1),
                                     client.ledger->print(), sys::Durability::Lazy);
    if (!written && written.error().kind() != Kind::NotFound)
      log(std::move(written).error().wrap("write the ledger of container " +
                                          container.substr(0, 12)));
  }
}

}  // namespace tare::network
