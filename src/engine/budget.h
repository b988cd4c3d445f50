// SPDX-License-Identifier: Apache-2.0
// Which things go when room is needed. Private to this room; pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace tare::engine {

// Something that nothing uses, with the parts that go with it when nobody else has them.
struct Evictable {
  std::string id;
  std::vector<std::string> parts;
};
struct PartFact {
  std::uint64_t bytes = 0;
  int owners = 0;  // Things that have it, evictable or not.
};
struct Eviction {
  std::vector<std::size_t> chosen;  // Of the candidates, which come in the order in which they go.
  std::uint64_t bytes = 0;          // That the chosen free; with !enough: that all would.
  bool enough = false;
};
// As few of the first as free `needed` bytes; none at all when all would not.
Eviction choose_evictions(const std::vector<Evictable>& candidates,
                          std::map<std::string, PartFact> parts, std::uint64_t needed);

}  // namespace tare::engine
