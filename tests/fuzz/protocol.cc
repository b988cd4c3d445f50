// SPDX-License-Identifier: Apache-2.0
// What tare and its transfer program say to each other, from either side.
#include "transfer/protocol.h"

#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(protocol) {
  if (const auto event = transfer::parse_event(bytes)) {
    const std::string printed = json::print(transfer::print_event(*event));
    const auto again = transfer::parse_event(printed);
    FUZZ_CHECK(again.has_value());
    FUZZ_CHECK(json::print(transfer::print_event(*again)) == printed);
  }
  const auto message = json::parse(bytes);
  if (!message) return;
  (void)transfer::parse_settings(*message);
  (void)transfer::print_endpoint(transfer::parse_endpoint(*message));
  if (const auto request = transfer::parse_request(*message)) {
    const json::Value printed = transfer::print_request(*request);
    const auto again = transfer::parse_request(printed);
    FUZZ_CHECK(again.has_value());
    FUZZ_CHECK(transfer::print_request(*again) == printed);
  }
}
