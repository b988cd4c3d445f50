// SPDX-License-Identifier: Apache-2.0
#include "sys/net_devices.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/text.h"
#include "base/undo.h"
#include "sys/netlink.h"

namespace tare::sys {
namespace {

// A namespace, and a socket that speaks for it.
struct Network {
  int fd = -1;
  netlink::Socket socket;
};

// One device on its way.
struct Traveller {
  NetDeviceMove move;  // The new name is final.
  int index = 0;
  bool is_up = false;
  std::vector<std::string> addresses;  // Bodies of RTM_NEWADDR.
};

struct Link {
  int index = 0;
  bool is_up = false;
};

Result<Link> find_link(netlink::Socket& socket, const std::string& name) {
  netlink::Request request(RTM_GETLINK, 0, ifinfomsg{});
  request.text(IFLA_IFNAME, name);
  const auto answers = TRY(socket.ask(request));
  if (answers.empty()) return fail(Kind::Internal, "netlink does not tell of " + quoted(name));
  const auto link = TRY(netlink::fixed_part<ifinfomsg>(answers.front()));
  return Link{.index = link.ifi_index, .is_up = (link.ifi_flags & IFF_UP) != 0};
}

// Also an alternative name is one that is taken, and found.
Result<bool> exists(netlink::Socket& socket, const std::string& name) {
  auto found = find_link(socket, name);
  if (found) return true;
  if (found.error().errnum() == ENODEV) return false;
  return std::unexpected(std::move(found).error());
}

// [linux include/uapi/linux/if_addr.h: IFA_FLAGS is the whole of ifa_flags]
std::uint32_t flags_of(const ifaddrmsg& address, const std::vector<netlink::Attribute>& all) {
  std::uint32_t flags = address.ifa_flags;
  const netlink::Attribute* const found = netlink::find(all, IFA_FLAGS);
  if (found != nullptr && found->value.size() == sizeof flags)
    found->value.copy(reinterpret_cast<char*>(&flags), sizeof flags);
  return flags;
}

// [runtime-spec 1.3 config-linux.md, "Network Devices": permanent ones of global scope]
Result<std::vector<std::string>> lasting_addresses(netlink::Socket& socket, int index) {
  std::vector<std::string> kept;
  for (std::string& body : TRY(socket.ask({RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}}))) {
    const auto address = TRY(netlink::fixed_part<ifaddrmsg>(body));
    if (address.ifa_index != static_cast<std::uint32_t>(index)) continue;
    const auto attributes = TRY(netlink::parse_attributes(body, sizeof address));
    const bool is_permanent = (flags_of(address, attributes) & IFA_F_PERMANENT) != 0;
    if (is_permanent && address.ifa_scope == RT_SCOPE_UNIVERSE) kept.push_back(std::move(body));
  }
  return kept;
}

// What may be said of a new address; the other flags are the kernel's findings.
std::uint32_t flags_to_set(std::uint32_t flags) {
  constexpr std::uint32_t kChosen = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR |
                                    IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;
  // It has been seen to be nobody else's on this link; it can be used at once.
  const bool is_proven = (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == 0;
  return (flags & kChosen) | (is_proven ? std::uint32_t{IFA_F_NODAD} : 0);
}

// "eth0:web" of eth0 is "net0:web" of net0.
std::string relabel(std::string_view label, const NetDeviceMove& move) {
  label = label.substr(0, label.find('\0'));
  if (!label.starts_with(move.name)) return move.new_name;
  std::string made = move.new_name + std::string(label.substr(move.name.size()));
  return made.size() < IFNAMSIZ ? made : move.new_name;
}

Result<> add_address(netlink::Socket& socket, const std::string& body, int index,
                     const NetDeviceMove& move) {
  auto address = TRY(netlink::fixed_part<ifaddrmsg>(body));
  const auto attributes = TRY(netlink::parse_attributes(body, sizeof address));
  const std::uint32_t flags = flags_to_set(flags_of(address, attributes));
  address.ifa_index = static_cast<std::uint32_t>(index);
  address.ifa_flags = static_cast<std::uint8_t>(flags);
  netlink::Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, address);
  for (const netlink::Attribute& attribute : attributes) {
    if (attribute.type == IFA_FLAGS || attribute.type == IFA_TARGET_NETNSID) continue;
    if (attribute.type == IFA_LABEL)
      request.text(IFA_LABEL, relabel(attribute.value, move));
    else
      request.bytes(attribute.type, attribute.value);
  }
  request.number(IFA_FLAGS, flags);
  TRY(socket.ask(request), "keep an address of it");
  return {};
}

Result<> set_up(netlink::Socket& socket, int index) {
  ifinfomsg link{};
  link.ifi_index = index;
  link.ifi_flags = link.ifi_change = IFF_UP;
  TRY(socket.ask({RTM_NEWLINK, 0, link}), "set it up");
  return {};
}

// The kernel takes its addresses from a device that leaves, and sets it down.
Result<> settle(const Traveller& device, Network& to, bool up) {
  const Link link = TRY(find_link(to.socket, device.move.new_name));
  for (const std::string& address : device.addresses)
    TRY(add_address(to.socket, address, link.index, device.move));
  return up ? set_up(to.socket, link.index) : Result<>{};
}

Result<> leave(const Traveller& device, Network& from, const Network& to) {
  ifinfomsg link{};
  link.ifi_index = device.index;
  netlink::Request request(RTM_NEWLINK, 0, link);
  request.number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(to.fd));
  request.text(IFLA_IFNAME, device.move.new_name);
  TRY(from.socket.ask(request), "move it");
  return {};
}

// As it was before, as far as that is possible: its routes are gone for good.
void bring_back(const Traveller& device, Network& from, Network& to) {
  Traveller home = device;
  std::swap(home.move.name, home.move.new_name);
  const auto link = find_link(to.socket, device.move.new_name);
  if (!link) return;
  home.index = link->index;
  if (leave(home, to, from)) (void)settle(home, from, device.is_up);
}

// The first of "net0", "net1"... for "net%d" that is not taken, neither there nor by `others`.
Result<std::string> choose_name(Network& to, const NetDeviceMove& move,
                                const std::vector<Traveller>& others) {
  const auto is_taken = [&](const std::string& name) -> Result<bool> {
    for (const Traveller& other : others)
      if (other.move.new_name == name) return true;
    return exists(to.socket, name);
  };
  const std::size_t mark = move.new_name.find("%d");
  if (mark == std::string::npos) {
    if (!TRY(is_taken(move.new_name))) return move.new_name;
    return std::unexpected(Error(Kind::Exists, "the container has a network device " +
                                                   quoted(move.new_name) + " already")
                               .hint("a name that ends in %d is completed with a free number"));
  }
  for (unsigned number = 0;; ++number) {
    std::string name = move.new_name;
    name.replace(mark, 2, std::to_string(number));
    if (name.size() >= IFNAMSIZ)
      return fail(Kind::Exists, "all names " + quoted(move.new_name) + " are taken");
    if (!TRY(is_taken(name))) return name;
  }
}

Result<Traveller> look_at(const NetDeviceMove& move, Network& from, Network& to,
                          const std::vector<Traveller>& others) {
  auto link = find_link(from.socket, move.name);
  if (!link && link.error().errnum() == ENODEV)
    return fail(Kind::NotFound, "there is no such network device in the namespace of the runtime");
  const Link found = TRY(std::move(link));
  std::string new_name = TRY(choose_name(to, move, others));
  auto addresses = TRY(lasting_addresses(from.socket, found.index));
  return Traveller{.move = {.name = move.name, .new_name = std::move(new_name)},
                   .index = found.index,
                   .is_up = found.is_up,
                   .addresses = std::move(addresses)};
}

// A socket of the other namespace. We have to be able to return: what that needs is tried first.
Result<netlink::Socket> open_socket_in(int network, int home) {
  if (::setns(home, CLONE_NEWNET) != 0)
    return fail_errno("the namespace of the runtime is not ours to take network devices from");
  if (::setns(network, CLONE_NEWNET) != 0)
    return fail_errno("enter the container's network namespace");
  auto socket = netlink::Socket::open();
  // In the wrong network nothing that we do from here on would be right.
  if (::setns(home, CLONE_NEWNET) != 0) std::abort();
  return socket;
}

}  // namespace

Result<bool> is_own_network(int network) {
  struct stat own{};
  struct stat other{};
  if (::stat("/proc/self/ns/net", &own) != 0) return fail_errno("look at our network namespace");
  if (::fstat(network, &other) != 0) return fail_errno("look at a network namespace");
  return own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

Result<> move_net_devices(const std::vector<NetDeviceMove>& moves, int network) {
  const Fd home = TRY(open_path("/proc/self/ns/net", O_RDONLY));
  netlink::Socket here = TRY(netlink::Socket::open());
  netlink::Socket there = TRY(open_socket_in(network, home.get()));
  Network from{.fd = home.get(), .socket = std::move(here)};
  Network to{.fd = network, .socket = std::move(there)};
  std::vector<Traveller> devices;
  for (const NetDeviceMove& move : moves)
    devices.push_back(TRY(look_at(move, from, to, devices), "network device " + quoted(move.name)));
  Undo undo;
  for (const Traveller& device : devices) {
    const std::string what = "network device " + quoted(device.move.name);
    TRY(leave(device, from, to), what);
    undo.push([&]() noexcept { bring_back(device, from, to); });
    TRY(settle(device, to, true), what);
  }
  undo.keep();
  return {};
}

}  // namespace tare::sys
