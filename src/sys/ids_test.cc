// SPDX-License-Identifier: Apache-2.0
#include "sys/ids.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

using namespace tare;

TEST_CASE("id maps are read and written as the kernel has them") {
  const auto map =
      sys::parse_id_map("         0       1001          1\n         1     100000      65536\n");
  REQUIRE(map);
  CHECK(map->ranges == std::vector<sys::IdRange>{{0, 1001, 1}, {1, 100'000, 65'536}});
  CHECK(map->text() == "0 1001 1\n1 100000 65536\n");
  CHECK(sys::parse_id_map("0 0 4294967295\n")->ranges[0].count == 4'294'967'295U);
  CHECK(sys::parse_id_map("")->ranges.empty());
  CHECK(!sys::parse_id_map("0 0\n"));
  CHECK(!sys::parse_id_map("0 0 1 1\n"));
  CHECK(!sys::parse_id_map("0 -1 1\n"));
  CHECK(!sys::parse_id_map("0 0 4294967296\n"));
}

TEST_CASE("an id outside of what it stands for inside") {
  const sys::IdMap map{.ranges = {{0, 1001, 1}, {1, 100'000, 65'536}}};
  CHECK(*map.outside_of(0) == 1001);
  CHECK(*map.outside_of(1) == 100'000);
  CHECK(*map.outside_of(65'536) == 165'535);
  const auto none = map.outside_of(65'537);
  REQUIRE(!none);
  CHECK(none.error().kind() == Kind::Invalid);
  CHECK(none.error().message() == "id 65537 is not mapped");
  const sys::IdMap whole{.ranges = {{0, 0, 4'294'967'295U}}};
  CHECK(*whole.outside_of(4'294'967'294U) == 4'294'967'294U);
  CHECK(!whole.outside_of(4'294'967'295U));
}

TEST_CASE("this process has ids") {
  const auto map = sys::available_ids();
  REQUIRE(map);
  CHECK(!map->ranges.empty());
}

TEST_CASE("a part of an id map is put in another's place") {
  const auto put = [](std::vector<sys::IdRange> ranges, const sys::IdRange& range) {
    sys::IdMap::put(ranges, range);
    return sys::IdMap{ranges}.text();
  };
  CHECK(put({{0, 100, 10}}, {3, 7, 2}) == "0 100 3\n3 7 2\n5 105 5\n");
  CHECK(put({{0, 100, 10}}, {0, 7, 1}) == "0 7 1\n1 101 9\n");
  CHECK(put({{0, 100, 10}}, {9, 7, 1}) == "0 100 9\n9 7 1\n");
  CHECK(put({{0, 100, 10}}, {20, 7, 1}) == "0 100 10\n20 7 1\n");
  CHECK(put({{0, 100, 10}, {20, 200, 5}}, {5, 7, 17}) == "0 100 5\n5 7 17\n22 202 3\n");
  CHECK(put({{5, 100, 2}}, {0, 7, 10}) == "0 7 10\n");
  CHECK(put({{0, 0, 10}}, {0xFFFFFFFE, 7, 1}) == "0 0 10\n4294967294 7 1\n");
}

TEST_CASE("groups of an id map are the users unless they have their own") {
  CHECK(sys::IdMap{{{0, 100, 10}}}.groups().text() == "0 100 10\n");
  CHECK(sys::IdMap{{{0, 100, 10}}, {{0, 200, 10}}}.groups().text() == "0 200 10\n");
  CHECK(sys::IdMap{{{0, 0, 10}}}.is_identity());
  CHECK_FALSE(sys::IdMap{{{0, 0, 10}}, {{0, 1, 10}}}.is_identity());
}
