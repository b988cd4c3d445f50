// SPDX-License-Identifier: Apache-2.0
// An answer on its way to the program. The last bytes wait for end(), so that nothing is complete
// before it is noted.
#pragma once

#include <string>
#include <string_view>

#include "front/record/client_stream.h"
#include "front/record/http_message.h"
#include "front/record/upstream.h"

namespace tare::front_record {

class Reply {
 public:
  // Both live as long as this.
  Reply(ClientStream& stream, const RequestHead& asked) : stream_(stream), asked_(asked) {}

  // A sentence as a whole answer, behind which the connection ends; also beside the status, as many
  // programs show nothing else.
  static Result<> send_text(ClientStream& stream, int status, const std::string& text,
                            bool without_body = false);

  Result<> begin(const ResponseHead& head);
  bool has_sent() const { return has_sent_; }  // Something of it: nothing else can be said.
  Result<> take(std::string_view bytes);
  Result<> end();
  bool keeps_alive() const { return keeps_alive_; }

 private:
  ClientStream& stream_;
  const RequestHead& asked_;
  bool has_sent_ = false;
  bool is_chunked_ = false;
  bool has_body_ = true;
  bool keeps_alive_ = false;
  std::string held_;  // Not yet sent.
};

}  // namespace tare::front_record
