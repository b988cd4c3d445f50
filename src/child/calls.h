// SPDX-License-Identifier: Apache-2.0
// System calls, and the steps that are made of them.
#pragma once

#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "child/plan.h"
#include "sys/bare.h"

namespace tare::child {

template <typename T>
long word(T value) noexcept {
  return (long)value;  // NOLINT: integers and pointers alike, as the kernel takes them.
}

// What tare::bare returns, as syscall(2) does: -1 and errno on failure.
inline long with_errno(long result) noexcept {
  constexpr long kLastError = -4095;
  if (result >= 0 || result < kLastError) return result;
  errno = static_cast<int>(-result);
  return -1;
}
template <typename... Arguments>
long call(long number, Arguments... arguments) noexcept {
  return with_errno(bare::call(number, word(arguments)...));
}

// Tells the parent and exits with `status`.
[[noreturn]] void die(const Plan& plan, Step step, std::uint32_t detail = 0,
                      int status = 127) noexcept;

// `result` as a descriptor or count; dies when it is negative.
inline int check(const Plan& plan, Step step, long result, std::uint32_t detail = 0) noexcept {
  if (result < 0) die(plan, step, detail);
  return static_cast<int>(result);
}

// Tells the parent of an event that carries nothing.
void say(const Plan& plan, Step step, Event event) noexcept;
// Sends bytes with a descriptor. [unix(7), SCM_RIGHTS]
void send_with_fd(const Plan& plan, Step step, int socket, const void* bytes, std::size_t size,
                  int fd) noexcept;

inline void close_fd(int fd) noexcept { (void)call(SYS_close, fd); }
// A descriptor that is needed no more and goes with execve anyway: closed only when there are many,
// because each close(2) costs as much as any other call.
inline void drop_fd(int fd) noexcept {
  constexpr int kMany = 128;
  if (fd >= kMany) close_fd(fd);
}

// The last slash of a path, or null.
inline const char* last_slash(const char* path) noexcept {
  const char* found = nullptr;
  for (; *path != '\0'; ++path)
    if (*path == '/') found = path;
  return found;
}

// openat2(2) below `root` with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS, close-on-exec.
int open_in(int root, const char* path, std::uint64_t flags, std::uint64_t resolve_extra) noexcept;
// O_PATH descriptor of `path` below `root`; what is missing is made: directories, and at the end a
// directory or an empty file. Links that point nowhere are followed and their target is made, below
// the root. -1 and errno on failure.
int open_or_make(int root, const char* path, bool directory) noexcept;

// A new detached mount; `source` is what /proc/mounts shows. -1 and errno on failure.
int new_mount(const char* type, const char* source, List<Option> options,
              std::uint64_t attributes) noexcept;
int clone_mount(int dir, const char* path, std::uint64_t flags) noexcept;
int attach(int mount, int target) noexcept;
int set_attributes(int mount, std::uint64_t attributes, std::uint64_t flags) noexcept;

int set_propagation(int mount, std::uint64_t propagation) noexcept;

// Copies what is in directory `from` into `to`, with owners and modes, on its own file system only.
void copy_tree(const Plan& plan, int from, int to, std::uint32_t detail) noexcept;
// Runs them one after the other; the first that fails is the end. [runtime-spec 1.2 runtime.md,
// "Lifecycle"]
void run_hooks(const Plan& plan, const Hooks& hooks, std::uint32_t first_index) noexcept;
// The container's /dev/null, verified, as a descriptor opened with `flags`.
int open_null(const Plan& plan, Step step, int root, std::uint64_t flags,
              std::uint32_t detail) noexcept;
// Closes everything from `first` on but the descriptors of `needed` (-1: none), which are below it
// or above.
void keep_only(const Plan& plan, int first, const int* needed, std::size_t count) noexcept;
// Waits for one byte from the parent.
void wait_for_parent(const Plan& plan, Step step) noexcept;
// The rest of the plan is for a new process, born in the namespaces that we are in or that our
// children get; we tell the parent of it and end. `flags` are CLONE_*.
void continue_as_child(const Plan& plan, std::uint64_t flags) noexcept;

// The steps, in the order of run().
void set_up_container(const Plan& plan, const Container& container, int stdio[3]) noexcept;
void enter_container(const Plan& plan, const Entry& entry, int& proc, int stdio[3]) noexcept;
// `proc` is open_proc_for_label()'s.
[[noreturn]] void become_process(const Plan& plan, int proc, const int stdio[3]) noexcept;

// Makes a terminal in the devpts instance behind `pts`, sends the master to the parent and makes
// the other side all three of stdio. Returns the terminal's number.
int open_terminal(const Plan& plan, int pts, int stdio[3]) noexcept;
// SECURITY: nobody in the container may trace us or look into our /proc directory before execve: we
// hold what is the host's. Again after each change of credentials, which sets it to the sysctl
// fs.suid_dumpable.
void hide_memory(const Plan& plan) noexcept;
// The devpts at /dev/pts. SECURITY: the container may have put anything there.
int find_pts(const Plan& plan, int root) noexcept;
// The host's /proc, while it is in sight, for the file that sets the LSM label of the next program.
// -1 when there is no label.
int open_proc_for_label(const Plan& plan) noexcept;
// Uid 0 and gid 0 of the user namespace, all capabilities kept.
void become_root(const Plan& plan, bool groups) noexcept;

}  // namespace tare::child
