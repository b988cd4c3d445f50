// SPDX-License-Identifier: Apache-2.0
// What is accepted must print, and read back with the same entries in the loader's order.
#include "audit/ld_cache.h"

#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(ldcache) {
  const auto entries = audit::read_ld_cache(bytes);
  if (!entries) {
    FUZZ_CHECK(entries.error().kind() == Kind::Corrupt ||
               entries.error().kind() == Kind::Unsupported);
    return;
  }
  // Entries may all share one long name, which would be written out as often.
  if (entries->size() > 1000) return;
  const auto again = audit::read_ld_cache(audit::print_ld_cache(*entries));
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(again->size() == entries->size());
  for (std::size_t i = 1; i < again->size(); ++i)
    FUZZ_CHECK(audit::compare_cache_names((*again)[i - 1].name, (*again)[i].name) >= 0);
}
