// SPDX-License-Identifier: Apache-2.0
// Dockerfile.lock: what a build took from elsewhere, with digests, so that another build can take
// the same. docs/formats/lock.md
#pragma once

#include <string>
#include <string_view>
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

// "[build] RUN make": known again as long as the stage and the instruction are as they are.
std::string step_of_lock(std::string_view stage, std::string_view instruction);

// Of a build that is done. `before`: what it does not know of is kept from there when the build was
// of one stage only (`is_part`).
Lock lock_of(const Built& built, const Lock& before, bool is_part);

// One entry a line, always in the same order.
std::string print_lock(const Lock& lock);
// Errors: Invalid (it is none; another version), naming `name`.
Result<Lock> parse_lock(std::string_view text, const std::string& name);

}  // namespace tare::build
