// SPDX-License-Identifier: Apache-2.0
// PRIVILEGED. Work on bytes from strangers, in a process that can do nothing else: user, mount,
// network, IPC, UTS and pid namespaces of its own, one directory as its whole file system, no
// capability even there, no_new_privs, resource limits and a short list of system calls.
// [security rule: unpacking is done by a process that can do nothing else]
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "sys/fd.h"
#include "sys/ids.h"
#include "sys/seccomp.h"

// The sanitizers want more address space and some calls more. [gcc, clang: how they tell]
#if defined(__SANITIZE_ADDRESS__)
#define TARE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TARE_SANITIZED 1
#endif
#endif

namespace tare::store {

struct Confinement {
  int root = -1;                          // The directory that becomes its "/".
  sys::IdMap ids;                         // Of its user namespace; must map 0, which it runs as.
  std::vector<int> inputs;                // Descriptors that it keeps; all others are closed.
  std::uint64_t file_bytes = 1ull << 40;  // No file grows beyond.
};

// What the work says while it runs: short lines, for `listen` in the parent.
using Report = std::function<void(std::string_view line)>;
// Runs in the confined process; what it returns is what run_confined() returns. Plain C++, no
// threads, and only the system calls of confine_seccomp.cc.
using Work = std::function<Result<>(const Report& report)>;

// Work under way. The destructor kills it.
class Confined {
 public:
  // Returns when the process is there; it may still fail to confine itself, and then has not
  // worked. Errors: Unsupported (no user namespaces here).
  static Result<Confined> start(const Confinement& confinement, const Work& work);
  // A child that was started as a program and calls become_confined(); `report` is the end of the
  // pipe that it reports to.
  static Confined adopt(pid_t child, sys::Fd report) { return {child, std::move(report)}; }
  Confined(Confined&& other) noexcept;
  Confined& operator=(Confined&&) = delete;
  ~Confined();

  // Waits for its end and passes on what it says; once. Lines come from a process that may have
  // been taken over: they are bounded and have no control characters, but their content is to be
  // doubted. Errors: those of the work and of `listen`; Internal (it was killed).
  using Listen = std::function<Result<>(std::string_view line)>;
  Result<> finish(const Listen& listen);

 private:
  Confined(pid_t child, sys::Fd report) : child_(child), report_(std::move(report)) {}
  pid_t child_;
  sys::Fd report_;
};

// Runs `work` to its end. Lines come from a process that may have been taken over: they are bounded
// and have no control characters, but their content is to be doubted. Errors: those of the work;
// Unsupported (no user namespaces here), Internal (it was killed).
Result<> run_confined(const Confinement& confinement, const Work& work, const Report& listen);

// The same with this process, which has one thread: confines itself, works, reports to the pipe
// `report` and ends.
[[noreturn]] void become_confined(const Confinement& confinement, const Work& work, int report);

// The map of a user namespace that has only who we are: files are made for us.
sys::IdMap our_id();
// A pipe for streams: as wide as it may be without privileges.
Result<sys::Pipe> make_wide_pipe();

// The filter, compiled. [seccomp(2)]
Result<std::vector<sock_filter>> confined_seccomp();

}  // namespace tare::store
