// SPDX-License-Identifier: Apache-2.0
// Rules, chains and elements of nftables, of whoever has made them.
#include "network/nft.h"

#include "fuzz/fuzz.h"

using namespace tare;
using namespace tare::network;

TARE_FUZZER(nft) {
  if (const auto elements = nft::parse_elements(bytes); elements)
    for (const nft::Element& element : *elements)
      FUZZ_CHECK(element.key.size() + element.key_end.size() + element.data.size() <= bytes.size());
  if (const auto rule = nft::parse_rule(bytes); rule) {
    FUZZ_CHECK(rule->expressions.size() <= bytes.size());
    FUZZ_CHECK(!rule->drops || !rule->expressions.empty());
  }
  if (const auto chain = nft::parse_chain(bytes); chain)
    FUZZ_CHECK(chain->name.size() <= bytes.size());
  (void)nft::table_handle(bytes);
}
