// SPDX-License-Identifier: Apache-2.0
#include <iterator>

#include "policy/policy.h"

namespace tare::policy {
namespace {
#include "policy/paths.inc"
}  // namespace

std::vector<std::string> masked_paths() {
  return {std::begin(kMaskedPaths), std::end(kMaskedPaths)};
}

std::vector<std::string> read_only_paths() {
  return {std::begin(kReadOnlyPaths), std::end(kReadOnlyPaths)};
}

}  // namespace tare::policy
