// SPDX-License-Identifier: Apache-2.0
// Templates of --format: whatever is written there, an answer or an error, never more.
#include "front/cli/template.h"

#include "fuzz.h"

TARE_FUZZER(template) {
  static const tare::json::Value value = *tare::json::parse(
      R"({"ID":"abc","Names":"w\u00e4b","Size":12,"On":true,"None":null,"List":["x","y",[1,2]],)"
      R"("State":{"Pid":7,"Ratio":1.5},"Labels":{"a":"1","b":{"c":[]}}})");
  const auto parsed = tare::cli::Template::parse(bytes);
  if (!parsed) return;
  const auto first = parsed->run(value, value["State"]);
  const auto second = parsed->run(value, value["State"]);
  FUZZ_CHECK(first.has_value() == second.has_value());
  if (first) FUZZ_CHECK(*first == *second);
}
