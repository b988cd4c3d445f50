// SPDX-License-Identifier: Apache-2.0
#include "front/transfer/job.h"

#include <sys/random.h>

#include <algorithm>

#include "base/text.h"

namespace tare::front_transfer {
namespace {

constexpr int kMaxHops = 5;
constexpr int kMaxQuestions = 3;  // No token, an old token, a token that is too small.
constexpr std::size_t kMaxText = 64 << 10;
constexpr std::size_t kMaxDetail = 4096;
constexpr std::uint64_t kMostOfDocument = 4 << 20;
constexpr long kDocumentSeconds = 300;  // 14 kB a second for the largest one.
constexpr auto kFirstPause = std::chrono::milliseconds(200);
constexpr auto kLongestPause = std::chrono::seconds(15);
constexpr auto kMostPatience = std::chrono::seconds(120);  // With a server that says when.
constexpr auto kTellEvery = std::chrono::milliseconds(100);

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// What may be otherwise next time. [RFC 9110 15.5.9, 15.6; RFC 6585 4]
bool is_passing(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

// Doubled with each failure, and a random part of it, so that many who failed at once do not come
// back at once.
std::chrono::milliseconds pause_after(int failures) {
  const auto longest = std::chrono::milliseconds(kLongestPause);
  const auto pause = std::min(longest, kFirstPause * (1 << std::min(failures - 1, 10)));
  std::uint16_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) return pause;
  return pause / 2 + pause * random / 2 / 65536;
}

// "Content-Range: bytes 100-199/200": where it begins. [RFC 9110 14.4]
std::optional<std::uint64_t> range_start(const std::string& header) {
  if (!header.starts_with("bytes ")) return std::nullopt;
  const auto start = parse_u64(std::string_view(header).substr(6, header.find('-') - 6));
  return start ? std::optional(*start) : std::nullopt;
}

}  // namespace

Job::Job(Network& network, Account& account, transfer::Request request, sys::Fd file, Tell tell)
    : network_(network), account_(account), request_(std::move(request)), tell_(std::move(tell)) {
  if (!file) return;
  if (request_.uploads)
    upload_ = std::move(file);
  else
    body_.emplace(std::move(file), request_);
}

void Job::fail_with(Error error) {
  if (over_) return;
  over_ = true;
  due_.reset();
  transfer::Event event{.type = transfer::Event::Type::Failed, .id = request_.id};
  event.error = std::move(error);
  tell_(event);
}

void Job::start() {
  const auto begin = [&]() -> Result<> {
    url_ = TRY(resolve_url(account_.endpoint().url, request_.target));
    if (body_) TRY(body_->prepare());
    bytes_before_ = body_ ? body_->bytes() : 0;
    return try_once();
  };
  if (auto begun = begin(); !begun) fail_with(std::move(begun).error());
}

void Job::go_on() {
  due_.reset();
  if (auto begun = try_once(); !begun) fail_with(std::move(begun).error());
}

Result<> Job::try_once() {
  text_.clear();
  problem_.reset();
  is_checked_ = false;
  // Nothing tells whether the rest would be of the same bytes.
  if (body_ && body_->bytes() > 0 && !is_fixed() && validator_.empty()) TRY(body_->restart());
  if (body_ && body_->has_all()) {  // It was all there, from before.
    Outcome outcome;
    outcome.status = 200;
    return conclude(outcome);
  }
  return network_.begin(make_call(), [this](const Outcome& outcome) { hear(outcome); });
}

Call Job::make_call() {
  Call call;
  if (asks_token_) {
    call = account_.token_call();
    call.seconds = kDocumentSeconds;
    call.no_local = is_foreign(call.url);
    call.take = [this](std::string_view bytes) {
      text_ += bytes;
      return text_.size() <= kMaxText;
    };
    return call;
  }
  call.method = request_.method;
  call.url = url_;
  call.tls = account_.tls_for(url_);
  call.no_local = is_foreign(url_);
  const bool is_document = !upload_ && request_.size.value_or(0) <= kMostOfDocument;
  if (is_document) call.seconds = kDocumentSeconds;
  authorization_ = account_.authorization(url_, scope_key(request_.scopes));
  add_headers(call, authorization_);
  if (upload_) {
    call.upload = upload_.get();
    call.upload_bytes = request_.size.value_or(0);
    call.told = [this](std::uint64_t sent) { tell_progress(sent); };
  }
  call.take = [this](std::string_view bytes) { return take(bytes); };
  return call;
}

// Somebody else than us named its host, and that somebody is not this machine.
bool Job::is_foreign(const std::string& url) const {
  const auto own = origin_of(account_.endpoint().url);
  const auto other = origin_of(url);
  return own && other && own->host != other->host && !is_local(own->host) && !account_.is_here();
}

void Job::add_headers(Call& call, const std::string& authorization) const {
  if (!authorization.empty()) call.headers.push_back("Authorization: " + authorization);
  for (const std::string& type : request_.accept) call.headers.push_back("Accept: " + type);
  if (request_.method != "GET" && request_.method != "HEAD")
    // An empty value takes libcurl's own away.
    call.headers.push_back("Content-Type: " + request_.content_type);
  if (body_ && (body_->bytes() > 0 || body_->last()))
    call.headers.push_back("Range: bytes=" + std::to_string(body_->position()) + "-" +
                           (body_->last() ? std::to_string(*body_->last()) : ""));
  if (body_ && body_->bytes() > 0 && !validator_.empty())
    call.headers.push_back("If-Range: " + validator_);  // [RFC 9110 13.1.5]
  if (!body_ || body_->bytes() == 0) {
    if (!request_.etag.empty()) call.headers.push_back("If-None-Match: " + request_.etag);
    if (!request_.modified.empty())
      call.headers.push_back("If-Modified-Since: " + request_.modified);
  }
  // Bytes are hashed as they are stored: no encoding in between.
  if (body_) call.headers.emplace_back("Accept-Encoding: identity");
}

// It is known what has to come, whoever sends it.
bool Job::is_fixed() const { return !request_.digest.empty() || request_.part_at; }

bool Job::takes_body(int status) const { return body_ && (status == 200 || status == 206); }

// Looks at the headers before the first byte is written. False: the answer is to be read as text.
Result<bool> Job::accepts(const Outcome& outcome) {
  if (!takes_body(outcome.status)) return false;
  if (outcome.status == 200 && body_->last())
    return fail(Kind::Unsupported, "the server does not give parts of a blob");
  if (outcome.status == 200 && body_->bytes() > 0) TRY(body_->restart());
  if (outcome.status == 200 && !is_fixed()) {
    const std::string etag = outcome.header("etag");
    validator_ = etag.starts_with("W/") ? "" : etag;
    if (validator_.empty()) validator_ = outcome.header("last-modified");
  }
  if (outcome.status == 206 && range_start(outcome.header("content-range")) != body_->position())
    return fail(Kind::Corrupt, "the server sent another part than was asked for: " +
                                   quoted(outcome.header("content-range")));
  const auto length = parse_u64(outcome.header("content-length"));
  if (length && request_.size && *length + body_->bytes() != *request_.size)
    return fail(Kind::Corrupt, "the server has " + std::to_string(*length + body_->bytes()) +
                                   " bytes of it, but " + std::to_string(*request_.size) +
                                   " were announced");
  return true;
}

bool Job::take(std::string_view bytes) {
  const Outcome& outcome = *network_.current();
  if (!is_checked_) {
    const auto accepted = accepts(outcome);
    if (!accepted) {
      problem_ = accepted.error();
      return false;
    }
    is_checked_ = true;
  }
  if (!takes_body(outcome.status)) {
    text_ += bytes.substr(0, kMaxText - std::min(kMaxText, text_.size()));
    return true;
  }
  if (const auto taken = body_->take(bytes); !taken) {
    problem_ = taken.error();
    return false;
  }
  tell_progress(body_->bytes());
  return true;
}

void Job::tell_progress(std::uint64_t done) {
  const auto now = Clock::now();
  if (now - told_at_ < kTellEvery) return;
  told_at_ = now;
  tell_({.type = transfer::Event::Type::Progress, .id = request_.id, .done = done});
}

void Job::hear(const Outcome& outcome) {
  if (auto judged = judge(outcome); !judged) fail_with(std::move(judged).error());
}

Result<> Job::judge(const Outcome& outcome) {
  if (outcome.is_here && !is_foreign(asks_token_ ? account_.token_call().url : url_))
    account_.set_here();
  if (problem_) {
    if (body_ && problem_->kind() == Kind::Corrupt) TRY(body_->restart());
    return std::unexpected(*problem_);
  }
  const bool ended_badly = !outcome.failure.empty() && !outcome.is_our_will;
  if (ended_badly || is_passing(outcome.status)) return try_again(outcome);
  if (asks_token_) return take_token(outcome);
  if (outcome.status == 401) return authenticate(outcome);
  if (is_redirect(outcome.status) && !outcome.header("location").empty() &&
      (request_.method == "GET" || request_.method == "HEAD" || outcome.status >= 307))
    return follow(outcome);
  if (outcome.status == 416 && body_ && body_->bytes() > 0) {  // The server has fewer bytes.
    TRY(body_->restart());
    return try_once();
  }
  return conclude(outcome);
}

Result<> Job::follow(const Outcome& outcome) {
  if (++hops_ > kMaxHops)
    return fail(Kind::Invalid, "there are more than " + std::to_string(kMaxHops) + " redirections");
  const std::string next = TRY(resolve_url(url_, outcome.header("location")));
  TRY(check_redirect(url_, next));
  url_ = next;
  return try_once();
}

Result<> Job::authenticate(const Outcome& outcome) {
  // Another origin gets no credentials, so there is nothing to answer it.
  const std::string own = TRY(resolve_url(account_.endpoint().url, "/"));
  if (TRY(origin_of(own)) != TRY(origin_of(url_)) || ++questions_ > kMaxQuestions)
    return conclude(outcome);
  switch (TRY(account_.hear_challenge(outcome.header("www-authenticate"), authorization_,
                                      request_.scopes))) {
    case Account::Step::GiveUp:
      return conclude(outcome);
    case Account::Step::Repeat:
      return try_once();
    case Account::Step::AskForToken:
      asks_token_ = true;
      return try_once();
  }
  return {};
}

Result<> Job::take_token(const Outcome& outcome) {
  asks_token_ = false;
  TRY(account_.take_token(scope_key(request_.scopes), outcome.status, text_));
  return try_once();
}

Result<> Job::try_again(const Outcome& outcome) {
  const std::uint64_t bytes = body_ ? body_->bytes() : 0;
  failures_ = bytes > bytes_before_ ? 1 : failures_ + 1;
  bytes_before_ = bytes;
  const auto origin = origin_of(asks_token_ ? account_.token_call().url : url_);
  const std::string host = origin ? origin->host : "the server";
  const std::string why = !outcome.failure.empty()
                              ? outcome.failure
                              : host + " answers with status " + std::to_string(outcome.status);
  // A name that does not exist now will not in a moment; a registry may be starting anew.
  const int tries = outcome.is_refused ? std::min(request_.tries, 6) : request_.tries;
  if (outcome.is_lasting || failures_ >= tries) {
    Error error(Kind::Unavailable, why);
    if (!outcome.hint.empty()) return std::unexpected(std::move(error).hint(outcome.hint));
    if (failures_ > 1)
      return std::unexpected(
          std::move(error).hint("tried " + std::to_string(failures_) + " times" +
                                (bytes > 0 ? "; what has come is kept for the next time" : "")));
    return std::unexpected(std::move(error));
  }
  auto pause = pause_after(failures_);
  if (const auto seconds = parse_u64(outcome.header("retry-after"))) {
    if (*seconds > static_cast<std::uint64_t>(kMostPatience.count()))
      return fail(Kind::Unavailable,
                  why + " and asks to come back in " + std::to_string(*seconds) + " seconds");
    pause = std::max<std::chrono::milliseconds>(pause, std::chrono::seconds(*seconds));
  }
  due_ = Clock::now() + pause;
  transfer::Event event{.type = transfer::Event::Type::Waiting, .id = request_.id};
  event.text = why;
  tell_(event);
  url_ = TRY(resolve_url(account_.endpoint().url, request_.target));
  hops_ = 0;
  return {};
}

Result<> Job::conclude(const Outcome& outcome) {
  transfer::Event event{.type = transfer::Event::Type::Done, .id = request_.id};
  event.reply.status = outcome.status;
  if (takes_body(outcome.status)) {
    TRY(body_->finish());
    event.reply.bytes = body_->bytes();
    event.reply.digest = body_->digest();
  }
  for (const std::string_view name : transfer::kHeaders)
    if (const std::string text = outcome.header(std::string(name)); !text.empty())
      event.reply.headers[std::string(name)] = text;
  // Where it really came from, for what is relative to it.
  if (auto& location = event.reply.headers["location"]; !location.empty()) {
    const auto whole = resolve_url(url_, location);
    if (!whole) return std::unexpected(whole.error());
    location = *whole;
  }
  if (outcome.status >= 400) event.reply.detail = text_.substr(0, kMaxDetail);
  over_ = true;
  tell_(event);
  return {};
}

}  // namespace tare::front_transfer
