// SPDX-License-Identifier: Apache-2.0
// What a program in RUN says to the recorder.
#include "front/record/http_message.h"
#include "fuzz/fuzz.h"

using namespace tare;
using namespace tare::front_record;

TARE_FUZZER(http_request) {
  (void)parse_chunk_size(bytes);
  if (const auto place = parse_host_port(bytes))
    FUZZ_CHECK(place->port != 0 && !place->host.empty());
  FUZZ_CHECK(without_user(bytes).size() <= bytes.size());
  const auto head = parse_request_head(bytes);
  if (!head) return;
  FUZZ_CHECK(head->headers.size() <= kMaxHeaders && head->target.size() <= kMaxTarget);
  for (const Header& header : head->headers)
    FUZZ_CHECK(header.value.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos);
  (void)framing_of(*head);
  for (const char* base : {"", "https://host"}) {
    const auto url = url_of(*head, base);
    if (url)
      FUZZ_CHECK(url->find('\n') == std::string::npos && url->find(' ') == std::string::npos);
  }
}
