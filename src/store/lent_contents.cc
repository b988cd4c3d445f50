// SPDX-License-Identifier: Apache-2.0
#include "store/lent_contents.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "codec/sha256.h"

namespace tare::store {
namespace {

Result<std::pair<dev_t, ino_t>> numbers_of(int file) {
  struct stat info{};
  if (::fstat(file, &info) != 0) return fail_errno("stat a file");
  return std::pair(info.st_dev, info.st_ino);
}

Result<sys::Fd> open_place(const LentContents::Place& place) {
  open_how how{};
  // Whatever is there by now: nobody is waited for.
  how.flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  const long fd = ::syscall(SYS_openat2, place.root, place.path.c_str(), &how, sizeof how);
  if (fd < 0) return fail_errno("open " + quoted(place.path));
  return sys::Fd(static_cast<int>(fd));
}

}  // namespace

std::unexpected<Error> changed_while_copied(const std::string& path) {
  return std::unexpected(Error(Kind::Unavailable, quoted(path) + " changed while it was copied")
                             .hint("build again when nobody writes it"));
}

Result<> LentContents::lend(int file, Place place) {
  const auto numbers = TRY(numbers_of(file));
  places_.insert_or_assign(numbers, std::move(place));
  return {};
}

Result<> LentContents::forget(int file) {
  if (!places_.empty()) places_.erase(TRY(numbers_of(file)));
  return {};
}

// What is taken is hashed, not what is there before or afterwards: a file may change and change
// back.
Result<bool> LentContents::read(const struct stat& info, const Take& take) const {
  constexpr std::uint64_t kPiece = 256 << 10;
  const auto found = places_.find({info.st_dev, info.st_ino});
  if (found == places_.end()) return false;
  const Place& place = found->second;
  const auto file = open_place(place);
  if (!file) {
    // Gone, or a link by now.
    const int why = file.error().errnum();
    if (why == ENOENT || why == ELOOP || why == ENOTDIR) return changed_while_copied(place.path);
    return std::unexpected(file.error());
  }
  codec::Sha256 hash;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  std::string buffer(std::min(size, kPiece), '\0');
  for (std::uint64_t left = size; left > 0;) {
    const std::size_t count = TRY(sys::read_full(file->get(), buffer.data(),
                                                 static_cast<std::size_t>(std::min(left, kPiece))));
    if (count == 0) return changed_while_copied(place.path);
    if (!place.digest.empty()) hash.update({buffer.data(), count});
    TRY(take({buffer.data(), count}));
    left -= count;
  }
  if (!place.digest.empty() && hash.finish() != place.digest)
    return changed_while_copied(place.path);
  return true;
}

}  // namespace tare::store
