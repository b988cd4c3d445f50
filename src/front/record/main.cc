// SPDX-License-Identifier: Apache-2.0
// tare-record: what RUN of a build downloads goes through it (src/transfer/recording.h). Started by
// tare, and of no use to anybody else.
#include <unistd.h>

#include <string_view>

#include "base/text.h"
#include "codec/json.h"
#include "front/record/authority.h"
#include "front/record/server.h"
#include "sys/fd.h"

namespace {

tare::Result<> print_authority() {
  const auto authority = TRY(tare::front_record::make_authority());
  tare::json::Value value;
  value.set("certificate", authority.certificate);
  value.set("key", authority.key);
  return tare::sys::write_all(tare::transfer::kSettings, tare::json::print(value));
}

}  // namespace

int main(int count, char** words) {
  const std::string_view mode = count == 3 ? words[1] : "";
  const auto parent = tare::parse_u64(count == 3 ? words[2] : "");
  if ((mode != "authority" && mode != "record") || !parent) {
    (void)tare::sys::write_all(STDERR_FILENO,
                               "tare-record: tare starts this program for RUN of builds\n");
    return 125;
  }
  const auto done =
      mode == "record" ? tare::front_record::serve(static_cast<int>(*parent)) : print_authority();
  if (done) return 0;
  (void)tare::sys::write_all(STDERR_FILENO,
                             "tare-record: " + tare::escaped(done.error().message()) + "\n");
  return 125;
}
