// SPDX-License-Identifier: Apache-2.0
#include "front/record/client_stream.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "front/record/http_message.h"

namespace tare::front_record {
namespace {

constexpr timeval kListens{.tv_sec = 60, .tv_usec = 0};
constexpr timeval kSpeaks{.tv_sec = 600, .tv_usec = 0};  // A program may be at work on what it got.
constexpr char kTlsHandshake = 0x16;                     // [RFC 8446 5.1]

std::unexpected<Error> gone(const char* what) {
  ::ERR_clear_error();
  return fail(Kind::Unavailable, std::string("the program's connection: ") + what);
}

}  // namespace

Result<ClientStream> ClientStream::open(sys::Fd socket) {
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kListens, sizeof kListens) != 0 ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kSpeaks, sizeof kSpeaks) != 0)
    return fail_errno("setsockopt");
  return ClientStream(std::move(socket));
}

Result<std::size_t> ClientStream::receive(char* buffer, std::size_t size) {
  if (tls_) {
    const int count =
        ::SSL_read(tls_.get(), buffer, static_cast<int>(std::min<std::size_t>(size, 1 << 20)));
    if (count > 0) return static_cast<std::size_t>(count);
    const int error = ::SSL_get_error(tls_.get(), count);
    ::ERR_clear_error();
    // Many programs end without saying so.
    if (error == SSL_ERROR_ZERO_RETURN || error == SSL_ERROR_SSL) return 0;
    return gone("reading failed");
  }
  ssize_t count = -1;
  do {
    count = ::recv(socket_.get(), buffer, size, 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return gone("reading failed");
  return static_cast<std::size_t>(count);
}

Result<bool> ClientStream::read_more() {
  std::array<char, 16384> buffer;
  const std::size_t count = TRY(receive(buffer.data(), buffer.size()));
  ahead_.append(buffer.data(), count);
  return count > 0;
}

Result<std::string> ClientStream::read_until(std::string_view end, std::size_t most) {
  std::size_t from = 0;
  for (;;) {
    const std::size_t at = ahead_.find(end, from);
    if (at != std::string::npos) {
      std::string text = ahead_.substr(0, at + end.size());
      ahead_.erase(0, at + end.size());
      return text;
    }
    if (ahead_.size() > most) return fail(Kind::Invalid, "a request over HTTP is too long");
    from = ahead_.size() < end.size() ? 0 : ahead_.size() - end.size();
    if (!TRY(read_more())) {
      if (ahead_.empty()) return std::string();
      return gone("it ended within a request");
    }
  }
}

Result<std::string> ClientStream::read_head() {
  // Empty lines in front are left over from before. [RFC 9112 2.2]
  while (ahead_.starts_with("\r\n")) ahead_.erase(0, 2);
  return read_until("\r\n\r\n", kMaxHead);
}

Result<std::string> ClientStream::read_line() {
  constexpr std::size_t kMaxLine = 4096;
  std::string line = TRY(read_until("\n", kMaxLine));
  if (line.empty()) return gone("it ended within a request");
  line.pop_back();
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

Result<std::size_t> ClientStream::read(char* buffer, std::size_t size) {
  if (ahead_.empty()) return receive(buffer, size);
  const std::size_t count = std::min(size, ahead_.size());
  std::memcpy(buffer, ahead_.data(), count);
  ahead_.erase(0, count);
  return count;
}

Result<> ClientStream::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (tls_) {
      const int count = ::SSL_write(tls_.get(), bytes.data(),
                                    static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20)));
      if (count <= 0) return gone("writing failed");
      bytes.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return gone("writing failed");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<bool> ClientStream::begins_tls() {
  // Nobody who speaks TLS says anything before the tunnel is there.
  if (!ahead_.empty()) return false;
  char first = 0;
  ssize_t count = -1;
  do {
    count = ::recv(socket_.get(), &first, 1, MSG_PEEK);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return gone("reading failed");
  return count == 1 && first == kTlsHandshake;
}

Result<> ClientStream::start_tls(TlsContext context) {
  context_ = std::move(context);
  tls_.reset(::SSL_new(context_.get()));
  if (!tls_ || ::SSL_set_fd(tls_.get(), socket_.get()) != 1) return gone("TLS cannot be set up");
  if (::SSL_accept(tls_.get()) != 1) return gone("TLS failed; does it know the authority?");
  return {};
}

}  // namespace tare::front_record
