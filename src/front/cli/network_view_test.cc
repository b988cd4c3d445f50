// SPDX-License-Identifier: Apache-2.0
#include "front/cli/network_view.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::cli;

namespace {

using Strings = std::vector<std::string>;

engine::NetworkInfo info(const std::string& name, char digit) {
  engine::NetworkInfo out;
  out.network.id = std::string(64, digit);
  out.network.name = name;
  out.network.created = 1'500'000'000;
  out.network.labels = {{"team", "red"}, {"x", ""}};
  network::Pool pool;
  pool.subnet = *network::Subnet::parse("10.7.0.0/24");
  out.network.pools = {pool};
  return out;
}

Strings names(const Strings& filters) {
  NetworkView used = view_of(info("used", 'b'));
  used.in_use = true;
  NetworkView mode;
  mode.name = "none";
  mode.id = std::string(64, 'c');
  mode.driver = "null";
  mode.built_in = true;
  const auto parsed = parse_filters(filters, network_filters());
  REQUIRE(parsed);
  const auto left = filter_networks({view_of(info("free", 'a')), used, mode}, *parsed);
  REQUIRE(left);
  Strings out;
  for (const NetworkView& network : *left) out.push_back(network.name);
  return out;
}

}  // namespace

TEST_CASE("networks are filtered as Docker does") {
  CHECK(names({}) == Strings{"free", "used", "none"});
  CHECK(names({"driver=bridge"}) == Strings{"free", "used"});
  CHECK(names({"driver=bridge", "driver=null"}) == Strings{"free", "used", "none"});
  CHECK(names({"name=e"}) == Strings{"free", "used", "none"});
  CHECK(names({"name=^us"}) == Strings{"used"});
  CHECK(names({"id=aaaa"}) == Strings{"free"});
  CHECK(names({"type=builtin"}) == Strings{"none"});
  CHECK(names({"type=custom"}) == Strings{"free", "used"});
  CHECK(names({"dangling=true"}) == Strings{"free"});
  CHECK(names({"dangling=false"}) == Strings{"used", "none"});
  CHECK(names({"label=team=red", "label=x"}) == Strings{"free", "used"});
  CHECK(names({"label=team=red", "label=y"}).empty());
  CHECK(names({"label=team=blue"}).empty());
  CHECK(names({"scope=swarm"}).empty());
  CHECK_FALSE(filter_networks({view_of(info("a", 'a'))}, {{"type", "own"}}));
  CHECK_FALSE(filter_networks({view_of(info("a", 'a'))}, {{"dangling", "x"}}));
  CHECK_FALSE(filter_networks({view_of(info("a", 'a'))}, {{"name", "("}}));
}

TEST_CASE("the row of a network") {
  const Row row = network_row(view_of(info("web", 'a')), false);
  CHECK(row.fields["ID"].as_string() == "aaaaaaaaaaaa");
  CHECK(row.fields["CreatedAt"].as_string() == "1970-01-01 00:00:01.5 +0000 UTC");
  CHECK(row.fields["Labels"].as_string() == "team=red,x=");
  CHECK(row.fields["IPv4"].as_string() == "true");
  CHECK(row.fields["IPv6"].as_string() == "false");
  CHECK(network_row(view_of(info("web", 'a')), true).fields["ID"].as_string().size() == 64);
}

TEST_CASE("the names of a container's networks") {
  const std::vector<engine::NetworkInfo> known = {info("web", 'a'), info("db", 'b')};
  engine::Container container;
  CHECK(network_names(container, known) == Strings{"bridge"});
  engine::NetworkRequest by_name;
  by_name.network = "web";
  engine::NetworkRequest by_id;
  by_id.network = "bbbb";
  engine::NetworkRequest gone;
  gone.network = "gone";
  container.config.net.networks = {by_name, by_id, gone};
  CHECK(network_names(container, known) == Strings{"web", "db", "gone"});
  container.config.network = "host";
  CHECK(network_names(container, known) == Strings{"host"});
  container.config.network = "container:x";
  CHECK(network_names(container, known).empty());
}
