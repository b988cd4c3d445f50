// SPDX-License-Identifier: Apache-2.0
// From the options of network create to what the engine wants.
#include "base/text.h"
#include "front/cli/network_options.h"
#include "front/cli/network_view.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

using engine::CreateNetworkRequest;
using network::Address;
using network::Subnet;

Result<> check_driver(const std::string& driver) {
  if (driver == "bridge" || driver == "macvlan") return {};
  const std::string what = "--driver " + quoted(driver);
  if (driver == "host" || driver == "null" || driver == "none")
    return std::unexpected(
        Error(Kind::Invalid, what + ": this is a mode of a container and no network to make")
            .hint("tare run --network " + std::string(driver == "host" ? "host" : "none")));
  if (driver == "ipvlan")
    return std::unexpected(
        Error(Kind::Unsupported, what + " is not there").hint("macvlan does nearly the same"));
  return std::unexpected(
      Error(
          Kind::Unsupported,
          what + (driver == "overlay" ? ": Tare runs on one machine and has no networks of a swarm"
                                      : ": there are no plugins"))
          .hint("bridge and macvlan are the drivers there are"));
}

// "A,B" and several options are the same.
std::vector<std::string> separated(const Arguments& arguments, std::string_view option) {
  std::vector<std::string> out;
  for (const std::string& text : arguments.list(option))
    for (const std::string& part : split(text, ',')) out.emplace_back(trim(part));
  return out;
}

std::unexpected<Error> no_subnet(std::string_view option, const std::string& text) {
  return std::unexpected(Error(Kind::Invalid, quoted(text) + " for --" + std::string(option) +
                                                  ": it is in no --subnet")
                             .hint("name the subnet, too: --subnet 10.7.0.0/24"));
}

std::unexpected<Error> second_one(std::string_view option, const std::string& text) {
  return std::unexpected(Error(Kind::Invalid, quoted(text) + " for --" + std::string(option) +
                                                  ": its subnet has one already")
                             .hint("a subnet has one range and one gateway"));
}

// What is known of each subnet, by the subnet that it is in. [observed: docker network create]
class Pools {
 public:
  Result<> read(const Arguments& arguments) {
    for (const std::string& text : separated(arguments, "subnet")) TRY(add_subnet(text));
    for (const std::string& text : separated(arguments, "ip-range")) {
      const auto range = Subnet::parse(text);
      if (!range) return bad_value("ip-range", text, range.error().message());
      auto* pool = pool_of(range->base, range->prefix);
      if (pool == nullptr) return no_subnet("ip-range", text);
      if (!pool->range.empty()) return second_one("ip-range", text);
      pool->range = text;
    }
    for (const std::string& text : separated(arguments, "gateway")) {
      const auto address = Address::parse(text);
      if (!address) return bad_value("gateway", text, address.error().message());
      auto* pool = pool_of(*address, address->bits());
      if (pool == nullptr) return no_subnet("gateway", text);
      if (!pool->gateway.empty()) return second_one("gateway", text);
      pool->gateway = text;
    }
    return read_taken(arguments);
  }
  std::vector<CreateNetworkRequest::Pool> take() { return std::move(pools_); }

 private:
  Result<> add_subnet(const std::string& text) {
    const auto subnet = Subnet::parse(text);
    if (!subnet) return bad_value("subnet", text, subnet.error().message());
    for (const Subnet& other : subnets_)
      if (subnet->overlaps(other))
        return std::unexpected(
            Error(Kind::Invalid, quoted(text) + " for --subnet overlaps " + quoted(other.text()))
                .hint("a network has at most one subnet of IPv4 and one of IPv6"));
    subnets_.push_back(*subnet);
    pools_.push_back({.subnet = text, .range = {}, .gateway = {}, .taken = {}});
    return {};
  }

  Result<> read_taken(const Arguments& arguments) {
    for (const std::string& text : arguments.list("aux-address")) {
      const auto pair = split_once(text, '=');
      const auto address =
          pair ? Address::parse(pair->second) : Result<Address>(fail(Kind::Invalid, ""));
      if (!address || pair->first.empty())
        return bad_value("aux-address", text, "write NAME=ADDRESS, as router=10.7.0.2");
      auto* pool = pool_of(*address, address->bits());
      if (pool == nullptr) return no_subnet("aux-address", text);
      pool->taken[std::string(pair->first)] = address->text();
    }
    return {};
  }

  // Of the subnet that all of BASE/PREFIX is in.
  CreateNetworkRequest::Pool* pool_of(const Address& base, int prefix) {
    for (std::size_t i = 0; i < subnets_.size(); ++i)
      if (subnets_[i].contains(base) && subnets_[i].prefix <= prefix) return &pools_[i];
    return nullptr;
  }

  std::vector<Subnet> subnets_;
  std::vector<CreateNetworkRequest::Pool> pools_;
};

}  // namespace

Result<CreateNetworkRequest> create_network_request(const Arguments& arguments) {
  CreateNetworkRequest request;
  request.name = arguments.operands[0];
  if (is_network_mode(request.name))
    return std::unexpected(
        Error(Kind::Exists, "the network " + quoted(request.name) + " is always there")
            .hint("choose another name"));
  request.driver = arguments.value_or("driver", "bridge");
  TRY(check_driver(request.driver));
  Pools pools;
  TRY(pools.read(arguments));
  request.pools = pools.take();
  request.v4 = arguments.flag("ipv4");
  request.v6 = arguments.flag("ipv6");
  if (!request.v4 && !request.v6)
    return std::unexpected(
        Error(Kind::Invalid, "without --ipv4 and --ipv6 the network would have no addresses")
            .hint("leave one of them on; a container without a network has --network none"));
  request.internal = arguments.flag("internal");
  request.options = TRY(pairs_of(arguments, "opt"));
  request.labels = TRY(pairs_of(arguments, "label"));
  return request;
}

}  // namespace tare::cli
