// SPDX-License-Identifier: Apache-2.0
// The connection of a program that asks the recorder, in the clear or, behind CONNECT, with TLS.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "front/record/authority.h"
#include "sys/fd.h"

namespace tare::front_record {

// Reads and writes wait, but not for ever: who says nothing for a minute, or takes nothing for ten,
// is left.
class ClientStream {
 public:
  static Result<ClientStream> open(sys::Fd socket);

  // Up to and with the empty line; nothing at the end of the connection. Errors: Invalid (longer
  // than kMaxHead), Unavailable.
  Result<std::string> read_head();
  // Without its end. Errors: as read_head().
  Result<std::string> read_line();
  // Up to `size` bytes: 0 at the end.
  Result<std::size_t> read(char* buffer, std::size_t size);
  Result<> write(std::string_view bytes);

  // Whether what comes next looks like TLS.
  Result<bool> begins_tls();
  Result<> start_tls(TlsContext context);

 private:
  explicit ClientStream(sys::Fd socket) : socket_(std::move(socket)) {}
  Result<std::size_t> receive(char* buffer, std::size_t size);
  Result<bool> read_more();  // False: the end.
  Result<std::string> read_until(std::string_view end, std::size_t most);

  sys::Fd socket_;
  TlsContext context_;
  std::unique_ptr<SSL, Free> tls_;
  std::string ahead_;  // Read and not yet taken.
};

}  // namespace tare::front_record
