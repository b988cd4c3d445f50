// SPDX-License-Identifier: Apache-2.0
// Programs for tests only (base/failpoint.h): stands between them and the C library where they
// change files, so that a test can end one before any such step, or let the disk be full from there
// on. The linker puts these functions in (--wrap, cmake/failpoints.cmake); nothing in the code
// knows of it.
//
//   TARE_STEPS=FILE     8 bytes, shared by all processes: how many steps were taken.
//   TARE_STEP=kill:N    SIGKILL for the process that is about to take step N.
//   TARE_STEP=group:N   for its whole process group.
//   TARE_STEP=full:N    from step N on there is no space (ENOSPC). Here only what takes space
//   counts. TARE_TEST_NO_SYNC   fsync() and the like do nothing. TARE_TEST_CLOCK=S   the clock is
//   that many seconds off.
#ifdef TARE_FAILPOINTS
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

enum class What { Nothing, Kill, Group, Full };

std::atomic<std::uint64_t>* g_steps = nullptr;
What g_what = What::Nothing;
std::uint64_t g_at = 0;
bool g_no_sync = false;
long long g_clock = 0;

bool has_word(const char* text, const char* word) {
  return std::strncmp(text, word, std::strlen(word)) == 0;
}

__attribute__((constructor)) void read_wish() {
  g_no_sync = std::getenv("TARE_TEST_NO_SYNC") != nullptr;
  if (const char* seconds = std::getenv("TARE_TEST_CLOCK")) g_clock = std::atoll(seconds);
  const char* path = std::getenv("TARE_STEPS");
  if (path == nullptr) return;
  const int file = ::open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void* const shared = ::mmap(nullptr, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (shared != MAP_FAILED) g_steps = static_cast<std::atomic<std::uint64_t>*>(shared);
  const char* wish = std::getenv("TARE_STEP");
  const char* colon = wish == nullptr ? nullptr : std::strchr(wish, ':');
  if (colon == nullptr) return;
  g_at = std::strtoull(colon + 1, nullptr, 10);
  g_what = has_word(wish, "kill") ? What::Kill : has_word(wish, "group") ? What::Group : What::Full;
}

// A change is about to be made.
void step() {
  if (g_steps == nullptr || g_what == What::Full) return;
  if (g_steps->fetch_add(1) + 1 != g_at) return;
  if (g_what == What::Group) ::kill(0, SIGKILL);
  // A confined process may not do that, and is ended for trying.
  ::kill(::getpid(), SIGKILL);
}

// Space is about to be taken: true when there is none.
bool is_full() {
  step();
  if (g_steps == nullptr || g_what != What::Full) return false;
  if (g_steps->fetch_add(1) + 1 < g_at) return false;
  errno = ENOSPC;
  return true;
}

bool is_new(int dir, const char* path) {
  struct stat info{};
  return ::fstatat(dir, path, &info, AT_SYMLINK_NOFOLLOW) != 0;
}

bool is_on_disk(int fd) {
  struct stat info{};
  return g_what == What::Full && fd > STDERR_FILENO && ::fstat(fd, &info) == 0 &&
         S_ISREG(info.st_mode) && info.st_nlink > 0;
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier,cert-*,readability-*,cppcoreguidelines-*)
extern "C" {
int __real_openat(int, const char*, int, ...);
int __wrap_openat(int dir, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const unsigned mode = va_arg(rest, unsigned);
  va_end(rest);
  if ((flags & O_CREAT) != 0 && is_new(dir, path) && is_full()) return -1;
  return __real_openat(dir, path, flags, mode);
}
int __real_mkdirat(int, const char*, mode_t);
int __wrap_mkdirat(int dir, const char* path, mode_t mode) {
  return is_new(dir, path) && is_full() ? -1 : __real_mkdirat(dir, path, mode);
}
int __real_linkat(int, const char*, int, const char*, int);
int __wrap_linkat(int from, const char* old, int to, const char* name, int flags) {
  return is_full() ? -1 : __real_linkat(from, old, to, name, flags);
}
int __real_symlinkat(const char*, int, const char*);
int __wrap_symlinkat(const char* target, int dir, const char* name) {
  return is_full() ? -1 : __real_symlinkat(target, dir, name);
}
ssize_t __real_write(int, const void*, size_t);
ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
  return is_on_disk(fd) && is_full() ? -1 : __real_write(fd, bytes, size);
}
ssize_t __real_pwrite(int, const void*, size_t, off_t);
ssize_t __wrap_pwrite(int fd, const void* bytes, size_t size, off_t at) {
  return is_on_disk(fd) && is_full() ? -1 : __real_pwrite(fd, bytes, size, at);
}
int __real_renameat(int, const char*, int, const char*);
int __wrap_renameat(int from, const char* old, int to, const char* name) {
  step();
  return __real_renameat(from, old, to, name);
}
int __real_renameat2(int, const char*, int, const char*, unsigned);
int __wrap_renameat2(int from, const char* old, int to, const char* name, unsigned flags) {
  step();
  return __real_renameat2(from, old, to, name, flags);
}
int __real_unlinkat(int, const char*, int);
int __wrap_unlinkat(int dir, const char* name, int flags) {
  step();
  return __real_unlinkat(dir, name, flags);
}
int __real_fsync(int);
int __wrap_fsync(int fd) {
  step();
  return g_no_sync ? 0 : __real_fsync(fd);
}
int __real_syncfs(int);
int __wrap_syncfs(int fd) {
  step();
  return g_no_sync ? 0 : __real_syncfs(fd);
}
int __real_utimensat(int, const char*, const timespec*, int);
int __wrap_utimensat(int dir, const char* path, const timespec* times, int flags) {
  timespec now[2];
  if (times == nullptr && g_clock != 0) {
    ::clock_gettime(CLOCK_REALTIME, &now[0]);
    now[1] = now[0];
    times = now;
  }
  return __real_utimensat(dir, path, times, flags);
}
int __real_clock_gettime(clockid_t, timespec*);
int __wrap_clock_gettime(clockid_t clock, timespec* now) {
  const int status = __real_clock_gettime(clock, now);
  if (status == 0 && clock == CLOCK_REALTIME) now->tv_sec += g_clock;
  return status;
}
}
// NOLINTEND(bugprone-reserved-identifier,cert-*,readability-*,cppcoreguidelines-*)
#endif
