// SPDX-License-Identifier: Apache-2.0
// The head of a server's answer, made such that whoever reads it behind us understands the same as
// we do, and that what is noted of it can be given again. Pure. [RFC 9112 6.3; RFC 9110 7.6]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "front/record/http_message.h"

namespace tare::front_record {

struct ResponseHead {
  int status = 0;
  std::vector<Header> headers;
  std::string header(std::string_view name) const;  // In lower case; the last.
};

// Reads the lines that come before a body.
class AnswerReader {
 public:
  // `line`: as it came, with its end. `status`: of the answer that it is of. True: it was the last
  // line of the head of the answer itself. What comes behind that, as trailers, is nobody's
  // business, and neither are answers before it (100 to 199). Errors: Invalid (lengths that
  // contradict each other; 101, as what follows is no HTTP any more).
  Result<bool> take(std::string_view line, int status);
  // When take() has said so: at most one length, and none beside a transfer coding; no header that
  // is for us alone; values in UTF-8, in which other bytes are %XX.
  const ResponseHead& head() const { return head_; }

 private:
  Result<> finish(int status);
  ResponseHead head_;
  bool is_complete_ = false;
};

// The value as it is noted: the addresses in "location" and "link" without a user, who is nobody
// else's business. Programs ask for the same without one (without_user()).
std::string noted_value(const Header& header);

}  // namespace tare::front_record
