// SPDX-License-Identifier: Apache-2.0
// A server's WWW-Authenticate: few challenges with few parameters, whatever it says.
#include "front/transfer/challenge.h"

#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(challenge) {
  const auto challenges = front_transfer::parse_challenges(bytes);
  if (!challenges) {
    FUZZ_CHECK(challenges.error().kind() == Kind::Invalid);
    return;
  }
  FUZZ_CHECK(challenges->size() <= 16);
  for (const front_transfer::Challenge& challenge : *challenges) {
    FUZZ_CHECK(!challenge.scheme.empty());
    FUZZ_CHECK(challenge.parameters.size() <= 16);
  }
}
