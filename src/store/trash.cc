// SPDX-License-Identifier: Apache-2.0
// The store's trash: a rename takes a thing out of the store in one step, its bytes go later.
#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "store/store.h"
#include "sys/files.h"

namespace tare::store {
namespace {

constexpr const char* kEmptying = "trash";  // Held by the one process that empties it.

// The old place of a store that was moved. Its name and that of the link have the same random
// number at their ends: no other directory has. Gone is fine.
Result<> remove_left_behind(const Store& store, const std::string& name) {
  char target[4096];
  const ssize_t size = ::readlinkat(store.dir(), ("trash/" + name).c_str(), target, sizeof target);
  if (size <= 0) return {};
  const std::string path(target, static_cast<std::size_t>(size));
  const std::size_t slash = path.rfind('/');
  if (!path.starts_with('/') || !path.ends_with("." + name)) return {};
  const auto parent = sys::open_path(path.substr(0, slash + 1), O_RDONLY | O_DIRECTORY);
  if (!parent)
    return parent.error().kind() == Kind::NotFound ? Result<>()
                                                   : Result<>(std::unexpected(parent.error()));
  return sys::remove_tree(parent->get(), path.substr(slash + 1));
}

// Until nothing is left: more may be thrown in meanwhile. What cannot be removed is left for the
// next time, and ends the loop because a round removed nothing.
void empty(const Store& store) {
  const auto lock = store.lock(kEmptying, sys::Lock::Exclusive, sys::Wait::No);
  if (!lock) return;
  for (bool removed = true; removed;) {
    removed = false;
    const auto names = sys::list_directory(store.dir(), "trash");
    if (!names) return;
    for (const std::string& name : *names) {
      if (name.starts_with(Store::kLeftBehind) && !remove_left_behind(store, name)) continue;
      removed = sys::remove_tree(store.dir(), "trash/" + name).has_value() || removed;
    }
  }
}

}  // namespace

Result<> Store::discard(const std::string& name, Removal removal) {
  char raw[12];
  if (::getrandom(raw, sizeof raw, 0) != sizeof raw) return fail_errno("getrandom");
  const std::string trash = "trash/" + to_hex(std::string_view(raw, sizeof raw));
  if (::renameat(dir(), name.c_str(), dir(), trash.c_str()) != 0) {
    if (errno == ENOENT) return {};
    // No space for one more name in trash/: then it goes where it is, not in one step.
    if (errno == ENOSPC || errno == EDQUOT) return sys::remove_tree(dir(), name);
    return fail_errno("move " + quoted(name) + " to the trash");
  }
  if (removal == Removal::Now && remove_later_) return {};
  if (removal == Removal::InBackground)
    empty_trash_in_background();
  else if (removal == Removal::Now)
    // It is out of the store already. Somebody who empties the trash may be at it too, and then it
    // is not there or not empty for one of us; what is left is left for the next command.
    (void)sys::remove_tree(dir(), trash);
  return {};
}

void Store::empty_trash_in_background(int patience_ms) {
  in_background([this] { empty(*this); }, patience_ms);  // Else the next command does it.
}

void Store::in_background(const std::function<void()>& work, int patience_ms) {
  const pid_t child = ::fork();
  if (child < 0) return;
  if (child == 0) {
    ::setsid();
    ::setpriority(PRIO_PROCESS, 0, 10);
    // Copies of our parent's descriptors would hold its locks for as long as this takes.
    const auto keep = static_cast<unsigned>(dir());
    if (keep > 3) (void)::syscall(SYS_close_range, 3, keep - 1, 0);
    (void)::syscall(SYS_close_range, keep + 1, ~0u, 0);
    // Whoever reads our standard output must not wait for this.
    if (const auto null = sys::open_path("/dev/null", O_RDWR))
      for (int fd = 0; fd <= 2; ++fd) ::dup2(null->get(), fd);
    work();
    ::_exit(0);
  }
  const sys::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  pollfd poll{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  if (pidfd && ::poll(&poll, 1, patience_ms) > 0) (void)::waitpid(child, nullptr, 0);
}

}  // namespace tare::store
