// SPDX-License-Identifier: Apache-2.0
// User and group id maps of user namespaces, and the ordinary user's own root namespace.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sys/fd.h"

namespace tare::sys {

// One line of /proc/PID/uid_map: ids inside.. of the namespace are ids outside.. of ours.
struct IdRange {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

// Used for uids and gids alike, unless the groups have ranges of their own.
struct IdMap {
  std::vector<IdRange> ranges;
  std::vector<IdRange> group_ranges = {};  // Empty: the same as `ranges`.

  bool operator==(const IdMap&) const = default;
  // The map of the groups, as one that is used alone.
  IdMap groups() const { return {group_ranges.empty() ? ranges : group_ranges}; }
  // Whether every id is the same on both sides.
  bool is_identity() const;
  // Lets the ids of `range` stand for what it says instead of what they stood for.
  static void put(std::vector<IdRange>& ranges, const IdRange& range);
  // The id of ours that `inside` stands for; Invalid when it is not mapped.
  Result<std::uint32_t> outside_of(std::uint32_t inside) const;
  std::string text() const;  // Lines for /proc/PID/uid_map.
};

// The lines of a uid_map or gid_map file. Errors: Internal for anything else.
Result<IdMap> parse_id_map(std::string_view text);

// The ids that this process's own user namespace has, from /proc/self/uid_map and gid_map, as
// ranges whose `inside` is what we may use. The initial namespace gives one range of 2^32-1 ids.
Result<IdMap> available_ids();
bool in_initial_user_namespace();

// For an ordinary user: enters a user and mount namespace of its own in which it is root and all
// its subordinate ids are mapped (0 is the user itself, 1.. its /etc/subuid range), made with
// newuidmap(1) and newgidmap(1). `join_pid` above 0 joins the namespaces of that process (a keeper)
// instead. Nothing happens when we are uid 0 already. Errors: Unsupported with a hint (no subuid
// range, no newuidmap, user namespaces switched off). Must be called while single-threaded.
Result<> become_namespace_root(int join_pid);

}  // namespace tare::sys
