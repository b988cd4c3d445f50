// SPDX-License-Identifier: Apache-2.0
#include "image/whole_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/text.h"

namespace tare::image {
namespace {

constexpr unsigned kMode = 0644;  // As programs make files that others may read.

Result<std::string> temporary_name() {
  char random[8];
  if (::getrandom(random, sizeof random, 0) != sizeof random) return fail_errno("getrandom");
  return ".tare-" + to_hex({random, sizeof random});
}

}  // namespace

Result<WholeFile> WholeFile::begin(int dir) {
  auto nameless = sys::open_at(dir, ".", O_RDWR | O_TMPFILE, kMode);
  if (nameless) return WholeFile(dir, std::move(*nameless), "");
  const int error = nameless.error().errnum();
  if (error != EOPNOTSUPP && error != EISDIR && error != EINVAL)
    return std::unexpected(std::move(nameless).error());
  std::string name = TRY(temporary_name());
  sys::Fd file = TRY(sys::open_at(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, kMode));
  return WholeFile(dir, std::move(file), std::move(name));
}

WholeFile::WholeFile(WholeFile&& other) noexcept
    : dir_(other.dir_),
      file_(std::move(other.file_)),
      temporary_(std::exchange(other.temporary_, "")) {}

WholeFile::~WholeFile() {
  if (!temporary_.empty()) (void)::unlinkat(dir_, temporary_.c_str(), 0);
}

Result<> WholeFile::name(const std::string& name) {
  if (::fsync(file_.get()) != 0) return fail_errno("write " + quoted(name) + " to disk");
  if (temporary_.empty()) {
    const std::string link = "/proc/self/fd/" + std::to_string(file_.get());
    if (::linkat(AT_FDCWD, link.c_str(), dir_, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      TRY(file_.close());
      return {};
    }
    if (errno != EEXIST) return fail_errno("name " + quoted(name));
    // A link does not replace; a rename does.
    temporary_ = TRY(temporary_name());
    if (::linkat(AT_FDCWD, link.c_str(), dir_, temporary_.c_str(), AT_SYMLINK_FOLLOW) != 0)
      return fail_errno("name " + quoted(name));
  }
  if (::renameat(dir_, temporary_.c_str(), dir_, name.c_str()) != 0)
    return fail_errno("rename to " + quoted(name));
  temporary_.clear();
  TRY(file_.close());
  if (::fsync(dir_) != 0) return fail_errno("write the directory of " + quoted(name) + " to disk");
  return {};
}

}  // namespace tare::image
