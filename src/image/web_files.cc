// SPDX-License-Identifier: Apache-2.0
#include "image/web_files.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "image/downloads.h"
#include "image/proxies.h"
#include "image/surroundings.h"
#include "store/streams.h"

namespace tare::image {
namespace {

constexpr int kTries = 5;
constexpr int kLookAgainMs = 200;  // Whether somebody wants it to end.

// Where "user:password@" begins and ends in an address; nothing when it has none.
std::optional<std::pair<std::size_t, std::size_t>> find_user(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  const std::size_t begin = scheme + 3;
  const std::string_view authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return std::nullopt;
  return std::pair(begin, begin + at + 1);
}

std::string percent_decoded(std::string_view text) {
  const auto digit = [&](std::size_t at) {
    return at < text.size() ? std::string_view("0123456789abcdef").find(lower(text.substr(at, 1)))
                            : std::string_view::npos;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_coded = text[i] == '%' && digit(i + 1) < 16 && digit(i + 2) < 16;
    out += is_coded ? static_cast<char>(digit(i + 1) * 16 + digit(i + 2)) : text[i];
    if (is_coded) i += 2;
  }
  return out;
}

// Everything before the path, with whom it may be told.
transfer::Endpoint endpoint_of(const WebWish& wish, const TransferOptions& options) {
  transfer::Endpoint endpoint{.url = without_user(wish.url),
                              .verify = options.tls_verify.value_or(true),
                              .is_registry = false};
  if (const auto user = find_user(wish.url)) {
    const std::string_view text =
        std::string_view(wish.url).substr(user->first, user->second - user->first - 1);
    const auto pair = split_once(text, ':');
    endpoint.user = percent_decoded(pair ? pair->first : text);
    endpoint.password = pair ? percent_decoded(pair->second) : "";
  }
  endpoint.url.resize(std::min(endpoint.url.find_first_of("?#"), endpoint.url.size()));
  const std::size_t path = endpoint.url.find('/', endpoint.url.find("://") + 3);
  endpoint.url.resize(std::min(path, endpoint.url.size()));
  return endpoint;
}

std::string target_of(const std::string& url) { return url.substr(0, url.find('#')); }

Error refusal(const transfer::Reply& reply, const std::string& url) {
  const std::string status = " (status " + std::to_string(reply.status) + ")";
  if (reply.status == 401 || reply.status == 403)
    return {Kind::Denied, "the server refuses " + quoted(url) + status};
  if (reply.status == 404 || reply.status == 410)
    return {Kind::NotFound, quoted(url) + " is not there" + status};
  return {reply.status >= 500 ? Kind::Unavailable : Kind::Invalid,
          "the server does not give " + quoted(url) + status};
}

}  // namespace

std::string without_user(std::string_view url) {
  std::string text(url);
  if (const auto user = find_user(url)) text.erase(user->first, user->second - user->first);
  return text;
}

Result<NetworkSurroundings> find_network_surroundings() {
  const transfer::Proxies proxies = TRY(find_proxies());
  NetworkSurroundings all;
  for (const auto& [name, value] :
       {std::pair("http_proxy", proxies.http), std::pair("https_proxy", proxies.https),
        std::pair("no_proxy", proxies.none)})
    if (!value.empty()) all.environment[name] = value;
  for (const auto& [ours, gits] :
       {std::pair("SSL_CERT_FILE", "GIT_SSL_CAINFO"), std::pair("SSL_CERT_DIR", "GIT_SSL_CAPATH")})
    if (const std::string path = surroundings(ours); !path.empty()) {
      all.environment[gits] = path;
      all.readable.push_back(path);
    }
  constexpr std::size_t kMostHosts = 4 << 20;
  const std::string home = surroundings("HOME");
  if (const auto file = sys::open_path(home + "/.ssh/known_hosts", O_RDONLY | O_NONBLOCK))
    all.known_hosts = TRY(sys::read_all(file->get(), kMostHosts), "~/.ssh/known_hosts");
  return all;
}

Result<transfer::Reply> WebFiles::ask(const WebWish& wish, transfer::Request request, int file,
                                      const TransferProgress& progress) {
  if (!client_) {
    transfer::Settings settings{.bytes_per_second = options_.bytes_per_second};
    settings.proxies = TRY(find_proxies());
    client_.emplace(TRY(transfer::Client::start(options_.program, settings)));
  }
  const std::string url = without_user(wish.url);
  request.endpoint = TRY(client_->add_endpoint(endpoint_of(wish, options_)));
  request.target = target_of(url);
  request.limit = store_.room();
  request.tries = kTries;
  const std::uint64_t id = TRY(client_->send(std::move(request), file));
  for (;;) {
    pollfd waits{.fd = client_->fd(), .events = POLLIN, .revents = 0};
    if (!client_->has_next() && ::poll(&waits, 1, kLookAgainMs) < 0 && errno != EINTR)
      return fail_errno("poll");
    if (wish.is_interrupted && wish.is_interrupted()) {
      client_.reset();
      return fail(Kind::Unavailable, "the build was interrupted");
    }
    if (!client_->has_next() && waits.revents == 0) continue;
    transfer::Event event = TRY(client_->next());
    if (event.id != id) continue;
    switch (event.type) {
      case transfer::Event::Type::Done:
        return std::move(event.reply);
      case transfer::Event::Type::Failed:
        if (event.error->kind() == Kind::Invalid && store_.room() != store::Store::kAnySize)
          return store::no_more_room(store_.room());
        return std::unexpected(std::move(*event.error).wrap("get " + quoted(url)));
      case transfer::Event::Type::Progress:
        if (progress) progress({url, "Downloading", event.done, 0});
        break;
      case transfer::Event::Type::Waiting:
        if (progress) progress({url, event.text + "; trying again", 0, 0});
        break;
    }
  }
}

Result<WebFile> WebFiles::get(const WebWish& wish, const TransferProgress& progress) {
  if (store_.has_blob(wish.expected)) {
    const std::uint64_t size = TRY(store_.blob_size(wish.expected));
    return WebFile{.digest = wish.expected, .size = size};
  }
  transfer::Request request{.digest = wish.expected};
  if (wish.known) {
    request.etag = wish.known->etag;
    request.modified = wish.known->modified;
  }
  const store::Store::Scratch scratch = TRY(store_.make_scratch());
  Downloads downloads = TRY(Downloads::open(store_));
  // Somebody else may be getting the same: then it comes twice.
  auto part = wish.expected.empty() ? std::nullopt : TRY(downloads.claim(wish.expected));
  if (!part)
    part = Downloads::Part{
        .file = TRY(sys::open_at(scratch.dir.get(), "web", O_RDWR | O_CREAT | O_EXCL, 0600))};
  request.offset = part->bytes;
  const bool is_claimed = !wish.expected.empty();
  auto reply = ask(wish, std::move(request), part->file.get(), progress);
  const bool is_partial = !reply && reply.error().kind() == Kind::Unavailable;
  if (is_claimed && !is_partial && !reply) downloads.remove(wish.expected);
  const transfer::Reply answer = TRY(std::move(reply));
  if (answer.status == 304 && wish.known) return *wish.known;
  if (answer.status != 200 && answer.status != 206) {
    if (is_claimed) downloads.remove(wish.expected);
    return std::unexpected(refusal(answer, without_user(wish.url)));
  }
  // SECURITY: who fetched it speaks with strangers, and may have the file open still.
  if (::lseek(part->file.get(), 0, SEEK_SET) != 0) return fail_errno("rewind a download");
  store::FileSource source(part->file.get());
  store::RoomSource bounded(source, store_);
  const auto blob = store_.put_blob(bounded, wish.expected, store::Store::kAnySize);
  if (is_claimed) downloads.remove(wish.expected);
  if (!blob) return std::unexpected(blob.error());
  return WebFile{.digest = blob->digest,
                 .size = blob->size,
                 .etag = answer.header("etag"),
                 .modified = answer.header("last-modified")};
}

}  // namespace tare::image
