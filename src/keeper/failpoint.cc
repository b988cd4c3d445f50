// SPDX-License-Identifier: Apache-2.0
// base/failpoint.h without a C library.
#include "base/failpoint.h"

#ifdef TARE_FAILPOINTS
#include <signal.h>

#include "sys/bare.h"

namespace tare {
namespace {

// The value of a variable in /proc/self/environ, "" without one.
const char* variable(char* text, long size, const char* key) {
  for (long at = 0; at < size;) {
    if (const char* value = bare::after(text + at, key)) return value;
    while (at < size && text[at] != '\0') ++at;
    ++at;
  }
  return "";
}

}  // namespace

void failpoint(const char* name) noexcept {
  static char text[8192];
  const auto fd = static_cast<int>(bare::open_at(AT_FDCWD, "/proc/self/environ", O_RDONLY));
  if (fd < 0) return;
  const long size = bare::read(fd, text, sizeof text - 1);
  bare::close(fd);
  if (size <= 0 || !bare::equal(variable(text, size, "TARE_FAILPOINT="), name)) return;
  const char* hit = variable(text, size, "TARE_FAILPOINT_HIT=");
  bare::close(static_cast<int>(bare::open_at(AT_FDCWD, hit, O_WRONLY | O_CREAT)));
  bare::call(__NR_kill, bare::call(__NR_getpid), SIGKILL);
}

}  // namespace tare
#endif
