// SPDX-License-Identifier: Apache-2.0
// What pulling and pushing are asked for, and what they say while they run.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/error.h"

namespace tare::image {

struct TransferOptions {
  std::string program;                 // Path of tare-transfer.
  std::uint64_t bytes_per_second = 0;  // 0: no limit.
  // Not given: certificates are verified unless registries.conf says "insecure", or the registry
  // is this machine itself. False: neither verified nor needed.
  std::optional<bool> tls_verify;
};

// What happens to one layer ("layer" is 12 digits of its digest), or to the whole ("layer" empty),
// in Docker's words. `total` is 0 when there is nothing to count.
struct TransferState {
  std::string layer;
  std::string text;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};
using TransferProgress = std::function<void(const TransferState&)>;

// Asked before bytes are written to the store: how many. A failure ends the pull.
using Admit = std::function<Result<>(std::uint64_t bytes)>;

}  // namespace tare::image
