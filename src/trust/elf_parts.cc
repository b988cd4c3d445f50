// SPDX-License-Identifier: Apache-2.0
#include "trust/elf_parts.h"

#include <elf.h>

#include <algorithm>

namespace tare::trust {
namespace {

using codec::Numbers;

// Offsets of members in both classes of files.
struct Layout {
  std::uint64_t header;
  // Of the header: where the tables are, sizes of entries, numbers of them.
  std::uint64_t segments, sections, segment_size, segment_count, section_size, section_count, names;
  // Of a section: a number in `names`, place, size.
  std::uint64_t section_entry, offset, size;
  // Of a segment.
  std::uint64_t segment_entry, segment_offset, segment_address, segment_bytes;
};
constexpr Layout k64{.header = 64,
                     .segments = 32,
                     .sections = 40,
                     .segment_size = 54,
                     .segment_count = 56,
                     .section_size = 58,
                     .section_count = 60,
                     .names = 62,
                     .section_entry = 64,
                     .offset = 24,
                     .size = 32,
                     .segment_entry = 56,
                     .segment_offset = 8,
                     .segment_address = 16,
                     .segment_bytes = 32};
constexpr Layout k32{.header = 52,
                     .segments = 28,
                     .sections = 32,
                     .segment_size = 42,
                     .segment_count = 44,
                     .section_size = 46,
                     .section_count = 48,
                     .names = 50,
                     .section_entry = 40,
                     .offset = 16,
                     .size = 20,
                     .segment_entry = 32,
                     .segment_offset = 4,
                     .segment_address = 8,
                     .segment_bytes = 16};

const Layout& layout(bool is_64) { return is_64 ? k64 : k32; }

}  // namespace

std::optional<std::string> ElfParts::read(std::uint64_t offset, std::uint64_t size) const {
  if (offset > file_->size() || size > file_->size() - offset) return std::nullopt;
  auto bytes = file_->read(offset, size);
  if (!bytes || bytes->size() != size) return std::nullopt;
  return std::move(*bytes);
}

std::optional<ElfParts> ElfParts::open(const codec::Bytes& file) {
  ElfParts parts(file);
  if (!parts.read_tables()) return std::nullopt;
  return parts;
}

bool ElfParts::read_tables() {
  constexpr std::uint64_t kMostSections = 4096;
  constexpr std::uint64_t kMostSegments = 256;
  constexpr std::uint64_t kMaxNames = 1 << 20;
  const auto start = read(0, std::min<std::uint64_t>(file_->size(), k64.header));
  if (!start || !start->starts_with(ELFMAG) || start->size() < k32.header) return false;
  is_64_ = (*start)[EI_CLASS] == ELFCLASS64;
  order_ = (*start)[EI_DATA] == ELFDATA2MSB ? Numbers::Order::Big : Numbers::Order::Little;
  const Layout& at = layout(is_64_);
  const Numbers header(*start, order_);
  const std::uint64_t sections = header.u16(at.section_count);
  const std::uint64_t segments = header.u16(at.segment_count);
  const std::uint64_t names = header.u16(at.names);
  if (header.u16(at.section_size) != at.section_entry || sections > kMostSections ||
      segments > kMostSegments || names >= sections)
    return false;
  auto table = read(word(header, at.sections), sections * at.section_entry);
  if (!table) return false;
  sections_ = std::move(*table);
  const Numbers numbers(sections_, order_);
  const std::uint64_t named = names * at.section_entry;
  const std::uint64_t size = word(numbers, named + at.size);
  auto text = size <= kMaxNames ? read(word(numbers, named + at.offset), size) : std::nullopt;
  if (!text) return false;
  names_ = std::move(*text);
  if (header.u16(at.segment_size) == at.segment_entry)
    segments_ = read(word(header, at.segments), segments * at.segment_entry).value_or("");
  return true;
}

std::optional<std::string> ElfParts::section(std::string_view name, std::size_t limit) const {
  const Layout& at = layout(is_64_);
  const Numbers numbers(sections_, order_);
  for (std::uint64_t entry = 0; entry < sections_.size(); entry += at.section_entry) {
    const std::uint64_t place = numbers.u32(entry);
    if (place >= names_.size()) continue;
    std::string_view found = std::string_view(names_).substr(place);
    if (!found.starts_with(name) || found.substr(name.size(), 1) != std::string_view("\0", 1))
      continue;
    if (numbers.u32(entry + 4) == SHT_NOBITS) return std::nullopt;
    return read(word(numbers, entry + at.offset),
                std::min<std::uint64_t>(word(numbers, entry + at.size), limit));
  }
  return std::nullopt;
}

std::optional<std::string> ElfParts::at_address(std::uint64_t address, std::size_t size) const {
  const Layout& at = layout(is_64_);
  const Numbers numbers(segments_, order_);
  for (std::uint64_t entry = 0; entry < segments_.size(); entry += at.segment_entry) {
    const std::uint64_t begin = word(numbers, entry + at.segment_address);
    const std::uint64_t bytes = word(numbers, entry + at.segment_bytes);
    if (numbers.u32(entry) != PT_LOAD || address < begin || address - begin >= bytes ||
        size > bytes - (address - begin))
      continue;
    const std::uint64_t offset = word(numbers, entry + at.segment_offset);
    if (offset > file_->size()) return std::nullopt;
    return read(offset + (address - begin), size);
  }
  return std::nullopt;
}

}  // namespace tare::trust
