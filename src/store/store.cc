// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "base/undo.h"
#include "sys/ownership.h"

namespace tare::store {
namespace {

constexpr const char* kRooms[] = {
    "blobs",  "blobs/sha256", "images",      "names",           "layers",     "objects",
    "rootfs", "rootfs/erofs", "rootfs/flat", "rootfs/redirect", "containers", "ids",
    "locks",  "tmp",          "trash",       "downloads",       "volumes"};
constexpr const char* kTmpLock = "tmp";  // Shared while something is born in tmp/.
constexpr const char* kUseLock = "use";  // Shared by all who have the store open.

Result<std::string> unique_name() {
  char raw[12];
  if (::getrandom(raw, sizeof raw, 0) != sizeof raw) return fail_errno("getrandom");
  return to_hex(std::string_view(raw, sizeof raw));
}

Result<> make_directory(int dir, const char* name) {
  if (::mkdirat(dir, name, 0700) != 0 && errno != EEXIST)
    return fail_errno("make directory " + quoted(name));
  return {};
}

// Nobody holds its lock: whoever made it is gone. A directory without ".lock" died very young.
bool is_abandoned(int tmp, const std::string& name) {
  struct stat info{};
  if (::fstatat(tmp, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
  const std::string lock = S_ISDIR(info.st_mode) ? name + "/.lock" : name;
  const auto file = sys::open_at(tmp, lock, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  if (!file) return file.error().kind() == Kind::NotFound;
  return sys::lock_file(file->get(), sys::Lock::Exclusive, sys::Wait::No).has_value();
}

// Where a store was moved to, when that is not there.
std::unexpected<Error> nothing_there(const std::string& path, Error error) {
  char target[4096];
  const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
  if (size <= 0 || error.kind() != Kind::NotFound) return std::unexpected(std::move(error));
  const std::string place(target, static_cast<std::size_t>(size));
  return std::unexpected(
      std::move(error).hint("it was moved to " + quoted(place) + ": is that file system mounted?"));
}

// SECURITY: who can write here decides what runs as whom: records of containers have capabilities
// and mounts of the host in them. tests/security/store-of-another-user.sh
Result<> check_owner(int dir, const std::string& path) {
  struct stat info{};
  if (::fstat(dir, &info) != 0) return fail_errno("look at the store");
  if (info.st_uid != ::geteuid())
    return std::unexpected(
        Error(Kind::Denied, "the store " + quoted(path) + " belongs to another user")
            .hint("that user decides what its containers may do: use it as that user, or name "
                  "another place with --root"));
  if (sys::is_writable_by_others(info))
    return std::unexpected(
        Error(Kind::Denied, "the store " + quoted(path) + " can be written by other users")
            .hint("if nobody has: chmod 700 " + path));
  return {};
}

}  // namespace

Store::Scratch::Scratch(Scratch&& other) noexcept
    : name(std::move(other.name)),
      dir(std::move(other.dir)),
      lock(std::move(other.lock)),
      store(std::exchange(other.store, nullptr)) {}

Store::Scratch::~Scratch() {
  // What cannot be removed now is removed by the next recovery.
  if (store != nullptr) (void)store->discard(name);
}

Result<> Store::open_once() {
  auto dir = sys::open_path(path_, O_RDONLY | O_DIRECTORY);
  if (!dir) return nothing_there(path_, std::move(dir).error());
  dir_ = std::move(*dir);
  TRY(check_owner(this->dir(), path_));
  TRY(make_directory(this->dir(), "locks"), "make the store " + quoted(path_));
  auto use = lock(kUseLock, sys::Lock::Shared);
  if (!use && use.error().errnum() == EROFS) return {};  // Nobody can move it either.
  use_ = TRY(std::move(use));
  return {};
}

Result<Store> Store::open(const std::string& path) {
  TRY(sys::make_directories(path, 0700), "make the store " + quoted(path));
  Store store;
  store.path_ = path;
  for (bool there = false; !there;) {
    auto opened = store.open_once();
    there = !store.dir_ || sys::leads_to(path, store.dir());  // Else it was moved meanwhile.
    if (there) TRY(std::move(opened));
  }
  for (const char* room : kRooms)
    TRY(make_directory(store.dir(), room), "make the store " + quoted(path));
  store.recover();
  return store;
}

Result<> Store::use_alone() {
  return sys::lock_file(use_.get(), sys::Lock::Exclusive, sys::Wait::No);
}

Result<> Store::use_shared() {
  return sys::lock_file(use_.get(), sys::Lock::Shared, sys::Wait::No);
}

void Store::recover() {
  // While somebody else is making something in tmp/ (or recovers), there will be another time.
  const auto tmp_lock = lock(kTmpLock, sys::Lock::Exclusive, sys::Wait::No);
  if (!tmp_lock) return;
  const auto tmp = sys::open_at(dir(), "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const auto names = tmp ? sys::list_directory(tmp->get()) : std::vector<std::string>();
  if (names)
    for (const std::string& name : *names)
      if (is_abandoned(tmp->get(), name)) (void)discard("tmp/" + name);
  const auto trash = sys::list_directory(dir(), "trash");
  if (trash && !trash->empty()) empty_trash_in_background();
}

void Store::remove_temporaries() const {
  for (const char* room : {".", "images", "names", "layers", "rootfs", "rootfs/erofs", "bin",
                           "bin/images", "mounts", "manifests"})
    if (const auto opened = sys::open_at(dir(), room, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
      sys::remove_temporaries(opened->get());
}

Result<Store::Scratch> Store::make_scratch() {
  const sys::Fd birth = TRY(lock(kTmpLock, sys::Lock::Shared));
  const std::string name = "tmp/" + TRY(unique_name());
  if (::mkdirat(dir(), name.c_str(), 0700) != 0)
    return fail_errno("make a scratch directory in the store " + quoted(path_));
  Scratch scratch;
  scratch.name = name;
  scratch.store = this;
  scratch.dir = TRY(sys::open_at(dir(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  scratch.lock = TRY(sys::open_at(scratch.dir.get(), ".lock", O_RDWR | O_CREAT | O_EXCL));
  TRY(sys::lock_file(scratch.lock.get(), sys::Lock::Exclusive, sys::Wait::No));
  return scratch;
}

Result<sys::Fd> Store::lock(const std::string& what, sys::Lock kind, sys::Wait wait) const {
  const int rooms = dir();
  sys::Fd file =
      TRY(sys::open_at(rooms, "locks/" + what, O_RDWR | O_CREAT | O_NOFOLLOW), "lock the store");
  TRY(sys::lock_file(file.get(), kind, wait), "lock " + quoted(what) + " of the store");
  return file;
}

}  // namespace tare::store
