// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes are: an answer, and only names that were in them.
#include "audit/elf.h"

#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(elf) {
  const auto elf = audit::read_elf(audit::StringBytes(bytes));
  if (!elf) {
    FUZZ_CHECK(elf.error().kind() == Kind::Invalid || elf.error().kind() == Kind::Corrupt);
    return;
  }
  FUZZ_CHECK(audit::has_elf_magic(bytes));
  FUZZ_CHECK(elf->interpreter.find('\0') == std::string::npos);
  for (const std::string& name : elf->needed)
    FUZZ_CHECK(bytes.find(name) != std::string_view::npos && name.find('\0') == std::string::npos);
}
