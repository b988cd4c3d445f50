// SPDX-License-Identifier: Apache-2.0
// tare-transfer: speaks HTTP for tare (src/transfer/protocol.h). Started by tare, and of no use to
// anybody else.
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "front/transfer/confine.h"
#include "front/transfer/server.h"
#include "sys/fd.h"
#include "transfer/protocol.h"

namespace {

tare::Result<> run() {
  ucred maker{};
  socklen_t size = sizeof maker;
  if (::getsockopt(tare::transfer::kSocket, SOL_SOCKET, SO_PEERCRED, &maker, &size) != 0)
    return tare::fail_errno("look who made the socket");
  TRY(tare::front_transfer::confine(
          {.last_descriptor = tare::transfer::kSocket, .parent = maker.pid}),
      "confine the transfer program");
  return tare::front_transfer::serve(tare::transfer::kSocket);
}

}  // namespace

int main() {
  struct stat status{};
  if (::fstat(tare::transfer::kSocket, &status) != 0 || !S_ISSOCK(status.st_mode)) {
    (void)tare::sys::write_all(
        STDERR_FILENO, "tare-transfer: tare starts this program for pull, push and the like\n");
    return 125;
  }
  const auto done = run();
  if (done) return 0;
  (void)tare::sys::write_all(STDERR_FILENO,
                             "tare-transfer: " + tare::escaped(done.error().message()) + "\n");
  return 125;
}
