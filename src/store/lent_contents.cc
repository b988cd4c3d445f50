// SPDX-License-Identifier: Apache-2.0
#include "store/lent_contents.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"

namespace tare::store {
namespace {

Result<std::pair<dev_t, ino_t>> numbers_of(int file) {
  struct stat info{};
  if (::fstat(file, &info) != 0) return fail_errno("stat a file");
  return std::pair(info.st_dev, info.st_ino);
}

}  // namespace

Result<> LentContents::lend(int file, int root, std::string path) {
  const auto numbers = TRY(numbers_of(file));
  places_.insert_or_assign(numbers, Place{.root = root, .path = std::move(path)});
  return {};
}

Result<> LentContents::forget(int file) {
  if (!places_.empty()) places_.erase(TRY(numbers_of(file)));
  return {};
}

Result<sys::Fd> LentContents::open(const struct stat& info) const {
  const auto found = places_.find({info.st_dev, info.st_ino});
  if (found == places_.end()) return sys::Fd();
  const auto& [root, path] = found->second;
  open_how how{};
  // Whatever is there by now: nobody is waited for.
  how.flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
  if (fd < 0) return fail_errno("open " + quoted(path));
  return sys::Fd(static_cast<int>(fd));
}

}  // namespace tare::store
