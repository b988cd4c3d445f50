// SPDX-License-Identifier: Apache-2.0
// Key rings and signed documents from repositories: nobody's key signs anything.
#include "trust/openpgp.h"

#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(openpgp) {
  if (const auto keys = trust::read_openpgp_keys(bytes))
    for (const trust::OpenPgpKey& key : *keys) {
      FUZZ_CHECK(key.fingerprint.size() == 40);
      FUZZ_CHECK(key.point.size() == 32 || key.modulus.size() >= 256);
    }
  trust::OpenPgpKey key{.fingerprint = std::string(40, '0'), .algorithm = 22};
  key.point.assign(32, '\x01');
  FUZZ_CHECK(!trust::check_signed_text(bytes, {key}, 0));
  FUZZ_CHECK(!trust::check_signature("text", bytes, {key}, 0));
}
