// SPDX-License-Identifier: Apache-2.0
#include "sys/own_program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "sys/fd.h"
#include "sys/mounts.h"

namespace tare::sys {
namespace {

constexpr const char* kProgram = "/proc/self/exe";
constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

std::string link_of_program() {
  std::string path(4096, '\0');
  const ssize_t size = ::readlink(kProgram, path.data(), path.size());
  path.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return path;
}

// Executable by name since Linux 6.3, which makes it possible to forbid it; before, all were.
Fd make_memory_file() {
  constexpr unsigned kExecutable = 0x10U;  // MFD_EXEC, newer than our headers may be.
  Fd file(::memfd_create("tare", MFD_CLOEXEC | MFD_ALLOW_SEALING | kExecutable));
  if (!file && errno == EINVAL) file = Fd(::memfd_create("tare", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  return file;
}

Result<Fd> sealed_copy() {
  const Fd program = TRY(open_path(kProgram, O_RDONLY));
  struct stat info{};
  if (::fstat(program.get(), &info) != 0) return fail_errno("look at the own program");
  Fd copy = make_memory_file();
  if (!copy)
    return std::unexpected(
        Error::sys(errno, "make a file in memory that programs can run from")
            .hint("the setting vm.memfd_noexec has to be 0 or 1: sysctl vm.memfd_noexec"));
  while (const ssize_t sent =
             ::sendfile(copy.get(), program.get(), nullptr, static_cast<std::size_t>(info.st_size)))
    if (sent < 0) return fail_errno("copy the own program");
  if (::fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0) return fail_errno("seal the own program");
  return copy;
}

}  // namespace

bool runs_sealed() {
  const auto program = open_path(kProgram, O_RDONLY);
  return program && ::fcntl(program->get(), F_GET_SEALS) == kSeals;
}

Result<> run_sealed(std::span<const char* const> arguments) {
  if (runs_sealed()) {
    (void)::prctl(PR_SET_NAME, "tare");  // Only a name: it was the descriptor's number.
    return {};
  }
  const Fd copy = TRY(sealed_copy());
  const std::string origin = link_of_program();
  if (::setenv(kOriginVariable, origin.c_str(), 1) != 0) return fail_errno("set a variable");
  std::vector<char*> argv = {const_cast<char*>("tare")};
  for (const char* const argument : arguments) argv.push_back(const_cast<char*>(argument));
  argv.push_back(nullptr);
  ::syscall(SYS_execveat, copy.get(), "", argv.data(), environ, AT_EMPTY_PATH);
  return fail_errno("run a sealed copy of " + origin);
}

Result<> run_read_only(std::span<const char* const> arguments) {
  struct statfs program{};
  if (::statfs(kProgram, &program) != 0) return fail_errno("look at the own program");
  if ((static_cast<unsigned long>(program.f_flags) & ST_RDONLY) != 0) return {};
  const Fd mount(::open_tree(AT_FDCWD, kProgram, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  // No right to mount anything here: a copy, then.
  if (!mount && errno == EPERM) return run_sealed(arguments);
  if (!mount) return fail_errno("make a mount of the own program");
  TRY(set_mount_attributes(mount.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, false));
  std::vector<char*> argv = {const_cast<char*>("tare-oci")};
  for (const char* const argument : arguments) argv.push_back(const_cast<char*>(argument));
  argv.push_back(nullptr);
  ::syscall(SYS_execveat, mount.get(), "", argv.data(), environ, AT_EMPTY_PATH);
  return fail_errno("run " + link_of_program() + " through a read-only mount");
}

}  // namespace tare::sys
