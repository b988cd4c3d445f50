// SPDX-License-Identifier: Apache-2.0
#include "store/unsynced.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/text.h"
#include "sys/files.h"

namespace tare::store {
namespace {

constexpr const char* kParent = "steps";
constexpr const char* kRoom = "steps/unsynced";
constexpr std::size_t kMaxPresent = 256;
constexpr std::size_t kMaxMark = 4 << 20;  // A line for each step that goes.
constexpr const char* kLock = "unsynced";  // Who makes or removes marks.

// This boot and this mount of the file system: what was written since is in the page cache, whole,
// whether the disk has it or not. [proc(5), /proc/sys/kernel/random/boot_id]
Result<std::string> present(const Store& store) {
  struct stat info{};
  if (::fstat(store.dir(), &info) != 0) return fail_errno("fstat");
  const sys::Fd file = TRY(sys::open_path("/proc/sys/kernel/random/boot_id", O_RDONLY));
  return TRY(sys::read_all(file.get(), kMaxPresent)) + std::to_string(info.st_dev) + "\n";
}

Result<> sync_all(const Store& store) {
  if (::syncfs(store.dir()) != 0) return fail_errno("write to disk");
  return {};
}

// The room goes with the last mark, so that nobody has to look into an empty one.
void remove_mark(const Store& store, const std::string& name) {
  ::unlinkat(store.dir(), (std::string(kRoom) + "/" + name).c_str(), 0);
  ::unlinkat(store.dir(), kRoom, AT_REMOVEDIR);
}

}  // namespace

Result<Unsynced> Unsynced::begin(Store& store) {
  const std::string text = TRY(present(store));
  const std::string name = std::to_string(::getpid()) + "-" + std::to_string(now_ns());
  const sys::Fd lock = TRY(store.lock(kLock));
  for (const char* place : {kParent, kRoom})
    if (::mkdirat(store.dir(), place, 0700) != 0 && errno != EEXIST)
      return fail_errno("make " + quoted(place));
  sys::Fd file = TRY(sys::open_at(store.dir(), std::string(kRoom) + "/" + name,
                                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(sys::lock_file(file.get(), sys::Lock::Exclusive, sys::Wait::No));
  TRY(sys::write_all(file.get(), text));
  TRY(sync_all(store));
  store.sync_later(true);
  return Unsynced(store, name, std::move(file));
}

Unsynced::Unsynced(Unsynced&& other) noexcept
    : store_(std::exchange(other.store_, nullptr)),
      name_(std::move(other.name_)),
      file_(std::move(other.file_)) {}

Unsynced::~Unsynced() {
  if (store_ != nullptr) (void)end(Disk::Wait);
}

Result<> Unsynced::forget_with_us(const Digest& key) {
  return sys::write_all(file_.get(), key.text() + "\n");
}

Result<> Unsynced::end(Disk disk) {
  Store& store = *std::exchange(store_, nullptr);
  store.sync_later(false);
  if (disk == Disk::Wait) TRY(sync_all(store));  // Else the mark stays.
  const sys::Fd lock = TRY(store.lock(kLock));
  remove_mark(store, name_);
  return {};
}

Result<LeftBehind> find_unsynced(Store& store) {
  LeftBehind left;
  if (::faccessat(store.dir(), kRoom, F_OK, 0) != 0) return left;
  const sys::Fd lock = TRY(store.lock(kLock));
  const auto names = sys::list_directory(store.dir(), kRoom);
  if (!names && names.error().kind() == Kind::NotFound) return left;
  const std::string now = TRY(present(store));
  for (const std::string& name : TRY(names)) {
    const auto file =
        sys::open_at(store.dir(), std::string(kRoom) + "/" + name, O_RDWR | O_NOFOLLOW);
    if (!file || !sys::lock_file(file->get(), sys::Lock::Exclusive, sys::Wait::No)) continue;
    // One that the disk has without its text was being made: nothing had been named yet.
    const std::string text = TRY(sys::read_all(file->get(), kMaxMark));
    left.is_torn = left.is_torn || (!text.empty() && !text.starts_with(now));
    if (left.is_torn) break;
    left.has_killed = true;
    for (const std::string& line : split(text.substr(std::min(text.size(), now.size())), '\n'))
      if (const auto key = Digest::parse(line)) {
        const std::string step = std::string(kParent) + "/" + key->hex() + ".json";
        left.has_gone = ::unlinkat(store.dir(), step.c_str(), 0) == 0 || left.has_gone;
      }
    TRY(sync_all(store));
    remove_mark(store, name);
  }
  return left;
}

Result<> forget_unsynced(Store& store) {
  TRY(sync_all(store));
  const sys::Fd lock = TRY(store.lock(kLock));
  const std::string now = TRY(present(store));
  for (const std::string& name : TRY(sys::list_directory(store.dir(), kRoom))) {
    const auto text = sys::load_file(store.dir(), std::string(kRoom) + "/" + name);
    if (text && !text->starts_with(now)) remove_mark(store, name);
  }
  return {};
}

}  // namespace tare::store
