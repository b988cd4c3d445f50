// SPDX-License-Identifier: Apache-2.0
#include "engine/user_namespace.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::engine;

namespace {
std::string map_text(std::string_view mode, const IdClaim& claim, const Caller& caller = {}) {
  const auto map = make_id_map(parse_user_namespace(mode).value(), claim, caller).value();
  return map.text() + (map.group_ranges.empty() ? "" : "|" + map.groups().text());
}
}  // namespace

TEST_CASE("user namespaces by their words") {
  CHECK(parse_user_namespace("")->kind == UserNamespace::Kind::Own);
  CHECK(parse_user_namespace("auto")->size == 0);
  CHECK(parse_user_namespace("auto:size=70000")->size == 70000);
  CHECK(parse_user_namespace("keep-id:uid=7")->uid == 7U);
  CHECK(parse_user_namespace("host")->kind == UserNamespace::Kind::Host);
  const auto mapped = parse_user_namespace("auto:uidmapping=5:1000:2,gidmapping=0:9:1");
  CHECK(mapped->uids == std::vector<sys::IdRange>{{5, 1000, 2}});
  CHECK(mapped->gids == std::vector<sys::IdRange>{{0, 9, 1}});
  for (const char* bad : {"x",
                          "auto:",
                          "auto:size",
                          "auto:size=",
                          "auto:size=0",
                          "auto:size=4294967295",
                          "auto:size=-1",
                          "auto:uid=1",
                          "keep-id:size=1",
                          "keep-id:uid=a",
                          "host:",
                          "host:uid=1",
                          "private:size=1",
                          "auto:uidmapping=1:2",
                          "auto:uidmapping=1:2:0",
                          "auto:uidmapping=4294967294:2:2",
                          "auto:uidmapping=1:2:3:4",
                          "ns:/x",
                          "container:c",
                          "nomap"})
    CHECK_MESSAGE(!parse_user_namespace(bad).has_value(), bad);
}

TEST_CASE("id maps of user namespaces") {
  const IdClaim usual{.first = 0x40000000, .count = 65536};
  CHECK(map_text("", usual) == "0 1073741824 65536\n");
  CHECK(map_text("", {.first = 1, .count = 2048}) == "0 1 2047\n65534 2048 1\n");
  CHECK(map_text("auto:size=10", usual) == "0 1073741824 10\n");
  const Caller caller{.ordinary_user = true, .uid = 1000, .gid = 100};
  CHECK(map_text("keep-id:uid=2,gid=2", {.first = 1, .count = 65536}, caller) ==
        "0 1 2\n2 0 1\n3 4 65533\n");
  CHECK(map_text("keep-id", {.first = 1, .count = 2048}, caller) ==
        "0 1 1000\n1000 0 1\n1001 1002 1046\n65534 2048 1\n"
        "|0 1 100\n100 0 1\n101 102 1946\n65534 2048 1\n");
  CHECK(map_text("auto:uidmapping=0:1000:1", usual) == "0 1000 1\n1 1073741825 65535\n");
  const auto host = make_id_map(parse_user_namespace("host").value(), {}, {}).value();
  CHECK(host.is_identity());
  CHECK_FALSE(host.ranges.empty());
}

TEST_CASE("ids are kept for ordinary users only") {
  const UserNamespace keep = parse_user_namespace("keep-id").value();
  CHECK_FALSE(check_user_namespace(keep, {}).has_value());
  CHECK(check_user_namespace(keep, {.ordinary_user = true, .uid = 1000, .gid = 100}).has_value());
}
