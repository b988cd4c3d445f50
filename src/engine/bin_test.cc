// SPDX-License-Identifier: Apache-2.0
#include "engine/bin.h"

#include <doctest/doctest.h>

namespace tare::engine {
namespace {

Removed thing(const std::string& id, UnixNanos removed_at, std::uint64_t bytes) {
  return {.id = id, .removed_at = removed_at, .until = removed_at + 100, .bytes = bytes};
}

std::string ids(const std::vector<Removed>& all) {
  std::string out;
  for (const Removed& one : all) out += one.id;
  return out;
}

TEST_CASE("of the bin goes what is too old, then the oldest of what is too much") {
  const std::vector<Removed> all = {thing("c", 30, 5), thing("a", 10, 5), thing("b", 20, 5)};
  CHECK(ids(choose_expired(all, 50, 100)).empty());
  CHECK(ids(choose_expired(all, 110, 100)) == "a");
  CHECK(ids(choose_expired(all, 500, 100)) == "abc");
  CHECK(ids(choose_expired(all, 50, 15)).empty());
  CHECK(ids(choose_expired(all, 50, 14)) == "a");
  CHECK(ids(choose_expired(all, 50, 5)) == "ab");
  CHECK(ids(choose_expired(all, 110, 5)) == "ab");
  CHECK(ids(choose_expired(all, 50, 0)) == "abc");
}

}  // namespace
}  // namespace tare::engine
