// SPDX-License-Identifier: Apache-2.0
// The packet filter of our networks: one table of nftables, `inet tare`, whose rules never change.
// Which networks and published ports there are stands in its sets and maps, so the thousandth port
// costs a packet, and its start, what the first did. [docs/decisions/0019-networks.md]
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "network/nft.h"
#include "network/records.h"

namespace tare::network {

// What the rules have to know of a network with a bridge.
struct NetworkRules {
  std::string bridge;
  std::vector<Subnet> subnets;  // Of either family.
  bool internal = false;        // Nothing goes in or out, not even to the host.
  bool routed = false;          // What leaves keeps its source: others know the way back.
  bool isolated = false;        // Nothing from one container to another, but to published ports.
  bool operator==(const NetworkRules&) const = default;
};
// An option of networks: "false" is `routed`. [docker network create, "Bridge driver options"]
inline constexpr const char* kMasquerade = "com.docker.network.bridge.enable_ip_masquerade";
NetworkRules rules_of(const Network& network);

// Where published ports lead.
struct Publication {
  std::vector<PublishedPort> ports;
  std::optional<Address> v4;
  std::optional<Address> v6;
};
Publication publication_of(const Endpoint& endpoint);

// A published port as it stands in a map.
struct Mapping {
  PublishedPort port;
  Address target;
  bool operator==(const Mapping&) const = default;
};
// Of a publication those that the rules can serve: not of loopback addresses, and none whose
// family the container has no address of. The forwarder has both. [is_forwarded(), port_sockets.h]
std::vector<Mapping> mappings_of(const Publication& publication);

// For the network namespace that the calling thread was in at open(). PRIVILEGED (over it).
// Keep it if you can: after something was removed its end waits for the kernel to free it, 10 ms.
class Firewall {
 public:
  // Errors: Unsupported (no nf_tables in this kernel), Denied.
  static Result<Firewall> open();

  // Sees to it that the table is there, whole and of this version; only then is `nft` executed.
  // True when it was made: it is empty, restore() everything. Two that meet are fine.
  // Errors: Unsupported (no nft, or one that does not know what we ask).
  Result<bool> ensure();
  // Whether the table is there, whole and of this version.
  Result<bool> is_whole();
  // Another one for each table that is made; none when it is not there.
  Result<std::optional<std::uint64_t>> handle();

  // All below are one transaction each, and fail with NotFound when the table is not there.

  // That it is known as this, whatever it was before.
  Result<> add_network(const NetworkRules& rules);
  // Forgets all of it; fine when it is not there.
  Result<> remove_network(const std::string& bridge);
  // A port that leads elsewhere is taken over: who holds the host's socket owns it.
  Result<> publish(const Publication& publication);
  // Only what still leads to these addresses; the rest is fine.
  Result<> withdraw(const Publication& publication);

  // Whether what is forwarded neither from nor to a bridge of ours is dropped, IPv4 or IPv6.
  // Nothing is written when that is so already.
  Result<> guard(bool v6, bool is_on);

  struct Elements {
    std::vector<NetworkRules> networks;  // By name of the bridge.
    std::vector<Mapping> mappings;
  };
  Result<Elements> list();
  // Adds all that is missing (after ensure() made the table). Removes nothing: for that compare
  // list(), under the lock that starts hold.
  Result<> restore(const std::vector<NetworkRules>& networks,
                   const std::vector<Publication>& publications);

  // What other rules of this host stop that ours let through: a sentence each, with the command
  // that opens it. Nothing of them is changed by us. `bridges`: the names to be let through.
  Result<std::vector<std::string>> obstacles(const std::vector<std::string>& bridges);

 private:
  explicit Firewall(nft::Table table) : table_(std::move(table)) {}
  Result<> change_network(const std::string& bridge, const NetworkRules* wanted);
  Result<> take_over(const std::vector<Mapping>& mappings);

  nft::Table table_;
};

// A client of UDP that goes on sending keeps its flow alive, and with it where that once led: to
// the host itself, or to a container that is gone. Such flows to these ports are forgotten, so that
// their next datagram asks the rules; to be called after publish(). Not in a start: the kernel
// looks through its whole table of connections, which takes 10 to 30 ms. Nothing without ports of
// UDP. In the current network namespace. PRIVILEGED. Errors: Unsupported, Denied.
Result<> forget_stale_flows(const Publication& publication);

// A connection as it was begun.
struct Flow {
  Address source;
  Address target;
  std::uint8_t protocol = 0;  // IPPROTO_*
  std::uint16_t port = 0;     // The target's.
};
// Connections that these addresses have begun and of which `may_stay` says no are known no more, so
// that the rules are asked about their next packet. In the current network namespace. PRIVILEGED.
// Not in a start, as above. Errors: Unsupported, Denied.
Result<> forget_flows_from(const std::vector<Address>& sources,
                           const std::function<bool(const Flow&)>& may_stay);

// Tells when somebody removes our table or rules of it ("nft flush ruleset").
class FirewallWatch {
 public:
  // For the network namespace that the calling thread is in. Errors: as Firewall::open().
  static Result<FirewallWatch> open();
  // Readable when something was said of any table. Borrowed.
  int fd() const { return socket_.get(); }
  // Reads all that was said. True: something was removed of some table, be it ours or not.
  Result<bool> heard_removal();
  // The same; true: our table is not whole any more, or is another than it was at the last look, so
  // ensure() and restore() it.
  Result<bool> table_is_gone();

 private:
  FirewallWatch(sys::Fd socket, Firewall firewall, std::optional<std::uint64_t> handle)
      : socket_(std::move(socket)), firewall_(std::move(firewall)), handle_(handle) {}
  sys::Fd socket_;
  Firewall firewall_;
  std::optional<std::uint64_t> handle_;  // Of the table, when it was looked at last.
};

// PRIVILEGED (over the current network namespace, a container's). Who asks 127.0.0.11 at port 53
// asks `udp_port` and `tcp_port` there, by rules without connection tracking; port 53 of all other
// addresses, and sockets bound to all addresses, are not affected. What a call before made is
// replaced. In process, one transaction. Errors: Unsupported (no nf_tables, or not all of it).
Result<> redirect_resolver(std::uint16_t udp_port, std::uint16_t tcp_port);

}  // namespace tare::network
