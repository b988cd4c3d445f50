// SPDX-License-Identifier: Apache-2.0
#include "front/record/session.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "front/record/reply.h"

namespace tare::front_record {
namespace {

constexpr std::uint64_t kMaxSent = 1ull << 30;  // Bytes of the body of a request.
constexpr std::uint16_t kHttp = 80;
constexpr std::uint16_t kHttps = 443;

// Whether it is asked again what the program has already, or how it comes: the whole is asked for,
// as it is, so that an answer depends on what is asked for alone.
bool is_condition(std::string_view name) {
  constexpr std::string_view kNames[] = {
      "if-modified-since", "if-none-match",       "if-range",
      "if-match",          "if-unmodified-since", "accept-encoding"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

// What the next time may answer otherwise: a server in trouble, and whoever is to come later.
bool is_passing(int status) {
  return status >= 500 || status == 408 || status == 425 || status == 429 || status == 407;
}

// "name: value" of those that are noted. A length is that of the bytes, where there are any.
std::vector<std::string> noted(const ResponseHead& head, bool has_no_bytes) {
  std::vector<std::string> headers;
  for (const Header& header : head.headers) {
    const std::string name = lower(header.name);
    if (transfer::is_noted_header(name) || (has_no_bytes && name == "content-length"))
      headers.push_back(name + ": " + noted_value(header));
  }
  return headers;
}

}  // namespace

Session::Session(const transfer::RecorderSettings& settings, const Issuer& issuer,
                 Notebook& notebook, ClientStream stream)
    : settings_(settings),
      issuer_(issuer),
      notebook_(notebook),
      stream_(std::move(stream)),
      upstream_(settings) {}

Result<> Session::run() {
  while (TRY(serve_one())) {
  }
  return {};
}

Result<bool> Session::serve_one() {
  const std::string text = TRY(stream_.read_head());
  if (text.empty()) return false;
  auto parsed = parse_request_head(text);
  if (!parsed) {
    TRY(Reply::send_text(stream_, 400, parsed.error().message()));
    return false;
  }
  if (parsed->method == "CONNECT") {
    TRY(open_tunnel(*parsed));
    return true;
  }
  auto asked = read_asked(std::move(*parsed));
  if (!asked) {
    TRY(Reply::send_text(stream_, 400, asked.error().message()));
    return false;
  }
  return settings_.is_locked ? give(*asked) : fetch(*asked);
}

Result<> Session::open_tunnel(const RequestHead& head) {
  if (!base_.empty()) return fail(Kind::Invalid, "a tunnel in a tunnel");
  const auto place = parse_host_port(head.target);
  if (!place) {
    TRY(Reply::send_text(stream_, 400, place.error().message()));
    return std::unexpected(place.error());
  }
  TRY(stream_.write("HTTP/1.1 200 Connection established\r\n\r\n"));
  if (TRY(stream_.begins_tls())) {
    TlsContext server = TRY(issuer_.server_of(place->host));
    base_ = "https://" + place->text(kHttps);
    if (auto begun = stream_.start_tls(std::move(server)); !begun) {
      TRY(notebook_.note({.url = base_, .failed = begun.error().message()}));
      return begun;
    }
  } else {
    base_ = "http://" + place->text(kHttp);
  }
  return {};
}

Result<> Session::read_bytes(std::uint64_t count, BodyFile& body) {
  std::array<char, 65536> buffer;
  while (count > 0) {
    const std::size_t got = TRY(stream_.read(
        buffer.data(), static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), count))));
    if (got == 0) return fail(Kind::Unavailable, "a request ended within its body");
    TRY(body.take({buffer.data(), got}));
    count -= got;
  }
  return {};
}

Result<> Session::read_body(const RequestHead& head, const Framing& framing, BodyFile& body) {
  if (lower(head.header("expect")) == "100-continue")
    TRY(stream_.write("HTTP/1.1 100 Continue\r\n\r\n"));
  if (!framing.is_chunked) return read_bytes(framing.length, body);
  for (;;) {
    const std::string line = TRY(stream_.read_line());
    const std::uint64_t size = TRY(parse_chunk_size(line));
    if (size > kMaxSent - std::min(kMaxSent, body.size()))
      return fail(Kind::Invalid, "the body of a request is too long");
    if (size == 0) break;
    TRY(read_bytes(size, body));
    if (!TRY(stream_.read_line()).empty()) return fail(Kind::Invalid, "a chunk has no end");
  }
  std::size_t trailers = 0;
  while (!TRY(stream_.read_line()).empty())
    if (++trailers > kMaxHeaders) return fail(Kind::Invalid, "a request has too many trailers");
  return {};
}

Result<Session::Asked> Session::read_asked(RequestHead head) {
  Asked asked{.head = std::move(head)};
  asked.url = TRY(url_of(asked.head, base_));
  const Framing framing = TRY(framing_of(asked.head));
  if (framing.length > kMaxSent) return fail(Kind::Invalid, "the body of a request is too long");
  if (asked.head.method != "GET") asked.request = asked.head.method;
  const std::string range = asked.head.header("range");
  if (!std::ranges::all_of(range, [](char c) { return c >= ' ' && c <= '~'; }))
    return fail(Kind::Invalid, "a range is none");
  if (!range.empty()) asked.request = asked.head.method + " " + range;
  if (framing.has_body()) {
    asked.body.emplace(TRY(notebook_.begin_body()));
    TRY(read_body(asked.head, framing, *asked.body));
    asked.request = asked.head.method + " " + asked.body->digest().text();
  }
  return asked;
}

Question Session::question_of(const Asked& asked) {
  Question question{.method = asked.head.method, .url = asked.url};
  const std::string listed = lower(asked.head.header("connection"));
  for (const Header& header : asked.head.headers) {
    const std::string name = lower(header.name);
    if (is_hop_by_hop(name) || is_condition(name) || name == "host" || name == "expect" ||
        (name == "content-length" && asked.body) || ("," + listed + ",").contains("," + name + ","))
      continue;
    question.headers.push_back(header);
  }
  question.headers.push_back({.name = "Accept-Encoding", .value = "identity"});
  if (asked.body) {
    question.body = asked.body->file();
    question.body_bytes = asked.body->size();
  }
  return question;
}

Result<> Session::begin(const transfer::Answer& answer) {
  return notebook_.note({.request = answer.request, .url = answer.url, .has_begun = true});
}

Result<bool> Session::fetch(Asked& asked) {
  Reply reply(stream_, asked.head);
  transfer::Answer answer{.request = asked.request, .url = without_user(asked.url)};
  TRY(begin(answer));
  BodyFile body = TRY(notebook_.begin_body());
  const auto head_came = [&](const ResponseHead& head) -> Result<> {
    answer.status = head.status;
    answer.headers = noted(head, asked.head.method == "HEAD");
    return reply.begin(head);
  };
  const auto take = [&](std::string_view bytes) -> Result<> {
    TRY(notebook_.take_room(bytes.size()));
    TRY(body.take(bytes));
    return reply.take(bytes);
  };
  auto done = upstream_.ask(question_of(asked), head_came, take);
  if (!done) {
    const std::string& why = done.error().message();
    TRY(notebook_.note({.request = answer.request, .url = answer.url, .failed = why}));
    if (reply.has_sent()) return std::unexpected(std::move(done).error());
    return refuse(asked, done.error().kind() == Kind::Denied ? 403 : 502, answer.url + ": " + why);
  }
  if (!is_passing(answer.status)) {
    answer.size = body.size();
    answer.digest = body.digest();
    if (answer.size > 0) answer.file = body.keep();
    // Before the program has all of it: what it could use is noted.
    TRY(notebook_.note(answer));
  }
  TRY(reply.end());
  return reply.keeps_alive();
}

Result<bool> Session::give(const Asked& asked) {
  const transfer::Answer wanted{.request = asked.request, .url = without_user(asked.url)};
  const transfer::Answer* const found = notebook_.find(wanted.key());
  if (found == nullptr) {
    TRY(notebook_.note(
        {.request = wanted.request, .url = wanted.url, .refused = "not in the lock"}));
    return refuse(asked, 403, "the lock has no answer to " + wanted.key());
  }
  TRY(begin(wanted));
  ResponseHead head{.status = found->status};
  for (const std::string& line : found->headers)
    if (const auto pair = split_once(line, ':'))
      head.headers.push_back(
          {.name = std::string(pair->first), .value = std::string(trim(pair->second))});
  if (asked.head.method != "HEAD" && found->status != 204 && found->status != 304)
    head.headers.push_back({.name = "content-length", .value = std::to_string(found->size)});
  Reply reply(stream_, asked.head);
  TRY(reply.begin(head));
  codec::Sha256 hash;
  if (!found->file.empty()) {
    const sys::Fd file = TRY(notebook_.open_body(*found));
    std::string buffer(256 << 10, '\0');
    while (const std::size_t count =
               TRY(sys::read_full(file.get(), buffer.data(), buffer.size()))) {
      hash.update({buffer.data(), count});
      TRY(reply.take({buffer.data(), count}));
    }
  }
  // The last bytes are still here: what is not what was noted never comes to an end.
  if (hash.finish() != found->digest)
    return fail(Kind::Corrupt, "the bytes of " + wanted.key() + " are not those of the lock");
  TRY(notebook_.note(*found));
  TRY(reply.end());
  return reply.keeps_alive();
}

Result<bool> Session::refuse(const Asked& asked, int status, const std::string& why) {
  TRY(Reply::send_text(stream_, status, why, asked.head.method == "HEAD"));
  return false;
}

}  // namespace tare::front_record
