// SPDX-License-Identifier: Apache-2.0
// The helper program's bytes, which are a part of ours, and the file in memory that it runs from.
#include "sys/helper.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <string_view>

#include "sys/files.h"

asm(".section .rodata.tare_child, \"a\", %progbits\n"
    ".balign 16\n"
    ".globl tare_child_begin\n.globl tare_child_end\n"
    "tare_child_begin:\n"
    ".incbin \"" TARE_CHILD_PROGRAM
    "\"\n"
    "tare_child_end:\n"
    ".previous");

extern "C" {
extern const char tare_child_begin[];
extern const char tare_child_end[];
}

namespace tare::sys {
namespace {

constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

// Executable by name since Linux 6.3, which makes it possible to forbid it; before, all were.
Fd make_memory_file() {
  constexpr unsigned kExecutable = 0x10U;  // MFD_EXEC, newer than our headers may be.
  constexpr const char* kName = "tare-child";
  Fd file(::memfd_create(kName, MFD_CLOEXEC | MFD_ALLOW_SEALING | kExecutable));
  if (!file && errno == EINVAL) file = Fd(::memfd_create(kName, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  return file;
}

}  // namespace

// SECURITY: a process that enters a container takes a reference to its program with it, and a
// container can have that program executed again by the name /proc/self/exe; it must not be a file
// that anybody else runs, nor one that can be written to. [CVE-2019-5736]
Result<Fd> open_helper() {
  Fd file = make_memory_file();
  if (!file)
    return std::unexpected(
        Error::sys(errno, "make a file in memory that programs can run from")
            .hint("the setting vm.memfd_noexec has to be 0 or 1: sysctl vm.memfd_noexec"));
  TRY(write_all(file.get(), {tare_child_begin, tare_child_end}), "write the helper program");
  if (::fcntl(file.get(), F_ADD_SEALS, kSeals) != 0) return fail_errno("seal the helper program");
  return file;
}

}  // namespace tare::sys
