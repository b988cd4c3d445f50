// SPDX-License-Identifier: Apache-2.0
#include "engine/budget.h"

#include <doctest/doctest.h>

namespace tare::engine {
namespace {

TEST_CASE("as little goes as makes room, in order, and nothing when all would not do") {
  const std::vector<Evictable> all = {{"a", {"1", "base"}}, {"b", {"2", "base"}}, {"c", {"3"}}};
  const std::map<std::string, PartFact> parts = {
      {"1", {10, 1}}, {"2", {20, 1}}, {"3", {30, 1}}, {"base", {100, 2}}};
  CHECK(choose_evictions(all, parts, 10).chosen == std::vector<std::size_t>{0});
  CHECK(choose_evictions(all, parts, 11).chosen == std::vector<std::size_t>{0, 1});
  CHECK(choose_evictions(all, parts, 130).bytes ==
        130);  // The shared part goes with its last user.
  CHECK(choose_evictions(all, parts, 131).chosen.size() == 3);
  const Eviction not_enough = choose_evictions(all, parts, 161);
  CHECK_FALSE(not_enough.enough);
  CHECK(not_enough.chosen.empty());
  CHECK(not_enough.bytes == 160);
  auto kept = parts;
  kept["base"].owners = 3;  // An image that is in use has it, too.
  CHECK(choose_evictions(all, kept, 1000).bytes == 60);
}

}  // namespace
}  // namespace tare::engine
