// SPDX-License-Identifier: Apache-2.0
#include "sys/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <set>

#include "base/text.h"
#include "base/undo.h"

namespace tare::sys {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

Result<Dir> open_directory(int dir, const std::string& name) {
  Fd fd = TRY(open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  DIR* stream = ::fdopendir(fd.get());
  if (stream == nullptr) return fail_errno("list " + quoted(name));
  (void)fd.release();  // The stream owns it now.
  return Dir(stream);
}

constexpr std::string_view kTemporary = ".tmp-";

std::string temporary_name(const std::string& name) {
  static std::atomic<unsigned> counter{0};
  return std::string(kTemporary) + std::to_string(::getpid()) + "-" + std::to_string(counter++) +
         "-" + name.substr(0, 64);
}

// Locked for as long as it has this name, so that remove_temporaries() leaves it alone.
struct Temporary {
  std::string name;
  Fd file;
};

Result<Temporary> write_temporary(int dir, const std::string& name, std::string_view content,
                                  Durability durability) {
  std::string temporary = temporary_name(name);
  Undo undo;
  Fd file = TRY(open_at(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
  undo.push([&]() noexcept { ::unlinkat(dir, temporary.c_str(), 0); });
  TRY(lock_file(file.get(), Lock::Exclusive, Wait::Yes));
  TRY(write_all(file.get(), content), "write " + quoted(name));
  if (durability == Durability::Synced && ::fsync(file.get()) != 0)
    return fail_errno("fsync " + quoted(name));
  undo.keep();
  return Temporary{.name = std::move(temporary), .file = std::move(file)};
}

Result<> sync_directory(int dir) {
  Fd readable = TRY(open_at(dir, ".", O_RDONLY | O_DIRECTORY));
  if (::fsync(readable.get()) != 0) return fail_errno("fsync a directory");
  return {};
}

// Writes a temporary file and gives it its name by `name_it`, which returns as renameat(2) does.
template <typename NameIt>
Result<> publish(int dir, const std::string& name, std::string_view content, Durability durability,
                 const NameIt& name_it) {
  constexpr int kTries = 3;
  for (int tried = 1;; ++tried) {
    const Temporary temporary = TRY(write_temporary(dir, name, content, durability));
    if (name_it(temporary.name) == 0)
      return durability == Durability::Synced ? sync_directory(dir) : Result<>();
    // remove_temporaries() may have met it before it was locked.
    if (errno == ENOENT && tried < kTries) continue;
    const Error error = Error::sys(errno, "name " + quoted(name));
    ::unlinkat(dir, temporary.name.c_str(), 0);
    return std::unexpected(error);
  }
}

// Opens a subdirectory only if it lies on the same mount. [openat2(2), RESOLVE_NO_XDEV]
Result<Fd> open_same_mount(int dir, const std::string& name) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
  const long raw = ::syscall(SYS_openat2, dir, name.c_str(), &how, sizeof how);
  if (raw < 0) return fail_errno("open " + quoted(name));
  return Fd(static_cast<int>(raw));
}

// Removes what is in a tree with a bounded number of descriptors: directories that lie deeper than
// kMaxDepth are moved up to the top first, so a tree of any depth (an attacker makes one) can go.
class TreeRemover {
 public:
  explicit TreeRemover(int top) : top_(top) {}

  Result<> remove_all() {
    do {
      moved_ = false;
      TRY(remove_children(top_, 1));
    } while (moved_);
    return {};
  }

 private:
  static constexpr int kMaxDepth = 64;

  Result<> remove_children(int dir, int depth) {
    for (const std::string& name : TRY(list_directory(dir))) TRY(remove_child(dir, name, depth));
    return {};
  }

  Result<> remove_child(int dir, const std::string& name, int depth) {
    if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return fail_errno("remove " + quoted(name));
    if (::unlinkat(dir, name.c_str(), AT_REMOVEDIR) == 0) return {};
    if (depth >= kMaxDepth && move_up(dir, name)) return {};
    auto child = open_same_mount(dir, name);
    if (!child && child.error().errnum() == EXDEV)
      return fail(Kind::Busy, "remove " + quoted(name) + ": something is mounted there");
    if (child) TRY(remove_children(child->get(), depth + 1));
    if (::unlinkat(dir, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
      return fail_errno("remove " + quoted(name));
    return {};
  }

  // False when it cannot be moved: then one descends after all.
  bool move_up(int dir, const std::string& name) {
    const std::string place = ".tare-remove-" + std::to_string(counter_++);
    if (::renameat2(dir, name.c_str(), top_, place.c_str(), RENAME_NOREPLACE) != 0) return false;
    moved_ = true;
    return true;
  }

  int top_;
  bool moved_ = false;
  std::uint64_t counter_ = 0;
};

Result<std::uint64_t> usage_below(int dir, const std::string& name,
                                  std::set<std::pair<dev_t, ino_t>>& seen, int depth) {
  // SECURITY: containers make trees of any depth, and this takes stack and a descriptor a level.
  constexpr int kMostDepth = 256;
  struct stat info{};
  if (::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return 0;
    return fail_errno("stat " + quoted(name));
  }
  if (info.st_nlink > 1 && !S_ISDIR(info.st_mode) && !seen.emplace(info.st_dev, info.st_ino).second)
    return 0;
  std::uint64_t total = static_cast<std::uint64_t>(info.st_blocks) * 512;
  if (!S_ISDIR(info.st_mode) || depth == kMostDepth) return total;
  auto child = open_same_mount(dir, name);
  if (!child) return total;  // Another mount, or gone: not ours to count.
  for (const std::string& entry : TRY(list_directory(child->get())))
    total += TRY(usage_below(child->get(), entry, seen, depth + 1));
  return total;
}

}  // namespace

Result<> make_directories(const std::string& path, unsigned mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  for (std::size_t at = 1; at != std::string::npos;) {
    at = path.find('/', at + 1);
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST)
      return fail_errno("make directory " + quoted(part));
  }
  return {};
}

bool leads_to(const std::string& path, int fd) {
  struct stat named{};
  struct stat open{};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(fd, &open) == 0 &&
         named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

Result<> replace_file(int dir, const std::string& name, std::string_view content,
                      Durability durability) {
  return publish(dir, name, content, durability, [&](const std::string& temporary) {
    return ::renameat(dir, temporary.c_str(), dir, name.c_str());
  });
}

Result<> create_file(int dir, const std::string& name, std::string_view content,
                     Durability durability) {
  return publish(dir, name, content, durability, [&](const std::string& temporary) {
    const int linked = ::linkat(dir, temporary.c_str(), dir, name.c_str(), 0);
    const int saved = errno;
    if (linked == 0) ::unlinkat(dir, temporary.c_str(), 0);
    errno = saved;
    return linked;
  });
}

void remove_temporaries(int dir) {
  const auto names = list_directory(dir);
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    if (!name.starts_with(kTemporary)) continue;
    const auto file = open_at(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    if (file && lock_file(file->get(), Lock::Exclusive, Wait::No)) ::unlinkat(dir, name.c_str(), 0);
  }
}

Result<std::string> load_file(int dir, const std::string& name, std::size_t limit) {
  Fd file = TRY(open_at(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  return TRY(read_all(file.get(), limit), "read " + quoted(name));
}

Result<std::vector<std::string>> list_directory(int dir, const std::string& name) {
  Dir stream = TRY(open_directory(dir, name));
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    std::string found = entry->d_name;
    if (found != "." && found != "..") names.push_back(std::move(found));
  }
  if (errno != 0) return fail_errno("list " + quoted(name));
  std::sort(names.begin(), names.end());
  return names;
}

Result<> remove_tree(int dir, const std::string& name) {
  if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return fail_errno("remove " + quoted(name));
  auto top = open_same_mount(dir, name);
  if (!top && top.error().errnum() == EXDEV)
    return fail(Kind::Busy, "remove " + quoted(name) + ": something is mounted there");
  if (top) TRY(TreeRemover(top->get()).remove_all());
  if (::unlinkat(dir, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    return fail_errno("remove " + quoted(name));
  return {};
}

Result<std::uint64_t> disk_usage(int dir, const std::string& name) {
  std::set<std::pair<dev_t, ino_t>> seen;
  return usage_below(dir, name, seen, 0);
}

Result<> lock_file(int fd, Lock kind, Wait wait) {
  struct flock lock{};
  lock.l_type = kind == Lock::Shared ? F_RDLCK : F_WRLCK;
  lock.l_whence = SEEK_SET;
  for (;;) {
    if (::fcntl(fd, wait == Wait::Yes ? F_OFD_SETLKW : F_OFD_SETLK, &lock) == 0) return {};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EACCES) return fail(Kind::Busy, "locked by another process");
    return fail_errno("lock a file");
  }
}

Result<bool> is_locked(int fd) {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_GETLK, &lock) != 0) return fail_errno("ask for a lock");
  return lock.l_type != F_UNLCK;
}

std::string user_name(std::uint32_t uid) {
  std::string number = std::to_string(uid);
  const auto passwd = load_file(AT_FDCWD, "/etc/passwd", 4 << 20);
  if (!passwd) return number;
  for (const std::string& line : split(*passwd, '\n')) {
    const std::vector<std::string> fields = split(line, ':');
    if (fields.size() >= 3 && fields[2] == number) return fields[0];
  }
  return number;
}

std::string boot_id() {
  const auto text = load_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 256);
  return text ? std::string(trim(*text)) : "";
}

}  // namespace tare::sys
