// SPDX-License-Identifier: Apache-2.0
#include "image/downloads.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/files.h"

namespace tare::image {
namespace {

constexpr UnixNanos kKeep = 7ll * 24 * 3600 * 1'000'000'000;

}  // namespace

Result<Downloads> Downloads::open(const store::Store& store) {
  Downloads downloads(
      TRY(sys::open_at(store.dir(), "downloads", O_RDONLY | O_DIRECTORY | O_NOFOLLOW)));
  downloads.remove_old();
  return downloads;
}

void Downloads::remove_old() {
  const auto names = sys::list_directory(dir());
  if (!names) return;  // Another time.
  for (const std::string& name : *names) {
    struct stat info{};
    if (::fstatat(dir(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (now_ns() - info.st_mtim.tv_sec * 1'000'000'000ll < kKeep) continue;
    const auto file = sys::open_at(dir(), name, O_RDWR | O_NOFOLLOW);
    if (file && sys::lock_file(file->get(), sys::Lock::Exclusive, sys::Wait::No))
      ::unlinkat(dir(), name.c_str(), 0);
  }
}

Result<std::optional<Downloads::Part>> Downloads::claim(const Digest& digest) {
  for (;;) {
    Part part;
    part.file = TRY(sys::open_at(dir(), name(digest), O_RDWR | O_CREAT | O_NOFOLLOW),
                    "download " + digest.text());
    const auto locked = sys::lock_file(part.file.get(), sys::Lock::Exclusive, sys::Wait::No);
    if (!locked && locked.error().kind() == Kind::Busy) return std::nullopt;
    TRY(locked);
    struct stat ours{};
    struct stat named{};
    if (::fstat(part.file.get(), &ours) != 0) return fail_errno("fstat");
    // Who had it may have finished and taken the name away before we had the lock.
    if (::fstatat(dir(), name(digest).c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 ||
        named.st_ino != ours.st_ino)
      continue;
    part.bytes = static_cast<std::uint64_t>(ours.st_size);
    return part;
  }
}

std::uint64_t Downloads::bytes_of(const Digest& digest) const {
  struct stat info{};
  if (::fstatat(dir(), name(digest).c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return static_cast<std::uint64_t>(info.st_size);
}

void Downloads::remove(const Digest& digest) { ::unlinkat(dir(), name(digest).c_str(), 0); }

}  // namespace tare::image
