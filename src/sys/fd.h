// SPDX-License-Identifier: Apache-2.0
// Descriptors: owned, close-on-exec from birth, and paths resolved by the kernel below a root.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace tare::sys {

// An owned file descriptor. A raw int elsewhere is borrowed, never owned. Moved-from and released
// objects are valid and hold -1.
class [[nodiscard]] Fd {
 public:
  Fd() = default;
  explicit Fd(int raw) : raw_(raw) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  Fd(Fd&& other) noexcept : raw_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~Fd();

  int get() const { return raw_; }
  int release() { return std::exchange(raw_, -1); }
  void reset() { *this = Fd(); }
  explicit operator bool() const { return raw_ >= 0; }

  // Reports what the destructor has to swallow: EIO and EDQUOT arrive at close time on network and
  // quota file systems (close(2), NOTES). Writers of durable data call this.
  Result<> close();
  Result<Fd> duplicate() const;  // Close-on-exec.

 private:
  int raw_ = -1;
};

struct Pipe {
  Fd read;
  Fd write;
};

// `flags` as in open(2); O_CLOEXEC is always added. `path` is trusted: from our own state or named
// by the user on the command line. Paths from images, archives and containers use open_in_root.
Result<Fd> open_path(const std::string& path, int flags, unsigned mode = 0600);
// One component or a trusted relative path below a directory descriptor (or AT_FDCWD).
Result<Fd> open_at(int dir, const std::string& name, int flags, unsigned mode = 0600);

// Opens `path` below `root` the way a process chrooted there would see it, so that no symbolic link
// in an image can name a host file; magic links are refused as well. `resolve_extra` adds
// RESOLVE_NO_SYMLINKS or RESOLVE_NO_XDEV. Errors: NotFound, Denied, Invalid (symlink loop).
// [openat2(2), RESOLVE_IN_ROOT]
Result<Fd> open_in_root(int root, std::string_view path, int flags, unsigned mode = 0,
                        std::uint64_t resolve_extra = 0);
// The directory that holds `path`'s last component, resolved as open_in_root does, with missing
// directories made (mode 0755) when `make` is true; and that last component, never ".." or empty.
struct Parent {
  Fd dir;
  std::string name;
};
Result<Parent> open_parent_in_root(int root, std::string_view path, bool make);

Result<Pipe> make_pipe();
// Opens /dev/null for those of 0, 1 and 2 that the caller has closed, so that no file of ours gets
// the number of a standard stream. To be called before anything else is opened. Errors: open(2)'s.
Result<> open_standard_streams();

// An anonymous file in memory, named `name` in /proc for debugging. [memfd_create(2)]
Result<Fd> make_memfd(const char* name);

// Until end of file, at most `limit` bytes; more is an Invalid error that says so.
Result<std::string> read_all(int fd, std::size_t limit);
// Up to `size` bytes: short only at end of file. Retries EINTR.
Result<std::size_t> read_full(int fd, char* buffer, std::size_t size);
Result<> write_all(int fd, std::string_view bytes);  // Retries short writes and EINTR.

}  // namespace tare::sys
