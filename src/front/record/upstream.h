// SPDX-License-Identifier: Apache-2.0
// One request to a server, with libcurl; no redirect is followed and nothing repeated.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "front/record/answer_head.h"
#include "front/record/http_message.h"
#include "transfer/recording.h"

namespace tare::front_record {

struct Question {
  std::string method;
  std::string url;
  std::vector<Header> headers;  // As they are sent; Host is the URL's.
  int body = -1;                // A file that is sent, from its start. Borrowed; -1: none.
  std::uint64_t body_bytes = 0;
};

class Upstream {
 public:
  // `settings` live as long as this.
  explicit Upstream(const transfer::RecorderSettings& settings)
      : settings_(settings), easy_(new_handle()) {}
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;
  ~Upstream();

  // `begin` gets the head of the answer, before `take` gets its body in pieces; an error of either
  // ends the exchange and is returned. Connections are kept for the next one. Errors: Unavailable
  // (the network; a certificate that is not believed), Denied (an address that is not asked),
  // Invalid (an answer that could be read in two ways, or is none of HTTP).
  using Begin = std::function<Result<>(const ResponseHead& head)>;
  using Take = std::function<Result<>(std::string_view bytes)>;
  Result<> ask(const Question& question, const Begin& begin, const Take& take);

 private:
  static void* new_handle();

  const transfer::RecorderSettings& settings_;
  void* easy_;
};

}  // namespace tare::front_record
