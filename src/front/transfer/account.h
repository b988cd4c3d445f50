// SPDX-License-Identifier: Apache-2.0
// A registry with what we know to get in: credentials, and the tokens that they were changed for.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "front/transfer/challenge.h"
#include "front/transfer/exchange.h"
#include "front/transfer/url.h"
#include "transfer/protocol.h"

namespace tare::front_transfer {

using Clock = std::chrono::steady_clock;

class Account {
 public:
  explicit Account(transfer::Endpoint endpoint) : endpoint_(std::move(endpoint)) {}

  const transfer::Endpoint& endpoint() const { return endpoint_; }
  bool has_credentials() const { return !endpoint_.user.empty() || has_identity_token(); }
  // TLS for the registry, and for others: those get neither its certificates nor its exceptions.
  Tls tls_for(const std::string& url) const;
  // The Authorization for a request to `url` with these scopes; empty when there is none yet, and
  // always for another origin.
  std::string authorization(const std::string& url, const std::string& scopes) const;

  // The registry is on this machine itself: then it may send us to others there.
  bool is_here() const { return is_here_; }
  void set_here() { is_here_ = true; }

  // What is to be done about a 401.
  enum class Step : std::uint8_t { GiveUp, Repeat, AskForToken };
  // `tried`: the Authorization that was of no use. Errors: Invalid; Denied (see check_realm).
  Result<Step> hear_challenge(const std::string& header, const std::string& tried,
                              const std::vector<std::string>& scopes);
  // The request that AskForToken means, and what came of it. Errors: Denied, Invalid.
  Call token_call() const;
  Result<> take_token(const std::string& scopes, int status, const std::string& text);

 private:
  bool has_identity_token() const { return !endpoint_.identity_token.empty(); }
  std::string basic() const;
  Result<> plan_token(const Challenge& challenge, const std::vector<std::string>& scopes);

  struct Token {
    std::string text;
    Clock::time_point until;
  };
  transfer::Endpoint endpoint_;
  bool basic_wanted_ = false;
  bool is_here_ = false;
  std::map<std::string, Token> tokens_;  // By scopes.
  std::string realm_;
  std::vector<std::pair<std::string, std::string>> query_;
};

// The key of a set of scopes.
std::string scope_key(const std::vector<std::string>& scopes);

}  // namespace tare::front_transfer
