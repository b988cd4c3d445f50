// SPDX-License-Identifier: Apache-2.0
// The few facts of an ELF file that decide whether it can run. The file comes from an image: every
// offset and size in it may be a lie. [elf(5)]
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace tare::isolate {

struct ElfFacts {
  bool is_64_bit = false;
  bool is_little_endian = true;
  std::uint16_t machine = 0;        // EM_*
  std::string interpreter;          // PT_INTERP, "" for a static program.
  std::vector<std::string> needed;  // DT_NEEDED.
  bool has_search_path = false;     // DT_RPATH or DT_RUNPATH.
};

// Reads them from an open file. Errors: Invalid (no ELF file), Corrupt with the reason.
Result<ElfFacts> read_elf(int fd);

std::string machine_name(std::uint16_t machine);  // "x86-64", "arm64", "machine 4711".
std::uint16_t own_machine();

}  // namespace tare::isolate
