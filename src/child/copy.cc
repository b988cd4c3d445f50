// SPDX-License-Identifier: Apache-2.0
// A directory of the image into a new tmpfs over it ("tmpcopyup"): files, directories, links, with
// owners, modes and times. Devices and sockets are left out. Nothing is looked up twice: by
// descriptor, one component at a time, no link followed.
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>

#include "child/calls.h"

namespace tare::child {
namespace {

constexpr int kDeepest = 40;  // Each level has a buffer on the stack.
constexpr std::size_t kBuffer = 4096;
constexpr std::size_t kChunk = 1 << 20;

// What getdents64(2) fills in.
struct Entry64 {
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[1];
};

struct Copy {
  const Plan& plan;
  std::uint32_t detail;

  int need(long result) const noexcept { return check(plan, Step::CopyUp, result, detail); }

  void attributes(int to, const char* name, const struct stat& status) const noexcept {
    need(call(SYS_fchownat, to, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW));
    if (!S_ISLNK(status.st_mode)) need(call(SYS_fchmodat, to, name, status.st_mode & 07777U));
    const timespec times[2] = {status.st_atim, status.st_mtim};
    need(call(SYS_utimensat, to, name, times, AT_SYMLINK_NOFOLLOW));
  }

  void file(int from, int to, const char* name) const noexcept {
    const int in = need(call(SYS_openat, from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    const int out = need(
        call(SYS_openat, to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    while (need(call(SYS_sendfile, out, in, nullptr, kChunk)) > 0) continue;
    close_fd(in);
    close_fd(out);
  }

  void link(int from, int to, const char* name) const noexcept {
    char text[kBuffer];
    const int size = need(call(SYS_readlinkat, from, name, text, sizeof text - 1));
    text[size] = '\0';
    need(call(SYS_symlinkat, text, to, name));
  }

  void entry(int from, int to, const char* name, int depth) const noexcept {
    struct stat status{};
    need(call(SYS_newfstatat, from, name, &status, AT_SYMLINK_NOFOLLOW));
    if (S_ISREG(status.st_mode)) {
      file(from, to, name);
    } else if (S_ISLNK(status.st_mode)) {
      link(from, to, name);
    } else if (S_ISDIR(status.st_mode)) {
      need(call(SYS_mkdirat, to, name, 0700));
      const int source = need(call(SYS_openat, from, name, kDirectory));
      const int target = need(call(SYS_openat, to, name, kDirectory));
      directory(source, target, depth + 1);
      close_fd(source);
      close_fd(target);
    } else {
      return;
    }
    attributes(to, name, status);
  }

  void directory(int from, int to, int depth) const noexcept {
    if (depth > kDeepest) {
      errno = ELOOP;
      die(plan, Step::CopyUp, detail);
    }
    alignas(Entry64) char buffer[kBuffer];
    for (;;) {
      const int size = need(call(SYS_getdents64, from, buffer, sizeof buffer));
      if (size == 0) return;
      for (int at = 0; at < size;) {
        const auto* found = reinterpret_cast<const Entry64*>(buffer + at);
        at += found->size;
        const char* const name = found->name;
        if (!bare::equal(name, ".") && !bare::equal(name, "..")) entry(from, to, name, depth);
      }
    }
  }

  static constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
};

}  // namespace

void copy_tree(const Plan& plan, int from, int to, std::uint32_t detail) noexcept {
  const Copy copy{plan, detail};
  copy.directory(from, to, 0);
  struct stat status{};
  copy.need(call(SYS_newfstatat, from, "", &status, AT_EMPTY_PATH));
  copy.need(call(SYS_fchown, to, status.st_uid, status.st_gid));
  copy.need(call(SYS_fchmod, to, status.st_mode & 07777U));
}

}  // namespace tare::child
