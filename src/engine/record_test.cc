// SPDX-License-Identifier: Apache-2.0
#include "engine/record.h"

#include <doctest/doctest.h>

#include "engine/made_up_names.h"
#include "engine/state.h"

using namespace tare;
using namespace tare::engine;

TEST_CASE("a container's record goes out and comes back") {
  Container container;
  container.id = std::string(64, 'a');
  container.name = "web";
  container.image_name = "busybox";
  container.image_id = Digest::parse("sha256:" + std::string(64, 'b')).value();
  container.argv = {"sh", "-c", "echo \"x\"\n"};
  container.ids.ranges = {{.inside = 0, .outside = 0x40000000, .count = 65536}};
  container.ids.group_ranges = {{.inside = 0, .outside = 5, .count = 1}};
  container.id_claim = {.first = 0x40000000, .count = 131072};
  container.config.userns = "auto:size=70000";
  container.config.devices = {{.source = "/dev/fuse", .target = "/dev/x", .permissions = "r"}};
  container.grants = {{"host-network", "--network host"}};
  container.created_at = 1'700'000'000'000'000'001;
  container.config.entrypoint = std::vector<std::string>{"sh"};
  container.config.env = {"A=b=c"};
  container.config.labels = {{"k", "v"}};
  container.config.stop_timeout_s = 3;
  container.config.resources.memory_bytes = 64 << 20;
  container.config.resources.cpus = 1.5;
  container.config.resources.pids_limit = 10;
  container.config.mounts = {{.source = "/src", .target = "/dst", .read_only = true}};
  container.config.mounts.push_back({.type = MountType::Volume,
                                     .volume = "data",
                                     .target = "/d",
                                     .anonymous = true,
                                     .no_copy = true,
                                     .subpath = "x/y"});
  container.config.volumes_from = {"db:ro"};
  container.config.image_volumes = {"/d"};
  container.config.ulimits = {{"nofile", "10:20"}};
  NetworkRequest network{.network = "back", .aliases = {"db"}, .mac = "02:00:00:00:00:01"};
  network.v4 = network::Address::parse("10.0.0.9").value();
  network.gateway_priority = 2;
  container.config.net.networks = {network};
  container.config.net.ports = {{.hosts = {network::Address::parse("::1").value()},
                                 .host_first = 8080,
                                 .host_last = 8081,
                                 .container_port = 80,
                                 .protocol = network::Protocol::Udp}};
  container.config.net.exposed = {"80/tcp"};
  container.config.net.publish_all = true;
  container.config.net.dns = {"9.9.9.9"};
  container.config.net.dns_search = {"a.example"};
  container.config.net.dns_options = {"ndots:2"};
  container.config.net.extra_hosts = {"x:host-gateway"};
  container.config.net.links = {"db:d"};
  container.config.net.egress = {"*.debian.org:443"};
  const std::string text = print_record(container);
  const Container back = parse_record(text).value();
  CHECK(print_record(back) == text);
  CHECK(back.ids == container.ids);
  CHECK(back.config.net == container.config.net);
  CHECK(back.id_claim == container.id_claim);
  CHECK(back.config.userns == "auto:size=70000");
  CHECK(back.config.devices.at(0).target == "/dev/x");
  CHECK(back.argv == container.argv);
  CHECK(back.config.resources.cpus == 1.5);
  CHECK(back.config.mounts.at(0).read_only);
  CHECK(back.config.mounts.at(1).type == MountType::Volume);
  CHECK(back.config.mounts.at(1).volume == "data");
  CHECK(back.config.mounts.at(1).anonymous);
  CHECK(back.config.mounts.at(1).no_copy);
  CHECK(back.config.mounts.at(1).subpath == "x/y");
  CHECK(back.config.volumes_from.at(0) == "db:ro");
  CHECK(*back.config.stop_timeout_s == 3);
}

TEST_CASE("a broken record is an error and not a container") {
  for (const char* bad : {"", "{}", "{\"id\":1}", "[]", "{\"id\":\"a\",\"name\":\"b\"}"})
    CHECK_FALSE(parse_record(bad).has_value());
}

TEST_CASE("state files are read by key") {
  CHECK(number_field("exit_code=137\nfinished_at=5\n", "exit_code") == 137);
  CHECK(field("message=a=b\n", "message") == "a=b");
  CHECK(number_field("x=1", "exit_code") == 0);
}

TEST_CASE("signals by name and number") {
  CHECK(parse_signal("TERM").value() == 15);
  CHECK(parse_signal("sigkill").value() == 9);
  CHECK(parse_signal("2").value() == 2);
  CHECK(parse_signal("RTMIN+3").value() == 37);
  for (const char* bad : {"", "0", "65", "TREM", "RTMIN+31", "-9"})
    CHECK_FALSE(parse_signal(bad).has_value());
}

TEST_CASE("names of containers") {
  for (const char* good : {"a", "web.1", "a_b-c"}) CHECK(check_name(good).has_value());
  for (const char* bad : {"", "-a", ".a", "a/b", "a b", "\xc3\xa4", "../x"})
    CHECK_FALSE(check_name(bad).has_value());
  for (int attempt = 0; attempt < 10; ++attempt)
    CHECK(check_name(made_up_name(attempt)).has_value());
  const std::string id = random_id().value();
  CHECK(id.size() == 64);
  CHECK(id != random_id().value());
}
