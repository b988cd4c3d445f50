// SPDX-License-Identifier: Apache-2.0
// One request of tare's from its first try to the answer that counts: redirects, credentials,
// waiting and trying again, going on where it stopped.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "front/transfer/account.h"
#include "front/transfer/body.h"
#include "front/transfer/exchange.h"
#include "transfer/protocol.h"

namespace tare::front_transfer {

class Job {
 public:
  // Events that may be lost (progress) and those that may not.
  using Tell = std::function<void(const transfer::Event& event)>;
  // `network` and `account` outlive the job.
  Job(Network& network, Account& account, transfer::Request request, sys::Fd file, Tell tell);
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // The first try.
  void start();
  bool is_over() const { return over_; }
  // When the next try is due; nothing while one is under way.
  std::optional<Clock::time_point> due() const { return due_; }
  void go_on();  // When it is due.

 private:
  Result<> try_once();
  Call make_call();
  bool is_foreign(const std::string& url) const;
  void add_headers(Call& call, const std::string& authorization) const;
  bool take(std::string_view bytes);
  Result<bool> accepts(const Outcome& outcome);
  void hear(const Outcome& outcome);
  Result<> judge(const Outcome& outcome);
  Result<> follow(const Outcome& outcome);
  Result<> authenticate(const Outcome& outcome);
  Result<> take_token(const Outcome& outcome);
  Result<> try_again(const Outcome& outcome);
  Result<> conclude(const Outcome& outcome);
  void fail_with(Error error);
  void tell_progress(std::uint64_t done);
  bool takes_body(int status) const;
  bool is_fixed() const;

  Network& network_;
  Account& account_;
  transfer::Request request_;
  sys::Fd upload_;
  std::optional<Body> body_;
  Tell tell_;
  std::string url_;
  std::string authorization_;  // Of the try under way.
  std::string text_;  // An answer that is not for the file: of a token server, of a failure.
  std::optional<Error> problem_;  // Why take() ended the exchange.
  bool is_checked_ = false;       // The headers of the try under way.
  std::string validator_;         // Of what has come so far: an ETag, or when it was changed.
  bool asks_token_ = false;
  int hops_ = 0;
  int questions_ = 0;  // For credentials.
  int failures_ = 0;   // In a row.
  std::uint64_t bytes_before_ = 0;
  Clock::time_point told_at_{};
  std::optional<Clock::time_point> due_;
  bool over_ = false;
};

}  // namespace tare::front_transfer
