// SPDX-License-Identifier: Apache-2.0
// /etc/ld.so.cache: from the names of libraries to their paths, as ldconfig wrote it. Only the
// format "glibc-ld.so.cache1.1" is known (since glibc 2.2); it may follow an older one in the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tare::audit {

struct CacheEntry {
  std::string name;  // "libc.so.6"
  std::string path;
  std::uint32_t flags = 0;  // Which loaders may use it; the ABI is checked in the file anyway.
  std::uint64_t hwcap = 0;  // Not 0: only for machines that have these features.
};

// In the order of the file. Errors: Corrupt; Unsupported for a cache of another format or byte
// order.
Result<std::vector<CacheEntry>> read_ld_cache(std::string_view bytes);

// A cache with these entries, sorted as the loader's binary search expects. The same entries give
// the same bytes. Written in this machine's byte order.
std::string print_ld_cache(std::vector<CacheEntry> entries);

// The loader's order of names: digits compare as numbers. Negative, zero or positive.
int compare_cache_names(std::string_view left, std::string_view right);

}  // namespace tare::audit
