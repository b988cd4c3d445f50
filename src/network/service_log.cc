// SPDX-License-Identifier: Apache-2.0
#include "network/service_log.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/fd.h"

namespace tare::network {
namespace {
constexpr off_t kMostBytes = 256 << 10;
}

void log(std::string_view text) {
  shorten_log();
  // When it cannot be written there is nobody else to tell.
  (void)sys::write_all(STDERR_FILENO, rfc3339(now_ns()) + " " + escaped(text) + "\n");
}

void log(const Error& error) { log(error.message()); }

void shorten_log() {
  struct stat status{};
  if (::fstat(STDERR_FILENO, &status) != 0 || !S_ISREG(status.st_mode)) return;
  if (status.st_size > kMostBytes && ::ftruncate(STDERR_FILENO, 0) != 0) return;
}

}  // namespace tare::network
