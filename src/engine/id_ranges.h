// SPDX-License-Identifier: Apache-2.0
// Ranges of user and group ids that no two containers share.
#pragma once

#include <cstdint>
#include <string>

#include "sys/ids.h"

namespace tare::engine {

// Ids of ours that belong to one container: `count` from `first` on. None: it has none of its own.
struct IdClaim {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  bool operator==(const IdClaim&) const = default;
};

// Hands out id ranges. A claim is a file named by its ids, made with O_EXCL in one directory for
// all stores of a user, that holds the path of the container's directory: a claim whose container
// is gone is stale and may be taken over. All of it under the directory's lock: what the names say
// is taken is what is taken, whatever the sizes.
//
// Root has 12,288 ranges of 65,536 ids from 0x40000000 on, outside of what useradd gives as
// subordinate ids and of what systemd-nspawn picks by default [subuid(5), systemd UIDS-GIDS.md].
// Everybody else divides the ids of the own user namespace: 2,048 for each container, of which the
// last stands for 65534 (nobody) inside. Who asks for a number of ids gets as many such ranges in a
// row as hold it.
class IdRanges {
 public:
  explicit IdRanges(std::string directory) : directory_(std::move(directory)) {}

  // Claims a free range of at least `wanted` ids (0: the usual number) for the container directory
  // `owner`. Errors: Unavailable when there is none, with what to try; Unsupported when there are
  // not so many ids.
  Result<IdClaim> claim(const std::string& owner, std::uint32_t wanted);
  // Claims exactly these ids again (a stopped container after its claim was lost), or confirms that
  // `owner` has them. Errors: Exists when somebody else has some of them now.
  Result<> confirm(const IdClaim& claim, const std::string& owner);
  // Gives back stale claims whose owner's path starts with `owners`. Others are not ours to judge:
  // another store's disk may only not be there now.
  void sweep(const std::string& owners) const;
  void release(const IdClaim& claim, const std::string& owner);

 private:
  std::string directory_;
};

// What the ids of a container are by default, with those that it claimed.
sys::IdMap usual_map(const IdClaim& claim);
// Whether `ids` has one of those that containers are given.
Result<bool> is_for_containers(const sys::IdRange& ids);

}  // namespace tare::engine
