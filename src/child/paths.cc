// SPDX-License-Identifier: Apache-2.0
// Mount points in a tree that somebody else wrote: found or made, by descriptor, never outside.
#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>

#include "child/calls.h"

namespace tare::child {
namespace {

constexpr std::size_t kPathSize = 4096;  // PATH_MAX, with the NUL.
constexpr int kMostLinks = 8;

// Makes `name` in `dir`. 0, or -1 and errno.
int make_entry(int dir, const char* name, bool directory) noexcept {
  if (directory) return static_cast<int>(call(SYS_mkdirat, dir, name, 0755));
  const long fd =
      call(SYS_openat, dir, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return -1;
  close_fd(static_cast<int>(fd));  // Open for writing it would keep the mount from being read-only.
  return 0;
}

// Puts "PREFIX/LINK/REST" into `path`, where path[0..start) is PREFIX with its slash, the component
// at `start` ends at `end`, and it is a symbolic link in `dir`. 0, or -1 and errno.
int replace_by_link(int dir, char* path, std::size_t start, std::size_t end) noexcept {
  char link[kPathSize];
  char rest[kPathSize];
  const std::size_t rest_size = std::strlen(path + end) + 1;
  std::memcpy(rest, path + end, rest_size);
  path[end] = '\0';
  const long size = call(SYS_readlinkat, dir, path + start, link, sizeof link);
  if (size < 0) return -1;
  const auto link_size = static_cast<std::size_t>(size);
  if (link_size > 0 && link[0] == '/') start = 0;
  if (start + link_size + rest_size > kPathSize) {
    errno = ENAMETOOLONG;
    return -1;
  }
  std::memcpy(path + start, link, link_size);
  std::memcpy(path + start + link_size, rest, rest_size);
  return 0;
}

// Walks `path`, making what is missing. Returns 1 when a link that points nowhere was replaced by
// its text and the walk has to begin again.
int make_missing(int root, char* path, bool directory) noexcept {
  int dir = open_in(root, "/", O_PATH | O_DIRECTORY, 0);
  std::size_t at = 0;
  while (dir >= 0) {
    while (path[at] == '/') ++at;
    if (path[at] == '\0') break;
    const std::size_t start = at;
    while (path[at] != '/' && path[at] != '\0') ++at;
    const char after = path[at];
    std::size_t next = at;
    while (path[next] == '/') ++next;
    const bool last = path[next] == '\0';
    path[at] = '\0';
    int fd = open_in(root, path, O_PATH, 0);
    if (fd < 0 && errno == ENOENT && make_entry(dir, path + start, directory || !last) == 0)
      fd = open_in(root, path, O_PATH, 0);
    const bool dangling = fd < 0 && errno == EEXIST;
    path[at] = after;
    if (dangling) {
      const int replaced = replace_by_link(dir, path, start, at);
      drop_fd(dir);
      return replaced == 0 ? 1 : -1;
    }
    const int saved = errno;
    drop_fd(dir);
    errno = saved;
    dir = fd;
  }
  if (dir < 0) return -1;
  drop_fd(dir);
  return 0;
}

// The usual case: only the last component is missing. False when it is not that simple.
bool make_last(int root, char* path, bool directory) noexcept {
  char* const slash = const_cast<char*>(last_slash(path));
  if (slash == nullptr || slash == path || slash[1] == '\0') return false;
  *slash = '\0';
  const int parent = open_in(root, path, O_PATH | O_DIRECTORY, 0);
  if (parent < 0) return false;
  const bool made = make_entry(parent, slash + 1, directory) == 0;
  drop_fd(parent);
  return made;
}

}  // namespace

int open_or_make(int root, const char* path, bool directory) noexcept {
  const int found = open_in(root, path, O_PATH, 0);
  if (found >= 0 || errno != ENOENT) return found;
  char walked[kPathSize];
  const std::size_t size = std::strlen(path) + 1;
  if (size > sizeof walked) {
    errno = ENAMETOOLONG;
    return -1;
  }
  std::memcpy(walked, path, size);
  if (make_last(root, walked, directory)) return open_in(root, path, O_PATH, 0);
  std::memcpy(walked, path, size);
  for (int links = 0; links < kMostLinks; ++links) {
    const int made = make_missing(root, walked, directory);
    if (made < 0) return -1;
    if (made == 0) return open_in(root, walked, O_PATH, 0);
  }
  errno = ELOOP;
  return -1;
}

}  // namespace tare::child
