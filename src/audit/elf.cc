// SPDX-License-Identifier: Apache-2.0
#include "audit/elf.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/text.h"

namespace tare::audit {
namespace {

constexpr std::uint64_t kMaxProgramHeaders = 4096;
constexpr std::uint64_t kMaxSectionHeaders = 65536;
constexpr std::uint64_t kMaxStrings = 64 << 20;   // Of a dynamic string table.
constexpr std::uint64_t kMaxSymbols = 2'000'000;  // The largest in Debian 12 has some 300,000.
constexpr std::uint64_t kMaxDynamic = 1 << 20;
constexpr std::uint64_t kMaxNotes = 1 << 20;
constexpr std::uint64_t kMaxPath = 4096;
constexpr std::uint32_t kDlopenNote = 0x407c0c0a;  // [systemd.io/ELF_DLOPEN_METADATA, "Note type"]

struct Segment {
  std::uint32_t type;
  std::uint64_t offset;
  std::uint64_t address;
  std::uint64_t size;  // In the file.
  std::uint64_t align;
};

// The entries of the dynamic section that we use; addresses are virtual.
struct Dynamic {
  std::vector<std::uint64_t> needed;
  std::optional<std::uint64_t> soname;
  std::optional<std::uint64_t> rpath;
  std::optional<std::uint64_t> runpath;
  std::uint64_t strings = 0;
  std::uint64_t strings_size = 0;
  std::uint64_t symbols = 0;
  std::uint64_t hash = 0;
  std::uint64_t flags_1 = 0;
};

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(Kind::Corrupt, "damaged ELF file: " + std::string(what));
}

class Parser {
 public:
  explicit Parser(const Bytes& bytes) : bytes_(bytes) {}
  Result<Elf> run();

 private:
  Result<> read_header();
  Result<> read_segments();
  Result<> read_interpreter(const Segment& segment);
  Result<> read_notes(const Segment& segment);
  Result<> read_dynamic(const Segment& segment);
  Result<> use_dynamic(const Dynamic& dynamic);
  Result<> read_imports(const Dynamic& dynamic, const std::string& strings);
  Result<std::uint64_t> count_symbols(const Dynamic& dynamic, std::uint64_t entry_size);
  Result<std::uint64_t> symbols_by_section(std::uint64_t file_offset, std::uint64_t entry_size);
  void find_glibc_version(const std::string& strings);

  Result<std::string> piece(std::uint64_t offset, std::uint64_t size, std::uint64_t limit,
                            const char* what) const;
  // The place in the file of a virtual address, by the loadable segments.
  std::optional<std::uint64_t> offset_of(std::uint64_t address) const;

  // An integer of `width` bytes; the caller has checked that it lies inside.
  std::uint64_t number(std::string_view from, std::size_t at, unsigned width) const;
  std::uint64_t word(std::string_view from, std::size_t at) const {
    return number(from, at, elf_.is_64 ? 8 : 4);
  }

  const Bytes& bytes_;
  Elf elf_;
  std::string header_;
  std::vector<Segment> segments_;
};

std::uint64_t Parser::number(std::string_view from, std::size_t at, unsigned width) const {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i) {
    const std::size_t index = elf_.little_endian ? at + width - 1 - i : at + i;
    value = value << 8 | static_cast<unsigned char>(from[index]);
  }
  return value;
}

Result<std::string> Parser::piece(std::uint64_t offset, std::uint64_t size, std::uint64_t limit,
                                  const char* what) const {
  if (size > limit) return corrupt(std::string(what) + " is too large");
  if (offset > bytes_.size() || size > bytes_.size() - offset)
    return corrupt(std::string(what) + " lies outside the file");
  return bytes_.read(offset, static_cast<std::size_t>(size));
}

std::optional<std::uint64_t> Parser::offset_of(std::uint64_t address) const {
  for (const Segment& segment : segments_) {
    if (segment.type != PT_LOAD || address < segment.address) continue;
    const std::uint64_t into = address - segment.address;
    if (into < segment.size && segment.offset <= bytes_.size()) return segment.offset + into;
  }
  return std::nullopt;
}

Result<> Parser::read_header() {
  const std::uint64_t want = std::min<std::uint64_t>(bytes_.size(), sizeof(Elf64_Ehdr));
  header_ = TRY(piece(0, want, want, "the header"));
  if (!has_elf_magic(header_)) return fail(Kind::Invalid, "not an ELF file");
  if (header_.size() < sizeof(Elf32_Ehdr)) return corrupt("the header is cut off");
  const char file_class = header_[EI_CLASS];
  const char order = header_[EI_DATA];
  if (file_class != ELFCLASS32 && file_class != ELFCLASS64) return corrupt("unknown class");
  if (order != ELFDATA2LSB && order != ELFDATA2MSB) return corrupt("unknown byte order");
  elf_.is_64 = file_class == ELFCLASS64;
  elf_.little_endian = order == ELFDATA2LSB;
  if (elf_.is_64 && header_.size() < sizeof(Elf64_Ehdr)) return corrupt("the header is cut off");
  elf_.type = static_cast<std::uint16_t>(number(header_, 16, 2));
  elf_.machine = static_cast<std::uint16_t>(number(header_, 18, 2));
  return {};
}

Result<> Parser::read_segments() {
  const std::uint64_t offset = word(header_, elf_.is_64 ? 32 : 28);
  const std::uint64_t entry_size = number(header_, elf_.is_64 ? 54 : 42, 2);
  const std::uint64_t count = number(header_, elf_.is_64 ? 56 : 44, 2);
  if (count == 0) return {};
  if (entry_size != (elf_.is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
    return corrupt("program headers of a wrong size");
  const std::string table = TRY(piece(offset, count * entry_size, kMaxProgramHeaders * entry_size,
                                      "the program header table"));
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view row = std::string_view(table).substr(i * entry_size, entry_size);
    Segment segment{};
    segment.type = static_cast<std::uint32_t>(number(row, 0, 4));
    segment.offset = word(row, elf_.is_64 ? 8 : 4);
    segment.address = word(row, elf_.is_64 ? 16 : 8);
    segment.size = word(row, elf_.is_64 ? 32 : 16);
    segment.align = word(row, elf_.is_64 ? 48 : 28);
    segments_.push_back(segment);
  }
  return {};
}

Result<> Parser::read_interpreter(const Segment& segment) {
  std::string path = TRY(piece(segment.offset, segment.size, kMaxPath, "the interpreter's name"));
  const std::size_t end = path.find('\0');
  if (end == std::string::npos || end == 0) return corrupt("the interpreter's name has no end");
  path.resize(end);
  elf_.interpreter = std::move(path);
  return {};
}

Result<> Parser::read_notes(const Segment& segment) {
  const std::string notes = TRY(piece(segment.offset, segment.size, kMaxNotes, "a note segment"));
  const std::size_t align = segment.align == 8 ? 8 : 4;
  const auto padded = [align](std::size_t at) { return (at + align - 1) / align * align; };
  // Nonsense ends the search: the loader does not read these notes, so they cannot break a program.
  for (std::size_t at = 0; at <= notes.size() && notes.size() - at >= 12;) {
    const std::size_t name_size = number(notes, at, 4);
    const std::size_t data_size = number(notes, at + 4, 4);
    const std::uint64_t type = number(notes, at + 8, 4);
    const std::size_t data_at = padded(at + 12 + name_size);
    if (data_at > notes.size() || data_size > notes.size() - data_at) return {};
    const std::string_view name = std::string_view(notes).substr(at + 12, name_size);
    std::string_view data = std::string_view(notes).substr(data_at, data_size);
    at = padded(data_at + data_size);
    if (type != kDlopenNote || name != std::string_view("FDO\0", 4)) continue;
    while (data.ends_with('\0')) data.remove_suffix(1);
    elf_.dlopen_notes.emplace_back(data);
  }
  return {};
}

Result<> Parser::read_dynamic(const Segment& segment) {
  const std::size_t width = elf_.is_64 ? 8 : 4;
  const std::string table =
      TRY(piece(segment.offset, segment.size, kMaxDynamic, "the dynamic section"));
  Dynamic dynamic;
  elf_.dynamic = true;
  for (std::size_t at = 0; table.size() - at >= 2 * width; at += 2 * width) {
    const std::uint64_t tag = word(table, at);
    const std::uint64_t value = word(table, at + width);
    if (tag == DT_NULL) break;
    switch (tag) {
      case DT_NEEDED:
        dynamic.needed.push_back(value);
        break;
      case DT_SONAME:
        dynamic.soname = value;
        break;
      case DT_RPATH:
        dynamic.rpath = value;
        break;
      case DT_RUNPATH:
        dynamic.runpath = value;
        break;
      case DT_STRTAB:
        dynamic.strings = value;
        break;
      case DT_STRSZ:
        dynamic.strings_size = value;
        break;
      case DT_SYMTAB:
        dynamic.symbols = value;
        break;
      case DT_HASH:
        dynamic.hash = value;
        break;
      case DT_FLAGS_1:
        dynamic.flags_1 = value;
        break;
      default:
        break;
    }
  }
  return use_dynamic(dynamic);
}

Result<> Parser::use_dynamic(const Dynamic& dynamic) {
  if (dynamic.strings_size == 0) {
    if (dynamic.needed.empty()) return {};  // A static PIE may have nothing to say.
    return corrupt("the dynamic section has no string table");
  }
  const auto offset = offset_of(dynamic.strings);
  if (!offset) return corrupt("the dynamic string table lies outside the loaded segments");
  const std::string strings =
      TRY(piece(*offset, dynamic.strings_size, kMaxStrings, "the dynamic string table"));
  const auto text = [&](std::uint64_t at) -> Result<std::string> {
    if (at >= strings.size()) return corrupt("a name lies outside the string table");
    const std::size_t end = strings.find('\0', at);
    if (end == std::string::npos) return corrupt("a name has no end");
    if (end - at > kMaxPath) return corrupt("a name is too long");
    return strings.substr(at, end - at);
  };
  for (const std::uint64_t at : dynamic.needed) elf_.needed.push_back(TRY(text(at)));
  if (dynamic.soname) elf_.soname = TRY(text(*dynamic.soname));
  if (dynamic.rpath) elf_.rpath = TRY(text(*dynamic.rpath));
  if (dynamic.runpath) elf_.runpath = TRY(text(*dynamic.runpath));
  elf_.has_runpath = dynamic.runpath.has_value();
  elf_.no_default_libraries = (dynamic.flags_1 & DF_1_NODEFLIB) != 0;
  find_glibc_version(strings);
  return read_imports(dynamic, strings);
}

// The loader never needs the number of symbols, so nothing states it plainly: a section header, the
// old hash table, or the habit of all linkers to put the strings behind the symbols.
Result<std::uint64_t> Parser::count_symbols(const Dynamic& dynamic, std::uint64_t entry_size) {
  const auto offset = offset_of(dynamic.symbols);
  if (!offset) return corrupt("the symbol table lies outside the loaded segments");
  if (const std::uint64_t count = TRY(symbols_by_section(*offset, entry_size)); count != 0)
    return count;
  if (const auto hash = offset_of(dynamic.hash); dynamic.hash != 0 && hash) {
    const std::string head = TRY(piece(*hash, 8, 8, "the hash table"));
    return number(head, 4, 4);
  }
  if (dynamic.strings <= dynamic.symbols) return 0;
  return (dynamic.strings - dynamic.symbols) / entry_size;
}

Result<std::uint64_t> Parser::symbols_by_section(std::uint64_t file_offset,
                                                 std::uint64_t entry_size) {
  const std::uint64_t table_offset = word(header_, elf_.is_64 ? 40 : 32);
  const std::uint64_t row_size = number(header_, elf_.is_64 ? 58 : 46, 2);
  const std::uint64_t count = number(header_, elf_.is_64 ? 60 : 48, 2);
  const std::uint64_t want = elf_.is_64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
  // Loaders do not read section headers, so damage there is no reason to refuse the file.
  if (table_offset == 0 || row_size != want || count > kMaxSectionHeaders) return 0;
  if (table_offset > bytes_.size() || count * row_size > bytes_.size() - table_offset) return 0;
  const std::string table = TRY(bytes_.read(table_offset, count * row_size));
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view row = std::string_view(table).substr(i * row_size, row_size);
    if (number(row, 4, 4) != SHT_DYNSYM) continue;
    if (word(row, elf_.is_64 ? 24 : 16) == file_offset)
      return word(row, elf_.is_64 ? 32 : 20) / entry_size;
  }
  return 0;
}

Result<> Parser::read_imports(const Dynamic& dynamic, const std::string& strings) {
  if (dynamic.symbols == 0) return {};
  const std::uint64_t entry_size = elf_.is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
  const std::uint64_t count = TRY(count_symbols(dynamic, entry_size));
  if (count > kMaxSymbols) return corrupt("too many dynamic symbols");
  const std::string table = TRY(piece(*offset_of(dynamic.symbols), count * entry_size,
                                      kMaxSymbols * entry_size, "the dynamic symbol table"));
  for (std::uint64_t i = 1; i < count; ++i) {
    const std::size_t at = i * entry_size;
    if (number(table, at + (elf_.is_64 ? 6 : 14), 2) != SHN_UNDEF) continue;
    const std::uint64_t name = number(table, at, 4);
    if (name >= strings.size()) return corrupt("a symbol's name lies outside the string table");
    elf_.imports.emplace_back(strings.c_str() + name);  // c_str() ends at the table's end at last.
  }
  std::sort(elf_.imports.begin(), elf_.imports.end());
  return {};
}

void Parser::find_glibc_version(const std::string& strings) {
  constexpr std::string_view kPrefix = "GLIBC_2.";
  for (std::size_t at = strings.find(kPrefix); at != std::string::npos;
       at = strings.find(kPrefix, at + 1)) {
    int minor = 0;
    for (std::size_t i = at + kPrefix.size(); i < strings.size() && minor < 1000; ++i) {
      if (strings[i] < '0' || strings[i] > '9') break;
      minor = minor * 10 + (strings[i] - '0');
    }
    elf_.glibc_minor = std::max(elf_.glibc_minor, minor);
  }
}

Result<Elf> Parser::run() {
  TRY(read_header());
  TRY(read_segments());
  bool seen_dynamic = false;
  for (const Segment& segment : segments_) {
    if (segment.type == PT_INTERP && elf_.interpreter.empty()) TRY(read_interpreter(segment));
    if (segment.type == PT_NOTE) TRY(read_notes(segment));
    if (segment.type == PT_DYNAMIC && !seen_dynamic) {
      seen_dynamic = true;
      // Files of separate debug information keep the header but not the bytes.
      if (segment.size != 0) TRY(read_dynamic(segment));
    }
  }
  return std::move(elf_);
}

}  // namespace

Result<std::string> FileBytes::read(std::uint64_t offset, std::size_t size) const {
  std::string buffer(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count =
        ::pread(fd_, buffer.data() + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("read");
    if (count == 0) return fail(Kind::Corrupt, "the file became shorter while it was read");
    done += static_cast<std::size_t>(count);
  }
  return buffer;
}

bool Elf::imports_any(std::initializer_list<std::string_view> names) const {
  return std::any_of(names.begin(), names.end(), [this](std::string_view name) {
    return std::binary_search(imports.begin(), imports.end(), name);
  });
}

bool has_elf_magic(std::string_view first_bytes) {
  return first_bytes.starts_with(std::string_view(ELFMAG, SELFMAG));
}

Result<Elf> read_elf(const Bytes& bytes) { return Parser(bytes).run(); }

}  // namespace tare::audit
