// SPDX-License-Identifier: Apache-2.0
#include "store/move.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/failpoint.h"
#include "base/text.h"
#include "store/overlay_mount.h"
#include "sys/files.h"
#include "sys/mounts.h"
#include "sys/ownership.h"

namespace tare::store {
namespace {

// In the place while it is no store yet: the path of the store that is being moved to it.
constexpr const char* kMarker = "moving";
// Written once, and named when it is whole.
constexpr const char* kContents[] = {"blobs", "layers", "objects", "rootfs"};
// What a store makes for itself.
constexpr const char* kNotMoved[] = {"tmp", "trash", "locks", "mounts", kMarker};

bool is_in(const std::string& path, const std::string& top) {
  return path == top || path.starts_with(top == "/" ? top : top + "/");
}

// Without links; the last component may be missing.
Result<std::string> real_path(const std::string& path) {
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) != nullptr) return std::string(resolved);
  if (errno != ENOENT) return fail_errno("find " + quoted(path));
  std::string text = path;
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  const std::size_t slash = text.rfind('/');
  const std::string above = slash == std::string::npos ? "." : text.substr(0, slash + 1);
  const std::string name = slash == std::string::npos ? text : text.substr(slash + 1);
  if (::realpath(above.c_str(), resolved) == nullptr) return fail_errno("find " + quoted(above));
  return (resolved == std::string("/") ? "" : std::string(resolved)) + "/" + name;
}

Result<std::string> random_name() {
  char raw[12];
  if (::getrandom(raw, sizeof raw, 0) != sizeof raw) return fail_errno("getrandom");
  return Store::kLeftBehind + to_hex(std::string_view(raw, sizeof raw));
}

Result<> sync_fd(int fd) {
  if (::fsync(fd) != 0) return fail_errno("write to disk");
  return {};
}

// Whether a writable layer can lie there: by having one.
Result<> try_overlay(const Store& place) {
  const char* rooms[] = {"tmp/probe", "tmp/probe/lower", "tmp/probe/container"};
  for (const char* room : rooms)
    if (::mkdirat(place.dir(), room, 0700) != 0 && errno != EEXIST)
      return fail_errno("make a directory");
  const auto tried = [&]() -> Result<> {
    const sys::Fd lower_dir = TRY(sys::open_at(place.dir(), rooms[1], O_PATH | O_DIRECTORY));
    const sys::Fd container = TRY(sys::open_at(place.dir(), rooms[2], O_RDONLY | O_DIRECTORY));
    const sys::Fd lower = TRY(sys::clone_mount(lower_dir.get(), false));
    const sys::IdMap ids = own_ids();
    const sys::Fd mount =
        TRY(mount_overlay({.lower = lower.get(), .ids = &ids, .container_dir = container.get()}));
    const sys::Fd file = TRY(sys::open_at(mount.get(), "file", O_WRONLY | O_CREAT));
    return {};
  }();
  (void)sys::remove_tree(place.dir(), rooms[0]);
  return tried;
}

}  // namespace

StoreMove::~StoreMove() {
  if (done_ || !dir_) return;
  (void)empty_place();
  if (made_) ::rmdir(place_.c_str());
}

// Where the store is, and that a link can take its place.
Result<> StoreMove::find_old() {
  char resolved[PATH_MAX];
  if (::realpath(store_.path().c_str(), resolved) == nullptr)
    return fail_errno("find " + quoted(store_.path()));
  old_ = resolved;
  const std::size_t slash = old_.rfind('/');
  name_ = old_.substr(slash + 1);
  struct statx info{};
  if (::statx(store_.dir(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &info) != 0)
    return fail_errno("look at the store");
  if (name_.empty() || (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
    return std::unexpected(
        Error(Kind::Unsupported, "a file system is mounted at " + quoted(old_) +
                                     ", so that no link can take the place of the store")
            .hint("copy it while nothing uses it (cp -a), and name the new place: 'root=' in the "
                  "settings of Tare, TARE_ROOT or --root"));
  parent_ = TRY(sys::open_path(slash == 0 ? "/" : old_.substr(0, slash), O_RDONLY | O_DIRECTORY));
  // Of a move that was killed before the rename.
  for (const std::string& name : TRY(sys::list_directory(parent_.get()))) {
    struct stat link{};
    if (name.starts_with("." + name_ + "." + Store::kLeftBehind) &&
        ::fstatat(parent_.get(), name.c_str(), &link, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(link.st_mode))
      ::unlinkat(parent_.get(), name.c_str(), 0);
  }
  return {};
}

Result<> StoreMove::open_place() {
  if (place_ == old_) return fail(Kind::Invalid, quoted(place_) + " is where the store is");
  if (is_in(place_, old_)) return fail(Kind::Invalid, quoted(place_) + " is in the store");
  if (is_in(old_, place_)) return fail(Kind::Invalid, "the store is in " + quoted(place_));
  made_ = ::mkdir(place_.c_str(), 0700) == 0;
  if (!made_ && errno != EEXIST) return fail_errno("make the directory " + quoted(place_));
  dir_ = TRY(sys::open_path(place_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const auto problem = [&]() -> Result<> {
    struct stat info{};
    if (::fstat(dir_.get(), &info) != 0) return fail_errno("look at " + quoted(place_));
    // SECURITY: tests/security/store-of-another-user.sh
    if (info.st_uid != ::geteuid())
      return fail(Kind::Denied, quoted(place_) + " belongs to another user");
    const auto names = TRY(sys::list_directory(dir_.get()));
    const auto marker = sys::load_file(dir_.get(), kMarker, PATH_MAX);
    if (!names.empty() && (!marker || *marker != old_))
      return std::unexpected(Error(Kind::Exists, quoted(place_) + " is not empty")
                                 .hint("name a directory in it that is not there: " + place_ +
                                       (place_.ends_with('/') ? "tare" : "/tare")));
    return {};
  }();
  if (!problem) dir_.reset();  // Not ours to empty.
  TRY(problem);
  TRY(empty_place());
  TRY(sys::replace_file(dir_.get(), kMarker, old_));
  if (::fchmod(dir_.get(), 0700) != 0) return fail_errno("set the mode of " + quoted(place_));
  return {};
}

// The marker goes last: what is left of this can be emptied again.
Result<> StoreMove::empty_place() {
  for (const std::string& name : TRY(sys::list_directory(dir_.get())))
    if (name != kMarker) TRY(sys::remove_tree(dir_.get(), name));
  ::unlinkat(dir_.get(), kMarker, 0);
  return {};
}

Result<> StoreMove::check_room(const StoreUsage& usage) const {
  struct statvfs disk{};
  if (::fstatvfs(dir_.get(), &disk) != 0) return fail_errno("look at the file system");
  const std::uint64_t free = disk.f_bavail * disk.f_frsize;
  // Directories and small files may take more there.
  constexpr std::uint64_t kSpare = 16 << 20;
  const std::uint64_t needed = usage.total.bytes + usage.total.bytes / 50 + kSpare;
  if (needed > free)
    return fail(Kind::Unavailable,
                fmt::format("the store needs {}, and {} are free at {}", human_size(needed),
                            human_size(free), quoted(place_)));
  if (disk.f_files != 0 && usage.total.files + 100 > disk.f_favail)
    return fail(Kind::Unavailable,
                fmt::format("the store has {} files, and {} has inodes for {}", usage.total.files,
                            quoted(place_), static_cast<std::uint64_t>(disk.f_favail)));
  return {};
}

Result<> StoreMove::check_features() {
  Store there = TRY(Store::open(place_));
  const auto elsewhere = [&](const Error& error, const std::string& what) {
    return std::unexpected(
        Error(Kind::Unsupported, what + ": " + error.message())
            .hint("name a directory of another file system: ext4, xfs and btrfs can all of it"));
  };
  if (auto overlay = try_overlay(there); !overlay)
    return elsewhere(overlay.error(), "containers cannot write at " + quoted(place_));
  const std::string backend = ChosenBackend(store_).name();
  for (const BackendTrial& trial : try_backends(there))
    if (trial.name == backend && !trial.why_not.empty())
      return elsewhere(Error(Kind::Unsupported, trial.why_not),
                       "root file systems by " + backend + " do not work at " + quoted(place_));
  return {};
}

Result<std::unique_ptr<StoreMove>> StoreMove::prepare(Store& store, const std::string& place,
                                                      const StoreUsage& usage,
                                                      TreeCopy::Progress progress) {
  std::unique_ptr<StoreMove> move(new StoreMove(store, std::move(progress)));
  TRY(move->find_old());
  move->place_ = TRY(real_path(place));
  TRY(sys::check_way(move->place_));
  TRY(move->open_place());
  TRY(move->check_room(usage));
  TRY(move->check_features());
  move->copy_ =
      std::make_unique<TreeCopy>(store.dir(), move->dir_.get(), std::move(move->progress_));
  failpoint("move.prepared");
  return move;
}

Result<> StoreMove::sync() const {
  if (::syncfs(dir_.get()) != 0) return fail_errno("write to disk");
  return {};
}

Result<> StoreMove::copy_contents() {
  copy_->begin_pass();
  for (const char* room : kContents) TRY(copy_->copy(room));
  TRY(sync());
  failpoint("move.contents");
  for (const char* room : kContents) TRY(copy_->compare(room));
  return {};
}

Result<> StoreMove::copy_rest() {
  copy_->begin_pass();
  std::vector<std::string> names = TRY(sys::list_directory(store_.dir()));
  std::erase_if(names, [](const std::string& name) {
    return std::ranges::find(kNotMoved, name) != std::end(kNotMoved);
  });
  for (const std::string& name : names) TRY(copy_->copy(name));
  ::unlinkat(dir_.get(), "rootfs/backend", 0);  // Found again: it is another file system.
  TRY(sync());
  failpoint("move.rest");
  for (const std::string& name : names) TRY(copy_->compare(name));
  return {};
}

Result<> StoreMove::switch_over() {
  const std::string left = TRY(random_name());
  const std::string link = "." + name_ + "." + left;
  const std::string above = old_.substr(0, old_.rfind('/'));
  if (::symlinkat((above + "/" + link).c_str(), dir_.get(), ("trash/" + left).c_str()) != 0)
    return fail_errno("note what is left behind");
  TRY(sync());
  if (::symlinkat(place_.c_str(), parent_.get(), link.c_str()) != 0)
    return fail_errno("make a link beside " + quoted(old_));
  failpoint("move.linked");
  if (::renameat2(parent_.get(), link.c_str(), parent_.get(), name_.c_str(), RENAME_EXCHANGE) !=
      0) {
    const Error error = Error::sys(errno, "put a link in the place of " + quoted(old_));
    ::unlinkat(parent_.get(), link.c_str(), 0);
    return std::unexpected(error);
  }
  done_ = true;
  failpoint("move.switched");
  TRY(sync_fd(parent_.get()));
  ::unlinkat(dir_.get(), kMarker, 0);
  // A link that led to the old place leads to the new one at once, and no longer over the old disk.
  struct stat info{};
  if (const std::string& path = store_.path();
      path != old_ && ::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) {
    const std::string next = path + "." + left;
    if (::symlink(place_.c_str(), next.c_str()) == 0 && ::rename(next.c_str(), path.c_str()) != 0)
      ::unlink(next.c_str());
  }
  return {};
}

}  // namespace tare::store
