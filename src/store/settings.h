// SPDX-License-Identifier: Apache-2.0
// The file `settings` in the store's root: lines "key=value", '#' begins a comment.
// [docs/formats/settings.md]
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tare::store {

// An amount of room: bytes, or a part of the file system's.
struct Share {
  std::uint64_t bytes = 0;  // Counts when `percent` is not there.
  std::optional<unsigned> percent;

  std::uint64_t of(std::uint64_t whole) const {
    // Divided first: the product would not fit for what is larger than some exabytes.
    return percent ? whole / 100 * *percent : bytes;
  }
  std::string text() const;  // "80%", "40000000000"
};
// "40G", "80%". Errors: Invalid.
Result<Share> parse_share(std::string_view text);

struct Settings {
  Share max{.percent = 80};  // Of the file system: the budget of the whole store.
  std::chrono::nanoseconds undo_time = std::chrono::hours(24);  // 0: nothing goes to the bin.
  Share undo_max{.percent = 10};                                // Of the budget: the bin's.
  std::vector<unsigned> warn = {80, 90, 95};  // Percent of the budget, rising; may be empty.
  std::string default_bridge;  // The device of the network `bridge`; "": one that is free.
};

// Errors: Invalid, with the line; an unknown key is one.
Result<Settings> parse_settings(std::string_view text);
std::string print_settings(const Settings& settings);
// Takes one "key=value" in. Errors: Invalid.
Result<> apply_setting(Settings& settings, std::string_view line);

// Of the store whose root is `dir`; the defaults without a file. TARE_STORE_MAX and TARE_UNDO_TIME
// in the environment count more.
Result<Settings> load_settings(int dir);
// The backend for root file systems that TARE_ROOTFS asks for; empty: none.
std::string forced_backend();
Result<> save_settings(int dir, const Settings& settings);

}  // namespace tare::store
