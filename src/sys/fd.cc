// SPDX-License-Identifier: Apache-2.0
#include "sys/fd.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace tare::sys {

Fd::~Fd() {
  if (raw_ >= 0) ::close(raw_);
}

Result<> Fd::close() {
  if (raw_ >= 0 && ::close(release()) != 0 && errno != EINTR) return fail_errno("close");
  return {};
}

Result<Fd> Fd::duplicate() const {
  const int copy = ::fcntl(raw_, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return fail_errno("duplicate a descriptor");
  return Fd(copy);
}

Result<Fd> open_at(int dir, const std::string& name, int flags, unsigned mode) {
  const int raw = ::openat(dir, name.c_str(), flags | O_CLOEXEC, mode);
  if (raw < 0) return fail_errno("open " + quoted(name));
  return Fd(raw);
}

Result<Fd> open_path(const std::string& path, int flags, unsigned mode) {
  return open_at(AT_FDCWD, path, flags, mode);
}

Result<Fd> open_in_root(int root, std::string_view path, int flags, unsigned mode,
                        std::uint64_t resolve_extra) {
  if (path.find('\0') != std::string_view::npos)
    return fail(Kind::Invalid, "path " + quoted(path) + " has a NUL byte");
  const std::string name(path.empty() ? "." : path);
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve_extra;
  constexpr int kTries = 16;  // EAGAIN: a rename raced with the walk.
  for (int tries = 0; tries < kTries; ++tries) {
    const long raw = ::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how);
    if (raw >= 0) return Fd(static_cast<int>(raw));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return fail_errno("open " + quoted(name) + " inside the root");
}

Result<Parent> open_parent_in_root(int root, std::string_view path, bool make) {
  std::vector<std::string> names;
  for (std::string& part : split(path, '/'))
    if (!part.empty() && part != ".") names.push_back(std::move(part));
  if (names.empty() || names.back() == "..")
    return fail(Kind::Invalid, "path " + quoted(path) + " names no file");
  Parent parent;
  parent.name = std::move(names.back());
  names.pop_back();
  std::string walked;
  parent.dir = TRY(open_in_root(root, ".", O_PATH | O_DIRECTORY));
  for (const std::string& name : names) {
    walked += "/" + name;
    auto next = open_in_root(root, walked, O_PATH | O_DIRECTORY);
    if (!next && next.error().errnum() == ENOENT && make && name != "..") {
      if (::mkdirat(parent.dir.get(), name.c_str(), 0755) != 0 && errno != EEXIST)
        return fail_errno("make directory " + quoted(walked));
      next = open_in_root(root, walked, O_PATH | O_DIRECTORY);
    }
    parent.dir = TRY(std::move(next));
  }
  return parent;
}

Result<Pipe> make_pipe() {
  int raw[2];
  if (::pipe2(raw, O_CLOEXEC) != 0) return fail_errno("make a pipe");
  return Pipe{.read = Fd(raw[0]), .write = Fd(raw[1])};
}

Result<> open_standard_streams() {
  for (;;) {
    Fd null = TRY(open_path("/dev/null", O_RDWR));
    if (null.get() > STDERR_FILENO) return {};
    if (::fcntl(null.release(), F_SETFD, 0) != 0) return fail_errno("keep a standard stream");
  }
}

Result<Fd> make_memfd(const char* name) {
  const int raw = ::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (raw < 0) return fail_errno("make a file in memory");
  return Fd(raw);
}

Result<std::size_t> read_full(int fd, char* buffer, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = ::read(fd, buffer + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("read");
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<std::string> read_all(int fd, std::size_t limit) {
  // On the stack, which is there already: a page that is touched for the first time costs more than
  // to copy what is in it.
  constexpr std::size_t kChunk = 16384;
  char chunk[kChunk];  // NOLINT(cppcoreguidelines-pro-type-member-init)
  std::string bytes;
  for (;;) {
    const std::size_t count = TRY(read_full(fd, chunk, kChunk));
    bytes.append(chunk, count);
    if (bytes.size() > limit)
      return fail(Kind::Invalid, "longer than " + std::to_string(limit) + " bytes");
    if (count < kChunk) return bytes;
  }
}

Result<> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("write");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace tare::sys
