// SPDX-License-Identifier: Apache-2.0
#include "isolate/elf.h"

#include <elf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

namespace tare::isolate {
namespace {

constexpr std::size_t kMostSegments = 512;
constexpr std::size_t kMostDynamic = 4096;
constexpr std::size_t kLongestName = 4096;
constexpr std::size_t kMostNeeded = 256;

// Numbers of either width and byte order, from a file.
class Reader {
 public:
  explicit Reader(int fd) : fd_(fd) {}

  Result<std::string> bytes(std::uint64_t offset, std::size_t size) const {
    constexpr std::uint64_t kEnd = 1ULL << 62;
    std::string buffer(size, '\0');
    const ssize_t count =
        offset > kEnd ? 0 : ::pread(fd_, buffer.data(), size, static_cast<off_t>(offset));
    if (count < 0) return fail_errno("read a program");
    buffer.resize(static_cast<std::size_t>(count));
    return buffer;
  }

  // A string that ends with NUL.
  Result<std::string> name(std::uint64_t offset, std::size_t limit) const {
    const std::string buffer = TRY(bytes(offset, limit));
    const std::size_t end = buffer.find('\0');
    if (end == std::string::npos) return fail(Kind::Corrupt, "a name has no end");
    return buffer.substr(0, end);
  }

 private:
  int fd_;
};

struct Layout {
  bool wide = false;
  bool little = true;

  std::uint64_t number(std::string_view bytes, std::size_t offset, std::size_t size) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const auto byte = static_cast<unsigned char>(bytes[offset + i]);
      value |= static_cast<std::uint64_t>(byte) << (8 * (little ? i : size - 1 - i));
    }
    return value;
  }
};

struct Segment {
  std::uint64_t type = 0;
  std::uint64_t offset = 0;
  std::uint64_t address = 0;
  std::uint64_t file_size = 0;
};

Result<std::vector<Segment>> read_segments(const Reader& reader, const Layout& layout,
                                           const std::string& header) {
  const std::uint64_t table = layout.number(header, layout.wide ? 32 : 28, layout.wide ? 8 : 4);
  const std::uint64_t entry = layout.number(header, layout.wide ? 54 : 42, 2);
  const std::uint64_t count = layout.number(header, layout.wide ? 56 : 44, 2);
  const std::size_t smallest = layout.wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
  if (entry < smallest || entry > 1024 || count > kMostSegments)
    return fail(Kind::Corrupt, "the program header table is broken");
  const std::string bytes = TRY(reader.bytes(table, entry * count));
  if (bytes.size() != entry * count)
    return fail(Kind::Corrupt, "the file ends within its program header table");
  std::vector<Segment> segments;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view one = std::string_view(bytes).substr(i * entry, entry);
    const std::size_t size = layout.wide ? 8 : 4;
    segments.push_back({.type = layout.number(one, 0, 4),
                        .offset = layout.number(one, layout.wide ? 8 : 4, size),
                        .address = layout.number(one, layout.wide ? 16 : 8, size),
                        .file_size = layout.number(one, layout.wide ? 32 : 16, size)});
  }
  return segments;
}

// Where in the file the byte for a virtual address is.
std::optional<std::uint64_t> file_offset(const std::vector<Segment>& segments,
                                         std::uint64_t address) {
  for (const Segment& segment : segments)
    if (segment.type == PT_LOAD && address >= segment.address &&
        address - segment.address < segment.file_size)
      return segment.offset + (address - segment.address);
  return std::nullopt;
}

Result<> read_dynamic(const Reader& reader, const Layout& layout,
                      const std::vector<Segment>& segments, const Segment& dynamic,
                      ElfFacts& facts) {
  const std::size_t half = layout.wide ? 8 : 4;
  const std::size_t size = std::min<std::uint64_t>(dynamic.file_size, kMostDynamic * 2 * half);
  const std::string bytes = TRY(reader.bytes(dynamic.offset, size));
  std::vector<std::uint64_t> names;
  std::uint64_t strings = 0;
  for (std::size_t at = 0; at + 2 * half <= bytes.size(); at += 2 * half) {
    const std::uint64_t tag = layout.number(bytes, at, half);
    const std::uint64_t value = layout.number(bytes, at + half, half);
    if (tag == DT_NULL) break;
    if (tag == DT_NEEDED && names.size() < kMostNeeded) names.push_back(value);
    if (tag == DT_STRTAB) strings = value;
    facts.has_search_path |= tag == DT_RPATH || tag == DT_RUNPATH;
  }
  const auto table = file_offset(segments, strings);
  if (names.empty()) return {};
  if (!table) return fail(Kind::Corrupt, "the dynamic string table is outside the file");
  for (const std::uint64_t name : names) {
    if (name > UINT32_MAX) return fail(Kind::Corrupt, "a library name is outside its table");
    facts.needed.push_back(TRY(reader.name(*table + name, kLongestName)));
  }
  return {};
}

}  // namespace

Result<ElfFacts> read_elf(int fd) {
  const Reader reader(fd);
  const std::string header = TRY(reader.bytes(0, sizeof(Elf64_Ehdr)));
  if (header.size() < EI_NIDENT || std::memcmp(header.data(), ELFMAG, SELFMAG) != 0)
    return fail(Kind::Invalid, "no ELF file");
  ElfFacts facts;
  const Layout layout{.wide = header[EI_CLASS] == ELFCLASS64,
                      .little = header[EI_DATA] != ELFDATA2MSB};
  if (header.size() < (layout.wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
    return fail(Kind::Corrupt, "the file ends within its ELF header");
  facts.is_64_bit = layout.wide;
  facts.is_little_endian = layout.little;
  facts.machine = static_cast<std::uint16_t>(layout.number(header, 18, 2));
  const std::vector<Segment> segments = TRY(read_segments(reader, layout, header));
  for (const Segment& segment : segments) {
    if (segment.type == PT_INTERP)
      facts.interpreter = TRY(
          reader.name(segment.offset, std::min<std::uint64_t>(segment.file_size, kLongestName)));
    if (segment.type == PT_DYNAMIC) TRY(read_dynamic(reader, layout, segments, segment, facts));
  }
  return facts;
}

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64 (amd64)";
    case EM_386:
      return "x86 (386)";
    case EM_AARCH64:
      return "ARM 64 bit (arm64)";
    case EM_ARM:
      return "ARM 32 bit (arm)";
    case EM_RISCV:
      return "RISC-V (riscv64)";
    case EM_PPC64:
      return "POWER (ppc64le)";
    case EM_S390:
      return "IBM Z (s390x)";
    case EM_MIPS:
      return "MIPS";
    default:
      return fmt::format("machine {}", machine);
  }
}

std::uint16_t own_machine() {
#if defined(__x86_64__)
  return EM_X86_64;
#elif defined(__aarch64__)
  return EM_AARCH64;
#elif defined(__riscv)
  return EM_RISCV;
#elif defined(__powerpc64__)
  return EM_PPC64;
#elif defined(__s390x__)
  return EM_S390;
#else
#error "name this machine here"
#endif
}

}  // namespace tare::isolate
