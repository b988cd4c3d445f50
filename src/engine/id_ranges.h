// SPDX-License-Identifier: Apache-2.0
// Ranges of user and group ids that no two containers share.
#pragma once

#include <string>

#include "sys/ids.h"

namespace tare::engine {

// Hands out id ranges. A claim is a file named by the first id of the range, made with O_EXCL in
// one directory for all stores of a user, that holds the path of the container's directory: a claim
// whose container is gone is stale and may be taken over.
//
// Root has 12,288 ranges of 65,536 ids from 0x40000000 on, outside of what useradd gives as
// subordinate ids and of what systemd-nspawn picks by default [subuid(5), systemd UIDS-GIDS.md].
// Everybody else divides the ids of the own user namespace: 2,048 for each container, of which the
// last stands for 65534 (nobody) inside.
class IdRanges {
 public:
  explicit IdRanges(std::string directory) : directory_(std::move(directory)) {}

  // Claims a free range for the container directory `owner`. Errors: Unavailable when all are
  // taken, with what to try.
  Result<sys::IdMap> claim(const std::string& owner);
  // Claims exactly `map` again (a stopped container after its claim was lost), or confirms that
  // `owner` has it. Errors: Exists when somebody else has it now.
  Result<> confirm(const sys::IdMap& map, const std::string& owner);
  // Gives back stale claims whose owner's path starts with `owners`. Others are not ours to judge:
  // another store's disk may only not be there now.
  void sweep(const std::string& owners) const;
  void release(const sys::IdMap& map, const std::string& owner);

 private:
  std::string directory_;
};

}  // namespace tare::engine
