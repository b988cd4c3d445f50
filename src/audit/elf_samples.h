// SPDX-License-Identifier: Apache-2.0
// For tests only: small ELF files in memory.
#pragma once

#include <elf.h>

#include <cstring>
#include <string>
#include <vector>

namespace tare::audit {

struct ElfSample {
  std::uint16_t machine = EM_X86_64;
  std::uint16_t type = ET_DYN;
  std::string interpreter;
  std::string soname;
  std::string rpath;
  std::string runpath;
  std::vector<std::string> needed;
  std::vector<std::string> imports;
  std::string dlopen_note;
  std::uint64_t flags_1 = 0;
  std::string tail;  // Put behind everything, as read-only data would be.
};

// 64 bits, little endian, one loadable segment from 0 over the whole file, no section headers.
inline std::string make_elf(const ElfSample& sample) {
  std::string strings(1, '\0');
  const auto text = [&](const std::string& name) {
    const std::size_t at = strings.size();
    strings += name + '\0';
    return at;
  };
  std::vector<Elf64_Dyn> dynamic;
  const auto add = [&](Elf64_Sxword tag, std::uint64_t value) {
    dynamic.push_back({.d_tag = tag, .d_un = {.d_val = value}});
  };
  for (const std::string& name : sample.needed) add(DT_NEEDED, text(name));
  if (!sample.soname.empty()) add(DT_SONAME, text(sample.soname));
  if (!sample.rpath.empty()) add(DT_RPATH, text(sample.rpath));
  if (!sample.runpath.empty()) add(DT_RUNPATH, text(sample.runpath));
  if (sample.flags_1 != 0) add(DT_FLAGS_1, sample.flags_1);
  std::vector<Elf64_Sym> symbols(1);
  for (const std::string& name : sample.imports)
    symbols.push_back({.st_name = static_cast<Elf64_Word>(text(name))});

  const auto bytes_of = [](const auto& items) {
    return std::string(reinterpret_cast<const char*>(items.data()),
                       items.size() * sizeof(items[0]));
  };
  std::string note;
  if (!sample.dlopen_note.empty()) {
    const Elf64_Nhdr head{.n_namesz = 4,
                          .n_descsz = static_cast<Elf64_Word>(sample.dlopen_note.size()),
                          .n_type = 0x407c0c0a};
    note.assign(reinterpret_cast<const char*>(&head), sizeof head);
    note += std::string("FDO\0", 4) + sample.dlopen_note;
    note.resize((note.size() + 3) / 4 * 4, '\0');
  }
  std::size_t at = sizeof(Elf64_Ehdr) + 4 * sizeof(Elf64_Phdr);
  std::string body;
  const auto put = [&](const std::string& bytes) {
    const std::size_t start = at;
    body += bytes;
    at += bytes.size();
    return start;
  };
  const std::size_t symbols_at = put(bytes_of(symbols));
  const std::size_t strings_at = put(strings);
  add(DT_SYMTAB, symbols_at);
  add(DT_STRTAB, strings_at);
  add(DT_STRSZ, strings.size());
  add(DT_NULL, 0);
  const std::size_t dynamic_at = put(bytes_of(dynamic));
  const std::size_t interpreter_at = put(sample.interpreter + '\0');
  const std::size_t note_at = put(note);
  put(sample.tail);

  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = sample.type;
  header.e_machine = sample.machine;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 4;
  const auto segment = [](Elf64_Word type, std::size_t offset, std::size_t size) {
    return Elf64_Phdr{
        .p_type = type, .p_offset = offset, .p_vaddr = offset, .p_filesz = size, .p_align = 4};
  };
  const std::vector<Elf64_Phdr> segments{
      segment(PT_LOAD, 0, at), segment(PT_DYNAMIC, dynamic_at, dynamic.size() * sizeof(Elf64_Dyn)),
      segment(sample.interpreter.empty() ? PT_NULL : PT_INTERP, interpreter_at,
              sample.interpreter.size() + 1),
      segment(note.empty() ? PT_NULL : PT_NOTE, note_at, note.size())};
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + bytes_of(segments) +
         body;
}

}  // namespace tare::audit
