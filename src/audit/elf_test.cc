// SPDX-License-Identifier: Apache-2.0
#include "audit/elf.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "audit/elf_samples.h"
#include "sys/fd.h"

using namespace tare;
using namespace tare::audit;

namespace {
Result<Elf> read(const std::string& bytes) { return read_elf(StringBytes(bytes)); }
}  // namespace

TEST_CASE("what a loader reads of an ELF file") {
  const auto elf = read(make_elf({.interpreter = "/lib64/ld.so",
                                  .soname = "me.so",
                                  .rpath = "/r",
                                  .runpath = "$ORIGIN/x",
                                  .needed = {"liba.so.1", "libb.so"},
                                  .imports = {"tzset", "getpwnam", "GLIBC_2.34"},
                                  .dlopen_note = "[{\"soname\":[\"libz.so.1\"]}]",
                                  .flags_1 = DF_1_NODEFLIB}));
  REQUIRE(elf.has_value());
  CHECK(elf->is_64);
  CHECK(elf->machine == EM_X86_64);
  CHECK(elf->interpreter == "/lib64/ld.so");
  CHECK(elf->soname == "me.so");
  CHECK(elf->rpath == "/r");
  CHECK(elf->runpath == "$ORIGIN/x");
  CHECK(elf->has_runpath);
  CHECK(elf->no_default_libraries);
  CHECK(elf->needed == std::vector<std::string>{"liba.so.1", "libb.so"});
  CHECK(elf->imports_any({"nothing", "tzset"}));
  CHECK_FALSE(elf->imports_any({"tzse"}));
  CHECK(elf->glibc_minor == 34);
  CHECK(elf->dlopen_notes == std::vector<std::string>{"[{\"soname\":[\"libz.so.1\"]}]"});
}

TEST_CASE("damaged ELF files are errors and nothing worse") {
  const std::string good =
      make_elf({.interpreter = "/lib64/ld.so", .needed = {"liba.so.1"}, .imports = {"tzset"}});
  CHECK(read("").error().kind() == Kind::Invalid);
  CHECK(read("#!/bin/sh\n").error().kind() == Kind::Invalid);
  for (std::size_t size = 4; size < good.size(); ++size) (void)read(good.substr(0, size));
  for (std::size_t at = 4; at < good.size(); ++at)
    for (const char value : {'\x00', '\x7f', '\xff'}) {
      std::string bad = good;
      bad[at] = value;
      (void)read(bad);
    }
  std::string outside = good;
  outside[32 + 7] = 1;  // e_phoff far behind the end.
  CHECK(read(outside).error().kind() == Kind::Corrupt);
}

TEST_CASE("the host's date") {
  const auto fd = sys::open_path("/bin/date", O_RDONLY);
  if (!fd) return;
  struct stat info{};
  REQUIRE(::fstat(fd->get(), &info) == 0);
  const auto elf = read_elf(FileBytes(fd->get(), static_cast<std::uint64_t>(info.st_size)));
  if (!elf && elf.error().kind() == Kind::Invalid) return;  // Not every host has an ELF file there.
  REQUIRE(elf.has_value());
  CHECK((elf->interpreter.empty() || elf->interpreter.starts_with('/')));
  if (!elf->needed.empty()) CHECK(elf->imports_any({"localtime_r", "localtime", "tzset"}));
}
