// SPDX-License-Identifier: Apache-2.0
// One connection of a program in RUN: its requests one after the other.
#pragma once

#include <optional>
#include <string>

#include "front/record/client_stream.h"
#include "front/record/http_message.h"
#include "front/record/notebook.h"
#include "front/record/upstream.h"

namespace tare::front_record {

class Session {
 public:
  // All live as long as this.
  Session(const transfer::RecorderSettings& settings, const Issuer& issuer, Notebook& notebook,
          ClientStream stream);
  // Until the program has no more requests. Errors: what ended it.
  Result<> run();

 private:
  // A request with its body.
  struct Asked {
    RequestHead head;
    std::string url;
    std::optional<BodyFile> body;
    std::string request;  // Answer::request.
  };

  Result<bool> serve_one();  // False: it was the last.
  Result<> open_tunnel(const RequestHead& head);
  Result<Asked> read_asked(RequestHead head);
  Result<> read_body(const RequestHead& head, const Framing& framing, BodyFile& body);
  Result<> read_bytes(std::uint64_t count, BodyFile& body);
  // Notes that the program is about to get something.
  Result<> begin(const transfer::Answer& answer);
  Result<bool> fetch(Asked& asked);
  Result<bool> give(const Asked& asked);
  Result<bool> refuse(const Asked& asked, int status, const std::string& why);
  static Question question_of(const Asked& asked);

  const transfer::RecorderSettings& settings_;
  const Issuer& issuer_;
  Notebook& notebook_;
  ClientStream stream_;
  Upstream upstream_;
  std::string base_;  // "https://host" in a tunnel.
};

}  // namespace tare::front_record
