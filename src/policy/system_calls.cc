// SPDX-License-Identifier: Apache-2.0
#include "policy/tables.h"

namespace tare::policy {
namespace {
#include "policy/syscall_numbers.inc"

std::uint32_t hash_of(std::string_view name) {  // FNV-1a, as tools/gen-profiles computes it.
  std::uint32_t hash = 0x811c9dc5;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193;
  return hash;
}
}  // namespace

std::optional<CallIndex> find_call(std::string_view name) {
  for (std::size_t slot = hash_of(name);; ++slot) {
    const std::uint16_t entry = kCallSlots[slot % std::size(kCallSlots)];
    if (entry == 0) return std::nullopt;
    const auto index = static_cast<CallIndex>(entry - 1);
    if (kCallNames[index] == name) return index;
  }
}

std::span<const std::string_view> call_names() { return kCallNames; }

std::int32_t number_of(CallIndex call, Abi abi) {
  return kCallNumbers[static_cast<std::size_t>(abi)][call];
}

}  // namespace tare::policy
