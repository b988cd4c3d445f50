// SPDX-License-Identifier: Apache-2.0
// Seals: whatever is read prints, and reads back as the same.
#include "store/seals.h"

#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(seals) {
  const store::Seals seals = store::Seals::parse(bytes);
  const std::string printed = seals.print();
  FUZZ_CHECK(store::Seals::parse(printed).print() == printed);
}
