// SPDX-License-Identifier: Apache-2.0
// Dockerfile.lock: what a build took from elsewhere, with digests, so that another build can take
// the same. docs/formats/lock.md
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "image/steps.h"

namespace tare::build {

struct Built;

struct LockedRun {
  std::string step;  // As step_of_lock() names it.
  std::vector<image::Material> downloads;
  bool operator==(const LockedRun&) const = default;
};

struct Lock {
  std::vector<image::Material> sources;  // Images and what ADD takes; by kind, address, platform.
  std::vector<LockedRun> runs;           // In the order of the Dockerfile.

  // What an image, a URL or a repository was; null: nothing is known.
  const image::Material* find(image::Material::Kind kind, std::string_view uri,
                              std::string_view platform = "") const;
  // Of a RUN: its own downloads, and behind them those of all others.
  std::vector<image::Material> answers_for(std::string_view step) const;
  const LockedRun* find_run(std::string_view step) const;
  // Whether it is here, the same.
  bool has(const image::Material& material) const;

  // Takes out what `name` means, to be taken anew: an image, an address, a step or part of one, the
  // address or the file of a download. Returns how much that was.
  std::size_t move(std::string_view name);
  // Addresses of sources and names of steps that were taken out; not part of the file.
  std::vector<std::string> moved;
  bool is_moved(std::string_view what) const;

  bool operator==(const Lock& other) const {
    return sources == other.sources && runs == other.runs;
  }
};

// What moved between two: a line for each.
std::vector<std::string> differences(const Lock& before, const Lock& after);

// What steps are called in a lock: "[build] RUN make", known again as long as the stage and the
// instruction are as they are. The second of the same text in a stage is "[build #2] RUN make".
class LockSteps {
 public:
  // To be asked for all steps of a stage, in their order. `number`: of the stage.
  std::string next(std::size_t number, std::string_view stage, std::string_view instruction);

 private:
  std::map<std::pair<std::size_t, std::string>, std::size_t> seen_;
};

// What a RUN downloaded, as it is locked: by address and question; answers to the same question in
// the order in which they came, without those at the end that repeat the last: that one is given
// again as often as it is asked for.
std::vector<image::Material> in_order(std::vector<image::Material> downloads);

// Of a build that is done. `before`: what it does not know of is kept from there when the build was
// of one stage only (`is_part`).
Lock lock_of(const Built& built, const Lock& before, bool is_part);

// One entry a line, always in the same order.
std::string print_lock(const Lock& lock);
// Whether the first bytes of a file, kLockBegin of them, are those of a lock.
inline constexpr std::size_t kLockBegin = 64;
inline constexpr std::string_view kLockSuffix = ".lock";  // Behind the Dockerfile's name.
bool begins_lock(std::string_view bytes);
// Errors: Invalid (it is none; another version), naming `name`.
Result<Lock> parse_lock(std::string_view text, const std::string& name);

}  // namespace tare::build
