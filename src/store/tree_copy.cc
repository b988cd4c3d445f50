// SPDX-License-Identifier: Apache-2.0
#include "store/tree_copy.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "sys/files.h"

namespace tare::store {

namespace {

constexpr std::size_t kMostOpen = 100;
constexpr std::size_t kPiece = 1 << 20;

std::uint64_t hash_of(std::string_view bytes) { return std::hash<std::string_view>()(bytes); }

std::uint64_t file_hash(const struct stat& info) {
  const std::uint64_t parts[] = {info.st_ino, static_cast<std::uint64_t>(info.st_ctim.tv_sec),
                                 static_cast<std::uint64_t>(info.st_ctim.tv_nsec),
                                 static_cast<std::uint64_t>(info.st_size)};
  return hash_of({reinterpret_cast<const char*>(parts), sizeof parts});
}

std::string fd_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Result<sys::Fd> open_dir(int dir, const std::string& name) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
  const long fd = ::syscall(SYS_openat2, dir, name.c_str(), &how, sizeof how);
  if (fd < 0 && errno == EXDEV)
    return fail(Kind::Unsupported, "something else is mounted at " + quoted(name));
  if (fd < 0) return fail_errno("open " + quoted(name));
  return sys::Fd(static_cast<int>(fd));
}

// What names files of the old file system, or is the target's own affair.
bool is_left_out(std::string_view attribute) {
  return attribute == "trusted.overlay.origin" || attribute == "user.overlay.origin" ||
         attribute == "trusted.overlay.uuid" || attribute == "user.overlay.uuid" ||
         attribute == "security.selinux" || attribute == "security.ima" ||
         attribute == "security.evm";
}

// Both sides by descriptors of any sort, O_PATH too.
Result<> copy_attributes(int from, int to) {
  const std::string source = fd_path(from);
  const std::string target = fd_path(to);
  const ssize_t size = ::listxattr(source.c_str(), nullptr, 0);
  if (size < 0 && errno != ENOTSUP) return fail_errno("list extended attributes");
  if (size <= 0) return {};
  std::string names(static_cast<std::size_t>(size), '\0');
  const ssize_t got = ::listxattr(source.c_str(), names.data(), names.size());
  if (got < 0) return fail_errno("list extended attributes");
  names.resize(static_cast<std::size_t>(got));
  for (const std::string& name : split(names, '\0')) {
    if (name.empty() || is_left_out(name)) continue;
    std::string value(64 << 10, '\0');  // The most that the kernel takes. [xattr(7)]
    const ssize_t bytes = ::getxattr(source.c_str(), name.c_str(), value.data(), value.size());
    if (bytes < 0) return fail_errno("read the extended attribute " + quoted(name));
    if (::setxattr(target.c_str(), name.c_str(), value.data(), static_cast<std::size_t>(bytes),
                   0) != 0)
      return fail_errno("set the extended attribute " + quoted(name));
  }
  return {};
}

// In this order: a new owner takes setuid bits and capabilities away, and attributes the time.
Result<> copy_facts(int from, int to, const struct stat& info) {
  if (::fchown(to, info.st_uid, info.st_gid) != 0) return fail_errno("set the owner");
  if (::fchmod(to, info.st_mode & 07777) != 0) return fail_errno("set the mode");
  TRY(copy_attributes(from, to));
  const timespec times[] = {info.st_atim, info.st_mtim};
  if (::futimens(to, times) != 0) return fail_errno("set the times");
  return {};
}

// Calls `piece` for each part of the file that is no hole, in pieces.
template <typename Piece>
Result<> for_each_piece(int file, off_t size, const Piece& piece) {
  off_t at = 0;
  while (at < size) {
    const off_t data = ::lseek(file, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return {};
    if (data < 0) return fail_errno("look for data");
    off_t hole = ::lseek(file, data, SEEK_HOLE);
    if (hole < 0) return fail_errno("look for holes");
    hole = std::min(hole, size);
    for (off_t start = data; start < hole;) {
      const auto bytes = std::min<std::size_t>(kPiece, static_cast<std::size_t>(hole - start));
      TRY(piece(start, bytes));
      start += static_cast<off_t>(bytes);
    }
    at = hole;
  }
  return {};
}

Result<> read_piece(int file, std::string& buffer, off_t at, std::size_t bytes) {
  buffer.resize(bytes);
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t got =
        ::pread(file, buffer.data() + done, bytes - done, at + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read");
    if (got == 0) return fail(Kind::Corrupt, "it ends before its end");
    done += static_cast<std::size_t>(got);
  }
  return {};
}

Result<> write_piece(int file, std::string_view bytes, off_t at) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(file, bytes.data(), bytes.size(), at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno("write");
    bytes.remove_prefix(static_cast<std::size_t>(put));
    at += put;
  }
  return {};
}

// Takes away what is at `name`, which is in the way.
Result<> clear(int dir, const std::string& name) {
  if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return sys::remove_tree(dir, name);
}

bool is_gone(const Error& error) { return error.kind() == Kind::NotFound; }

}  // namespace

void TreeCopy::begin_pass() {
  ++pass_;
  links_.clear();
}

void TreeCopy::told(std::uint64_t bytes) {
  bytes_ += bytes;
  if (progress_) progress_(bytes_);
}

Result<> TreeCopy::copy(const std::string& name) { return walk(name, Mode::Copy); }
Result<> TreeCopy::compare(const std::string& name) { return walk(name, Mode::Compare); }

Result<> TreeCopy::walk(const std::string& name, Mode mode) {
  levels_.clear();
  path_ = name;
  const auto step = [&]() -> Result<> {
    TRY(visit(from_, to_, name, mode));
    while (!levels_.empty()) {
      Level& top = levels_.back();
      path_.resize(top.path_size);
      if (top.next == top.names.size()) {
        TRY(leave(mode));
        continue;
      }
      const std::string& next = top.names[top.next++];
      path_ += "/" + next;
      TRY(visit(top.from.get(), top.to.get(), next, mode));
    }
    return {};
  };
  auto done = step();
  const std::string doing = mode == Mode::Copy ? "copy " : "compare the copy of ";
  if (!done) return std::unexpected(std::move(done).error().wrap(doing + quoted(path_)));
  return {};
}

Result<> TreeCopy::visit(int from, int to, const std::string& name, Mode mode) {
  struct stat info{};
  if (::fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) return fail_errno("look at it");
    return mode == Mode::Copy ? clear(to, name) : Result<>();
  }
  if (S_ISDIR(info.st_mode)) return enter(from, to, name, info, mode);
  if (mode == Mode::Compare)
    return S_ISREG(info.st_mode) ? compare_file(from, to, name, info) : Result<>();
  if (TRY(linked(to, name, info))) return {};
  return S_ISREG(info.st_mode) ? regular(from, to, name, info) : special(from, to, name, info);
}

Result<> TreeCopy::enter(int from, int to, const std::string& name, const struct stat& info,
                         Mode mode) {
  auto source = open_dir(from, name);
  if (!source && is_gone(source.error())) return {};
  Level level;
  level.from = TRY(std::move(source));
  level.from_inode = info.st_ino;
  level.info = info;
  level.path_size = path_.size();
  auto names = sys::list_directory(level.from.get());
  if (!names && is_gone(names.error())) return {};
  level.names = TRY(std::move(names));
  struct stat there{};
  if (mode == Mode::Copy) {
    if (::fstatat(to, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(there.st_mode))
      TRY(clear(to, name));
    if (::mkdirat(to, name.c_str(), 0700) != 0 && errno != EEXIST)
      return fail_errno("make the directory");
  }
  auto target = open_dir(to, name);
  if (!target && mode == Mode::Compare && is_gone(target.error()))
    return {};  // Newer than the copy.
  level.to = TRY(std::move(target));
  if (::fstat(level.to.get(), &there) != 0) return fail_errno("look at the copy");
  level.to_inode = there.st_ino;
  if (mode == Mode::Copy)
    for (const std::string& extra : TRY(sys::list_directory(level.to.get())))
      if (!std::ranges::binary_search(level.names, extra)) TRY(clear(level.to.get(), extra));
  levels_.push_back(std::move(level));
  if (levels_.size() > kMostOpen) {
    Level& far = levels_[levels_.size() - 1 - kMostOpen];
    far.from.reset();
    far.to.reset();
  }
  return {};
}

Result<> TreeCopy::leave(Mode mode) {
  const Level left = std::move(levels_.back());
  levels_.pop_back();
  if (mode == Mode::Copy) TRY(copy_facts(left.from.get(), left.to.get(), left.info));
  if (levels_.empty() || levels_.back().from) return {};
  Level& above = levels_.back();
  above.from = TRY(sys::open_at(left.from.get(), "..", O_RDONLY | O_DIRECTORY));
  above.to = TRY(sys::open_at(left.to.get(), "..", O_RDONLY | O_DIRECTORY));
  struct stat from{};
  struct stat to{};
  if (::fstat(above.from.get(), &from) != 0 || ::fstat(above.to.get(), &to) != 0 ||
      from.st_ino != above.from_inode || to.st_ino != above.to_inode)
    return fail(Kind::Busy, "its directory was moved meanwhile");
  return {};
}

// Whether it is another name of a file that is there, and made so.
Result<bool> TreeCopy::linked(int to, const std::string& name, const struct stat& info) {
  if (info.st_nlink < 2) return false;
  const auto [at, is_first] = links_.try_emplace({info.st_dev, info.st_ino}, path_);
  if (is_first || at->second == path_) return false;
  const sys::Parent first = TRY(sys::open_parent_in_root(to_, at->second, false));
  struct stat wanted{};
  struct stat there{};
  if (::fstatat(first.dir.get(), first.name.c_str(), &wanted, AT_SYMLINK_NOFOLLOW) != 0) {
    // It went away before it could be copied.
    at->second = path_;
    return false;
  }
  if (::fstatat(to, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) {
    if (there.st_ino == wanted.st_ino) return true;
    TRY(clear(to, name));
  }
  if (::linkat(first.dir.get(), first.name.c_str(), to, name.c_str(), 0) != 0)
    return fail_errno("make the hard link");
  return true;
}

Result<> TreeCopy::regular(int from, int to, const std::string& name, const struct stat& info) {
  Stamp& stamp = stamps_[hash_of(path_)];
  if (stamp.pass != 0 && stamp.file == file_hash(info)) return {};
  auto opened = sys::open_at(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!opened && is_gone(opened.error())) return clear(to, name);
  const sys::Fd source = TRY(std::move(opened));
  struct stat now{};
  if (::fstat(source.get(), &now) != 0 || !S_ISREG(now.st_mode))
    return fail(Kind::Busy, "it was replaced meanwhile");
  TRY(clear(to, name));
  sys::Fd target = TRY(sys::open_at(to, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW));
  std::string buffer;
  const auto piece = [&](off_t at, std::size_t bytes) -> Result<> {
    TRY(read_piece(source.get(), buffer, at, bytes));
    TRY(write_piece(target.get(), buffer, at));
    told(bytes);
    return {};
  };
  TRY(for_each_piece(source.get(), now.st_size, piece));
  if (::ftruncate(target.get(), now.st_size) != 0) return fail_errno("set the size");
  TRY(copy_facts(source.get(), target.get(), now));
  TRY(target.close());
  stamp = {.file = file_hash(now), .pass = pass_};
  return {};
}

// Links, devices, fifos, sockets.
Result<> TreeCopy::special(int from, int to, const std::string& name, const struct stat& info) {
  const sys::Fd source = TRY(sys::open_at(from, name, O_PATH | O_NOFOLLOW));
  TRY(clear(to, name));
  if (S_ISLNK(info.st_mode)) {
    std::string text(static_cast<std::size_t>(info.st_size) + 1, '\0');
    const ssize_t size = ::readlinkat(source.get(), "", text.data(), text.size());
    if (size < 0) return fail_errno("read the link");
    text.resize(static_cast<std::size_t>(size));
    if (::symlinkat(text.c_str(), to, name.c_str()) != 0) return fail_errno("make the link");
  } else if (::mknodat(to, name.c_str(), info.st_mode, info.st_rdev) != 0) {
    return fail_errno("make the node");
  }
  if (::fchownat(to, name.c_str(), info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno("set the owner");
  if (!S_ISLNK(info.st_mode) && ::fchmodat(to, name.c_str(), info.st_mode & 07777, 0) != 0)
    return fail_errno("set the mode");
  const sys::Fd target = TRY(sys::open_at(to, name, O_PATH | O_NOFOLLOW));
  TRY(copy_attributes(source.get(), target.get()));
  const timespec times[] = {info.st_atim, info.st_mtim};
  if (::utimensat(to, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno("set the times");
  return {};
}

Result<> TreeCopy::compare_file(int from, int to, const std::string& name,
                                const struct stat& info) {
  const auto stamp = stamps_.find(hash_of(path_));
  if (stamp == stamps_.end() || stamp->second.pass != pass_) return {};
  auto opened = sys::open_at(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!opened && is_gone(opened.error())) return {};
  const sys::Fd source = TRY(std::move(opened));
  const sys::Fd target = TRY(sys::open_at(to, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  // From the disk, and not from what is still in memory of the writing.
  (void)::posix_fadvise(target.get(), 0, 0, POSIX_FADV_DONTNEED);
  std::string wanted;
  std::string found;
  struct stat there{};
  if (::fstat(target.get(), &there) != 0) return fail_errno("look at the copy");
  if (there.st_size != info.st_size) return fail(Kind::Corrupt, "its size is another one");
  return for_each_piece(source.get(), info.st_size, [&](off_t at, std::size_t bytes) -> Result<> {
    TRY(read_piece(source.get(), wanted, at, bytes));
    TRY(read_piece(target.get(), found, at, bytes));
    told(bytes);
    if (wanted != found) return fail(Kind::Corrupt, "its bytes are others");
    return {};
  });
}

}  // namespace tare::store
