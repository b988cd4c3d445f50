// SPDX-License-Identifier: Apache-2.0
// Programs and archives for tests, with as much in them as is read.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "trust/rpm_samples.h"

namespace tare::trust::samples {

// An ELF file with sections; `loaded` is at the address 0x1000.
inline std::string elf(const std::vector<std::pair<std::string, std::string>>& sections,
                       const std::string& loaded = "", bool is_64 = true, bool big = false) {
  const auto n = [&](std::uint64_t value, std::size_t size) { return number(value, size, big); };
  const std::size_t word = is_64 ? 8 : 4;
  const std::size_t head = is_64 ? 64 : 52;
  const std::size_t segment = is_64 ? 56 : 32;
  std::string data = loaded;
  std::string names("\0.shstrtab\0", 11);
  std::string table(is_64 ? 64 : 40, '\0');
  const auto add = [&](std::size_t name, std::uint64_t offset, std::uint64_t size) {
    table += n(name, 4) + n(1, 4) + n(0, word) + n(0, word) + n(offset, word) + n(size, word);
    table += std::string(8 + 2 * word, '\0');
  };
  for (const auto& [name, content] : sections) {
    add(names.size(), head + segment + data.size(), content.size());
    names += name + '\0';
    data += content;
  }
  add(1, head + segment + data.size(), names.size());
  data += names;
  std::string out(
      "\x7f"
      "ELF",
      4);
  out += is_64 ? '\2' : '\1';
  out += big ? '\2' : '\1';
  out += '\1' + std::string(9, '\0');
  out += n(2, 2) + n(62, 2) + n(1, 4) + n(0, word) + n(head, word);
  out += n(head + segment + data.size(), word) + n(0, 4) + n(head, 2) + n(segment, 2) + n(1, 2);
  out += n(is_64 ? 64 : 40, 2) + n(sections.size() + 2, 2) + n(sections.size() + 1, 2);
  if (is_64)
    out += n(1, 4) + n(5, 4) + n(head + segment, 8) + n(0x1000, 8) + n(0x1000, 8) +
           n(loaded.size(), 8) + n(loaded.size(), 8) + n(1, 8);
  else
    out += n(1, 4) + n(head + segment, 4) + n(0x1000, 4) + n(0x1000, 4) + n(loaded.size(), 4) +
           n(loaded.size(), 4) + n(5, 4) + n(1, 4);
  return out + data + table;
}

inline std::string go_modules() {
  const std::string mark(16, 'm');
  return mark +
         "path\texample.org/app/cmd\nmod\texample.org/app\t(devel)\t\n"
         "dep\tgolang.org/x/sys\tv0.1.0\th1:x=\ndep\told.org/y\tv1.0.0\n=>\tnew.org/"
         "y\tv1.1.0\th1:z=\n"
         "build\t-compiler=gc\n" +
         mark;
}

// Since Go 1.18.
inline std::string go_note() {
  const std::string version = "go1.21.3";
  const std::string modules = go_modules();
  std::string note("\xff Go buildinf:\x08\x02", 16);
  note.resize(32);
  note += static_cast<char>(version.size()) + version;
  note += static_cast<char>(0x80 | (modules.size() & 0x7f));
  note += static_cast<char>(modules.size() >> 7);
  return note + modules;
}

// zlib, stored.
inline std::string zlib(const std::string& text) {
  std::string out("\x78\x01\x01", 3);
  out += number(text.size(), 2, false) + number(~text.size(), 2, false) + text;
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (const char c : text) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return out + be32((b << 16) | a);
}

// A zip archive, its files stored.
inline std::string zip(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string out;
  std::string directory;
  for (const auto& [name, content] : files) {
    const std::string sizes = le32(0) + le32(content.size()) + le32(content.size()) +
                              number(name.size(), 2, false) + number(0, 2, false);
    directory += std::string("PK\1\2\x14\0", 6) + std::string("\x14\0\0\0\0\0\0\0\0\0", 10) +
                 sizes + std::string(10, '\0') + le32(out.size()) + name;
    out += std::string("PK\3\4\x14\0\0\0\0\0\0\0\0\0", 14) + sizes + name + content;
  }
  const std::string count = number(files.size(), 2, false);
  return out + directory + std::string("PK\5\6\0\0\0\0", 8) + count + count +
         le32(directory.size()) + le32(out.size()) + std::string(2, '\0');
}

}  // namespace tare::trust::samples
