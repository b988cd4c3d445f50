// SPDX-License-Identifier: Apache-2.0
#include "front/transfer/confine.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "sys/calls.h"
#include "sys/landlock.h"

namespace tare::front_transfer {
namespace {

Result<> limit_resources() {
  const struct {
    int resource;
    rlim_t value;
  } limits[] = {{RLIMIT_CORE, 0}, {RLIMIT_NOFILE, 256}, {RLIMIT_MEMLOCK, 0}};
  for (const auto& limit : limits) {
    rlimit now{};
    if (::getrlimit(limit.resource, &now) != 0) return fail_errno("getrlimit");
    const rlim_t value = std::min(limit.value, now.rlim_max);
    const rlimit wanted{.rlim_cur = value, .rlim_max = value};
    if (::setrlimit(limit.resource, &wanted) != 0) return fail_errno("setrlimit");
  }
  return {};
}

}  // namespace

Result<> confine(const Room& room) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("no_new_privs");
  // Nobody reads passwords out of our memory, and nothing of them gets into a core file.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno("prctl");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail_errno("prctl");
  if (::getppid() != room.parent) return fail(Kind::Unavailable, "tare has ended");
  if (::syscall(SYS_close_range, room.last_descriptor + 1, ~0u, 0) != 0)
    return fail_errno("close_range");
  ::signal(SIGPIPE, SIG_IGN);
  std::vector<std::string> readable = sys::files_of_the_network();
  for (const char* name : {"SSL_CERT_FILE", "SSL_CERT_DIR"})
    if (const char* path = ::getenv(name)) readable.emplace_back(path);
  std::vector<std::string> writable;
  if (room.directory >= 0)
    (room.may_write ? writable : readable)
        .push_back("/proc/self/fd/" + std::to_string(room.directory));
  TRY(sys::limit_files(readable, writable));
  TRY(sys::drop_capabilities());
  TRY(limit_resources());
  return sys::limit_calls(sys::Programs::None);
}

}  // namespace tare::front_transfer
