// SPDX-License-Identifier: Apache-2.0
// The lists of --egress, as the network service keeps them: which names may be asked for, which
// addresses their answers open, and the ledger. [docs/decisions/0020-egress.md]
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "network/dns_message.h"
#include "network/dns_server.h"
#include "network/egress.h"
#include "network/egress_filter.h"
#include "network/egress_ledger.h"
#include "network/loop.h"
#include "network/records.h"
#include "network/service_parts.h"

namespace tare::network {

// Not movable: the loop's callbacks lead to it.
class ServiceEgress : public dns::Gate {
 public:
  // `store`: its path.
  ServiceEgress(Loop& loop, ServiceParts& parts, std::string store);
  ServiceEgress(const ServiceEgress&) = delete;
  ServiceEgress& operator=(const ServiceEgress&) = delete;
  ~ServiceEgress() override;

  // All that there is, whenever any of it has changed. Of containers that are gone what the packet
  // filter has of them goes, and their ledgers are written for the last time.
  void on_records(const std::vector<Network>& networks, const std::vector<Endpoint>& endpoints);

  bool may_ask(const std::string& container, const std::string& name) override;
  bool may_answer(const std::string& container, const std::string& name,
                  std::string_view answer) override;

 private:
  using Time = Loop::Clock::time_point;
  using Target = std::pair<Address, EgressPort>;
  struct Open {
    Time until;  // At least.
    std::string name;
  };
  // What names have led to, for the reasons in the ledger.
  struct Known {
    std::string name;
    bool is_open = false;
  };
  struct Client {
    std::vector<std::string> texts;
    Egress egress;
    std::vector<EgressPlace> places;
    std::map<Target, Open> open;
    std::map<Address, Known> known;
    std::optional<Ledger> ledger;  // None: not read yet.
    bool is_written = true;
  };
  using Clients = std::map<std::string, Client>;  // By container.

  Result<> at_home(const std::function<Result<>(EgressFilter&)>& work);
  Result<> heal(EgressFilter& filter);
  std::vector<EgressOpening> openings_left(const Client& client) const;
  Result<> limit_again(Client& client);
  Result<> sweep();
  Result<> forget_begun(const Client& client, const EgressPlace& place);
  bool may_open(const Address& address) const;
  Result<> open(Client& client, const std::string& name,
                const std::vector<dns::AnsweredAddress>& addresses);
  // Why the list lets it through; "" when it does not.
  static std::string allowing(const Client& client, const EgressSeen& seen);
  static std::string reason_of(const Client& client, const EgressSeen& seen);
  bool learn(const std::string& container, Client& client, const std::string& name,
             const std::vector<dns::AnsweredAddress>& addresses);
  void note(const std::string& container, Client& client, LedgerRow row);
  void note_seen(const EgressSeen& seen);
  void poll();
  void poll_later();
  void write_ledgers();

  Loop& loop_;
  ServiceParts& parts_;
  std::string store_;
  std::vector<Subnet> subnets_;  // Of our networks.
  Clients clients_;
  std::optional<EgressFilter> filter_;  // Of where the bridges are.
  Loop::Timer polling_ = 0;
  bool is_begun_ = false;
};

// "192.0.2.1:443/tcp", "[2001:db8::1]:53/udp", "192.0.2.1/icmp"
std::string egress_target_text(const Address& target, int protocol, std::uint16_t port);

}  // namespace tare::network
