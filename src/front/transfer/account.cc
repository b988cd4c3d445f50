// SPDX-License-Identifier: Apache-2.0
// Basic authentication and tokens. [RFC 7617; distribution's "Token Authentication Specification"
// and "OAuth2 Token Authentication"]
#include "front/transfer/account.h"

#include <algorithm>

#include "base/text.h"
#include "codec/json.h"

namespace tare::front_transfer {
namespace {

constexpr std::int64_t kTokenSeconds = 60;  // When the server does not tell. [as Docker]
constexpr std::int64_t kMarginSeconds = 5;

bool is_header_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

}  // namespace

std::string scope_key(const std::vector<std::string>& scopes) { return join(scopes, " "); }

Tls Account::tls_for(const std::string& url) const {
  const auto own = origin_of(endpoint_.url);
  const auto other = origin_of(url);
  if (!own || !other || *own != *other)
    return {.ca = {}, .certificate = {}, .key = {}, .is_registry = endpoint_.is_registry};
  return {.verify = endpoint_.verify,
          .ca = endpoint_.ca,
          .certificate = endpoint_.certificate,
          .key = endpoint_.key,
          .is_registry = endpoint_.is_registry};
}

std::string Account::basic() const {
  if (endpoint_.user.empty()) return "";
  return "Basic " + to_base64(endpoint_.user + ":" + endpoint_.password);
}

std::string Account::authorization(const std::string& url, const std::string& scopes) const {
  const auto own = origin_of(endpoint_.url);
  const auto other = origin_of(url);
  if (!own || !other || *own != *other) return "";
  if (basic_wanted_) return basic();
  const auto found = tokens_.find(scopes);
  if (found == tokens_.end() || found->second.until < Clock::now()) return "";
  return "Bearer " + found->second.text;
}

Result<Account::Step> Account::hear_challenge(const std::string& header, const std::string& tried,
                                              const std::vector<std::string>& scopes) {
  const auto challenges = TRY(parse_challenges(header), "the registry's question for credentials");
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme != "bearer" || tried.starts_with("Bearer ") || !endpoint_.is_registry)
      continue;
    TRY(plan_token(challenge, scopes));
    return Step::AskForToken;
  }
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme != "basic" || tried.starts_with("Basic ") || endpoint_.user.empty())
      continue;
    basic_wanted_ = true;
    return Step::Repeat;
  }
  return Step::GiveUp;
}

Result<> Account::plan_token(const Challenge& challenge, const std::vector<std::string>& scopes) {
  const auto parameter = [&](const char* name) {
    const auto found = challenge.parameters.find(name);
    return found == challenge.parameters.end() ? std::string() : found->second;
  };
  realm_ = TRY(resolve_url(endpoint_.url, parameter("realm")));
  TRY(check_realm(endpoint_.url, realm_, has_credentials()));
  query_.clear();
  if (const std::string service = parameter("service"); !service.empty())
    query_.emplace_back("service", service);
  std::vector<std::string> wanted = scopes;
  if (const std::string asked = parameter("scope"); wanted.empty() && !asked.empty())
    wanted = split(asked, ' ');
  for (const std::string& scope : wanted) query_.emplace_back("scope", scope);
  return {};
}

Call Account::token_call() const {
  Call call;
  call.url = realm_;
  call.tls = tls_for(realm_);
  // The same server at another port is the same machine's.
  if (const auto own = origin_of(endpoint_.url), other = origin_of(realm_);
      own && other && own->host == other->host)
    call.tls = tls_for(endpoint_.url);
  std::string text;
  auto query = query_;
  if (has_identity_token()) {
    query.emplace_back("grant_type", "refresh_token");
    query.emplace_back("client_id", "tare");
    query.emplace_back("refresh_token", endpoint_.identity_token);
  } else if (has_credentials()) {
    call.headers.push_back("Authorization: " + basic());
    query.emplace_back("account", endpoint_.user);
  }
  for (const auto& [name, value] : query)
    text += (text.empty() ? "" : "&") + percent_encode(name) + "=" + percent_encode(value);
  if (has_identity_token()) {
    call.method = "POST";
    call.form = text;
  } else if (!text.empty()) {
    call.url += (call.url.find('?') == std::string::npos ? "?" : "&") + text;
  }
  return call;
}

Result<> Account::take_token(const std::string& scopes, int status, const std::string& text) {
  const auto own = origin_of(realm_);
  const std::string who = "the token server " + (own ? own->host : realm_);
  if (status == 401 || status == 403)
    return std::unexpected(
        Error(Kind::Denied, who + " refuses" + (has_credentials() ? " the user and password" : "") +
                                " (status " + std::to_string(status) + ")")
            .hint("log in with 'tare login', or ask for the right to this repository"));
  if (status != 200)
    return fail(Kind::Unavailable, who + " answers with status " + std::to_string(status));
  const json::Value value = TRY(json::parse(text), who);
  Token token;
  token.text = value["token"].as_string();
  if (token.text.empty()) token.text = value["access_token"].as_string();
  if (token.text.empty() || !is_header_text(token.text))
    return fail(Kind::Invalid, who + " gave no token");
  const std::int64_t seconds =
      std::clamp<std::int64_t>(value["expires_in"].as_int(kTokenSeconds), 0, 24 * 3600);
  token.until =
      Clock::now() + std::chrono::seconds(std::max(kTokenSeconds, seconds) - kMarginSeconds);
  tokens_[scopes] = std::move(token);
  return {};
}

}  // namespace tare::front_transfer
