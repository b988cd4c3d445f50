// SPDX-License-Identifier: Apache-2.0
// What containers ask and what other name servers answer.
#include "network/dns_message.h"

#include "fuzz/fuzz.h"

using namespace tare;
using namespace tare::network::dns;

namespace {

void check_query(std::string_view bytes) {
  const auto query = parse_query(bytes);
  if (!query) {
    if (query.error().kind() == Kind::Corrupt) return;
    FUZZ_CHECK(query.error().kind() == Kind::Invalid || query.error().kind() == Kind::Unsupported);
    FUZZ_CHECK(print_refusal(bytes, Code::FormError).size() == kHeaderSize);
    return;
  }
  FUZZ_CHECK(query->question.name.wire.size() <= 255);
  // What goes on to another server is the same question.
  const auto again = parse_query(print_query(*query, query->id));
  FUZZ_CHECK(again && again->question == query->question);
  std::vector<Record> records;
  for (int i = 0; i < 40; ++i) records.push_back(address_record({}, 1));
  const std::size_t limit = query->datagram_limit();
  FUZZ_CHECK(limit >= kPlainLimit);
  const std::string answer = print_answer(*query, Code::NoError, records, limit);
  FUZZ_CHECK(answer.size() <= limit);
  const auto reply = parse_reply(answer);
  FUZZ_CHECK(reply && reply->id == query->id && reply->question == query->question);
  if (const auto address = reverse_address(query->question.name.text()))
    FUZZ_CHECK(reverse_address(reverse_name(*address)) == address);
}

void check_reply(std::string_view bytes) {
  const auto reply = parse_reply(bytes);
  if (!reply) return;
  for (const std::size_t place : reply->ttl_places)
    FUZZ_CHECK(place > kHeaderSize && place + 4 <= bytes.size());
  std::string message(bytes);
  Query query{.id = 7, .question = reply->question};
  const auto addresses = answered_addresses(bytes);
  FUZZ_CHECK(addresses.size() <= reply->ttl_places.size());
  adapt_reply(message, reply->ttl_places, query, 5);
  const auto adapted = parse_reply(message);
  FUZZ_CHECK(adapted && adapted->id == 7 && message.size() == bytes.size());
  FUZZ_CHECK(adapted->question == reply->question && adapted->ttl_places == reply->ttl_places);
}

}  // namespace

TARE_FUZZER(dns) {
  check_query(bytes);
  check_reply(bytes);
}
