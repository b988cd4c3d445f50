// SPDX-License-Identifier: Apache-2.0
// What a loader reads of an ELF file. The file is treated as hostile: every offset and count is
// checked against the file and against a bound. [System V gABI, chapters 4 and 5; elf(5)]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/bytes.h"

namespace tare::audit {

using codec::Bytes;
using codec::StringBytes;

// A borrowed descriptor of a regular file of `size` bytes.
class FileBytes : public Bytes {
 public:
  FileBytes(int fd, std::uint64_t size) : fd_(fd), size_(size) {}
  std::uint64_t size() const override { return size_; }
  Result<std::string> read(std::uint64_t offset, std::size_t size) const override;

 private:
  int fd_;
  std::uint64_t size_;
};

struct Elf {
  bool is_64 = false;
  bool little_endian = true;
  std::uint16_t machine = 0;  // EM_X86_64, ...
  std::uint16_t type = 0;     // ET_EXEC, ET_DYN, ...
  bool dynamic = false;       // Has PT_DYNAMIC.
  bool no_default_libraries =
      false;                // DF_1_NODEFLIB: neither the cache nor the default directories.
  std::string interpreter;  // PT_INTERP; empty: a library or a static program.
  std::string soname;
  std::string rpath;
  std::string runpath;
  bool has_runpath = false;  // Then the loader ignores DT_RPATH.
  std::vector<std::string> needed;
  std::vector<std::string> imports;       // Names of undefined dynamic symbols, sorted.
  std::vector<std::string> dlopen_notes;  // JSON of .note.dlopen [systemd.io/ELF_DLOPEN_METADATA].
  int glibc_minor = 0;  // The highest N of version names GLIBC_2.N: of libc itself its version.

  bool imports_any(std::initializer_list<std::string_view> names) const;
  bool same_machine(const Elf& other) const {
    return is_64 == other.is_64 && little_endian == other.little_endian && machine == other.machine;
  }
};

bool has_elf_magic(std::string_view first_bytes);

// Errors: Corrupt, saying what is wrong with which part; Invalid when it is not ELF.
Result<Elf> read_elf(const Bytes& bytes);

}  // namespace tare::audit
