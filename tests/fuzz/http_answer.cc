// SPDX-License-Identifier: Apache-2.0
// What a server says to the recorder before a body.
#include "base/text.h"
#include "codec/json.h"
#include "front/record/answer_head.h"
#include "fuzz/fuzz.h"

using namespace tare;
using namespace tare::front_record;

TARE_FUZZER(http_answer) {
  AnswerReader reader;
  int status = 200;
  bool is_complete = false;
  for (const std::string& line : split(bytes, '\n')) {
    if (line.starts_with("HTTP/1.1 "))
      status = static_cast<int>(parse_u64(std::string_view(line).substr(9, 3)).value_or(200));
    const auto taken = reader.take(line + "\n", status);
    if (!taken) return;
    is_complete = is_complete || *taken;
  }
  if (!is_complete) return;
  std::size_t lengths = 0;
  for (const Header& header : reader.head().headers) {
    const std::string name = lower(header.name);
    FUZZ_CHECK(!is_hop_by_hop(name));
    if (name == "content-length") ++lengths;
    FUZZ_CHECK(json::parse(json::print(json::Value(header.value)))->as_string() == header.value);
    FUZZ_CHECK(noted_value(header).size() <= header.value.size());
  }
  FUZZ_CHECK(lengths <= 1);
}
