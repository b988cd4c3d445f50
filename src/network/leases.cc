// SPDX-License-Identifier: Apache-2.0
#include "network/leases.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <set>

#include "sys/files.h"

namespace tare::network {
namespace {

std::string leases_path(const std::string& network) { return network_path(network) + "/leases"; }

// Subnets of one size behind each other.
struct Candidates {
  const char* first;
  int prefix;
  unsigned count;
};
// Docker's, in its order, and then small ones that it never takes. [moby
// daemon/libnetwork/ipamutils]
constexpr Candidates kCandidates[] = {
    {"172.17.0.0", 16, 15}, {"192.168.0.0", 20, 16}, {"10.201.0.0", 24, 1024}};

std::string holder_of(int store, const std::string& link) {
  std::string holder(64, '\0');
  const ssize_t size = ::readlinkat(store, link.c_str(), holder.data(), holder.size());
  holder.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return holder;
}

// Whether it is the container's now.
Result<bool> claim(int store, const std::string& network, const Address& address,
                   const std::string& container) {
  const std::string link = leases_path(network) + "/" + address.text();
  if (::symlinkat(container.c_str(), store, link.c_str()) == 0) return true;
  if (errno == EEXIST) return holder_of(store, link) == container;
  return fail_errno("give out the address " + address.text());
}

Result<> make_directory(int store, const std::string& path) {
  if (::mkdirat(store, path.c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno("make the directory " + quoted(path));
  return {};
}

Error exhausted(const Network& network, const Subnet& from) {
  return Error(Kind::Unavailable,
               "no address is free in " + from.text() + " of network " + quoted(network.name))
      .hint("remove containers from it, or make a network with a larger --subnet");
}

}  // namespace

Result<Subnet> choose_subnet(const std::vector<Subnet>& taken) {
  for (const Candidates& candidates : kCandidates) {
    Address base = TRY(Address::parse(candidates.first));
    for (unsigned i = 0; i < candidates.count; ++i) {
      const Subnet subnet{.base = base, .prefix = candidates.prefix};
      const auto overlaps = [&](const Subnet& other) { return other.overlaps(subnet); };
      if (std::ranges::none_of(taken, overlaps)) return subnet;
      base = base.plus(subnet.size());
    }
  }
  return std::unexpected(
      Error(Kind::Unavailable,
            "all subnets that networks are made from are taken by networks and routes of this "
            "machine")
          .hint(
              "remove networks that nobody uses (tare network prune), or name one with --subnet"));
}

Subnet local_subnet(const std::string& network) {
  Address base{.is_v6 = true};
  base.bytes[0] = 0xfd;
  // The id is random, as RFC 4193 wants these bits.
  for (std::size_t i = 1; i < 8 && 2 * i < network.size(); ++i)
    base.bytes[i] = static_cast<std::uint8_t>(
        std::strtoul(network.substr(2 * (i - 1), 2).c_str(), nullptr, 16));
  return {.base = base, .prefix = 64};
}

Result<> check_assignable(const Pool& pool, const Address& address) {
  const auto refuse = [&](const std::string& why) {
    return fail(Kind::Invalid,
                "the address " + address.text() + " cannot be a container's: " + why);
  };
  if (!pool.subnet.contains(address))
    return refuse("it is not in the subnet " + pool.subnet.text());
  if (address == pool.gateway) return refuse("it is the gateway's");
  if (pool.subnet.size() > 2 && address == pool.subnet.first())
    return refuse("it is the subnet's own");
  if (!address.is_v6 && pool.subnet.size() > 2 && address == pool.subnet.last())
    return refuse("it is the broadcast address");
  for (const auto& [name, other] : pool.taken)
    if (other == address) return refuse("--aux-address has it for " + quoted(name));
  return {};
}

Mac mac_of(const Address& v4) {
  return {0x02, 0x42, v4.bytes[0], v4.bytes[1], v4.bytes[2], v4.bytes[3]};
}

Result<Address> take_address(int store, const Network& network, const Pool& pool,
                             const std::string& container, const std::optional<Address>& wanted) {
  TRY(make_directory(store, leases_path(network.id)));
  if (wanted) {
    TRY(check_assignable(pool, *wanted));
    if (TRY(claim(store, network.id, *wanted, container))) return *wanted;
    const std::string holder = holder_of(store, leases_path(network.id) + "/" + wanted->text());
    return std::unexpected(Error(Kind::Exists, "the address " + wanted->text() + " of network " +
                                                   quoted(network.name) + " is container " +
                                                   holder.substr(0, 12) + "'s")
                               .hint("stop that container, or take another address"));
  }
  const auto names = TRY(sys::list_directory(store, leases_path(network.id)));
  const std::set<std::string> taken(names.begin(), names.end());
  const Subnet from = pool.range.value_or(pool.subnet);
  const std::uint64_t size = from.size();
  // Of a subnet of IPv6 nobody gets to the end. Each that another start was faster with is one
  // more.
  std::uint64_t tries = taken.size() + pool.taken.size() + 8;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(size, tries); ++i) {
    const Address address = from.base.plus(i);
    if (taken.contains(address.text()) || !check_assignable(pool, address)) continue;
    if (TRY(claim(store, network.id, address, container))) return address;
    ++tries;
  }
  return std::unexpected(exhausted(network, from));
}

void release_addresses(int store, const std::string& network, const std::string& container) {
  const auto leases = load_leases(store, network);
  if (!leases) return;
  for (const Lease& lease : *leases)
    if (lease.container == container)
      ::unlinkat(store, (leases_path(network) + "/" + lease.address).c_str(), 0);
}

Result<std::vector<Lease>> load_leases(int store, const std::string& network) {
  std::vector<Lease> leases;
  auto names = sys::list_directory(store, leases_path(network));
  if (!names && names.error().kind() == Kind::NotFound) return leases;
  for (const std::string& name : TRY(std::move(names)))
    leases.push_back(
        {.address = name, .container = holder_of(store, leases_path(network) + "/" + name)});
  return leases;
}

}  // namespace tare::network
