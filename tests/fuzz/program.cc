// SPDX-License-Identifier: Apache-2.0
// Programs and archives of Java, out of any image.
#include "fuzz/fuzz.h"
#include "trust/packages.h"

using namespace tare;

TARE_FUZZER(program) {
  constexpr std::size_t kBudget = 8 << 20;
  for (const auto read : {trust::read_program, trust::read_jar}) {
    std::size_t budget = kBudget;
    const trust::Bundle bundle = read("/srv/app-1.0.jar", codec::StringBytes(bytes), budget);
    FUZZ_CHECK(budget <= kBudget);
    FUZZ_CHECK(!bundle.has_own || !bundle.packages.empty());
    FUZZ_CHECK(bundle.packages.size() <= 2 * trust::kMostPackages);
    for (const trust::Package& each : bundle.packages) {
      FUZZ_CHECK(!each.name.empty());
      for (const char c : each.purl()) FUZZ_CHECK(c > ' ' && c < 0x7f);
    }
  }
}
