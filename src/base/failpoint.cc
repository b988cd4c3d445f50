// SPDX-License-Identifier: Apache-2.0
#include "base/failpoint.h"

#ifdef TARE_FAILPOINTS
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace tare {
namespace {

// Where the file is made: its path leads elsewhere once a process has another root, or shares the
// mount namespace of one that has changed it.
int open_hit_directory() {
  const char* hit = std::getenv("TARE_FAILPOINT_HIT");
  const std::string_view path(hit == nullptr ? "" : hit);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return -1;
  const int low =
      ::open(std::string(path.substr(0, slash + 1)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  constexpr int kOutOfTheWay = 200;
  const int high = ::fcntl(low, F_DUPFD_CLOEXEC, kOutOfTheWay);
  ::close(low);
  return high;
}
const int g_hit_directory = open_hit_directory();

void make_hit() {
  const char* hit = std::getenv("TARE_FAILPOINT_HIT");
  if (hit == nullptr) return;
  constexpr int kFlags = O_WRONLY | O_CREAT | O_CLOEXEC;
  const char* slash = std::strrchr(hit, '/');
  int file = slash == nullptr ? -1 : ::openat(g_hit_directory, slash + 1, kFlags, 0600);
  if (file < 0) file = ::open(hit, kFlags, 0600);
  ::close(file);
}

}  // namespace

void failpoint(const char* name) noexcept {
  const char* variable = std::getenv("TARE_FAILPOINT");
  if (variable == nullptr) return;
  const std::string_view wanted(variable);
  constexpr std::string_view kParent = ":parent";
  const bool parent = wanted.ends_with(kParent);
  if (wanted.substr(0, wanted.size() - (parent ? kParent.size() : 0)) != name) return;
  make_hit();
  const pid_t victim = parent ? ::getppid() : ::getpid();
  ::kill(victim, SIGKILL);
  while (parent && ::getppid() == victim) ::usleep(1000);
}

}  // namespace tare
#endif
