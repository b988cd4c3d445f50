// SPDX-License-Identifier: Apache-2.0
// A lock file of somebody else's repository: what is read is printed and read as the same.
#include "build/lock.h"

#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(lock) {
  const auto lock = build::parse_lock(bytes, "lock");
  if (!lock) return;
  const auto again = build::parse_lock(build::print_lock(*lock), "lock");
  FUZZ_CHECK(again && *again == *lock);
}
