// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "codec/tar.h"
#include "codec/tar_block.h"
#include "codec/tar_input.h"
#include "codec/tar_pax.h"
#include "codec/tar_sparse.h"

namespace tare::tar {
namespace {

constexpr UnixNanos kSecond = 1'000'000'000;

// What stood before an entry's own header and belongs to it.
struct Pending {
  std::optional<PaxRecords> pax;
  std::optional<std::string> gnu_name;
  std::optional<std::string> gnu_link;

  bool empty() const { return !pax && !gnu_name && !gnu_link; }
};

Result<std::uint64_t> parse_size_field(const Block& header) {
  const std::int64_t size = TRY(parse_field(header.raw(field::kSize)));
  if (size < 0) return fail(Kind::Corrupt, "an entry has a negative size");
  return static_cast<std::uint64_t>(size);
}

Result<Type> type_of(char flag) {
  switch (flag) {
    case '\0':
    case '0':
    case '7':  // "Contiguous", as regular. [POSIX.1-2017 pax, "typeflag"]
    case 'S':
      return Type::Regular;
    case '1':
      return Type::HardLink;
    case '2':
      return Type::Symlink;
    case '3':
      return Type::CharDevice;
    case '4':
      return Type::BlockDevice;
    case '5':
      return Type::Directory;
    case '6':
      return Type::Fifo;
    default:
      return fail(Kind::Unsupported,
                  "an entry of type " + quoted({&flag, 1}) + ", which is not a file");
  }
}

std::string header_name(const Block& header, Dialect dialect) {
  std::string name(header.text(field::kName));
  if (dialect != Dialect::Ustar) return name;  // GNU keeps other things in the prefix's place.
  const bool star = header.raw(field::kStarMark) == std::string_view("tar\0", 4);
  const std::string_view prefix = header.text(star ? field::kStarPrefix : field::kPrefix);
  return prefix.empty() ? name : std::string(prefix) + "/" + name;
}

Result<UnixNanos> header_time(const Block& header) {
  const std::int64_t seconds = TRY(parse_field(header.raw(field::kMtime)));
  constexpr std::int64_t kMost = kFarFuture / kSecond;
  return std::clamp(seconds, -kMost, kMost) * kSecond;
}

Result<std::uint32_t> header_device(const Block& header, Field field) {
  const std::int64_t number = TRY(parse_field(header.raw(field)));
  if (number < 0 || number > std::numeric_limits<std::uint32_t>::max())
    return fail(Kind::Corrupt, fmt::format("the device number {} is impossible", number));
  return static_cast<std::uint32_t>(number);
}

// What the header itself says, but for its size.
Result<Entry> entry_of(const Block& header, Dialect dialect) {
  Entry entry;
  entry.type = TRY(type_of(header.type()));
  entry.name = header_name(header, dialect);
  const std::int64_t mode = TRY(parse_field(header.raw(field::kMode)));
  entry.mode = static_cast<std::uint32_t>(mode & 07777);  // Some writers add the file type.
  const std::int64_t uid = TRY(parse_field(header.raw(field::kUid)));
  entry.uid = TRY(check_id(uid));
  const std::int64_t gid = TRY(parse_field(header.raw(field::kGid)));
  entry.gid = TRY(check_id(gid));
  entry.mtime = TRY(header_time(header));
  if (entry.type == Type::HardLink || entry.type == Type::Symlink)
    entry.link = header.text(field::kLink);
  if (dialect == Dialect::V7) return entry;
  entry.user_name = header.text(field::kUser);
  entry.group_name = header.text(field::kGroup);
  if (entry.type == Type::CharDevice || entry.type == Type::BlockDevice) {
    entry.device_major = TRY(header_device(header, field::kMajor));
    entry.device_minor = TRY(header_device(header, field::kMinor));
  }
  return entry;
}

}  // namespace

struct Reader::State {
  State(codec::Source& source, const Limits& with_limits) : input(source), limits(with_limits) {}

  Result<bool> next();
  Result<std::size_t> read_content(char* buffer, std::size_t size);
  std::uint64_t hole_bytes() const;
  void skip_hole() { advance(hole_bytes()); }

  Result<> skip_rest();
  Result<bool> end_of_archive(const Pending& pending);
  Result<bool> take_extension(const Block& header, Pending& pending);
  Result<std::string> extension_body(const Block& header);
  Result<std::string> gnu_long(const Block& header, std::string_view what);
  Result<> take_entry(const Block& header, const Pending& pending);
  Result<> name_entry(const Pending& pending);
  Result<> check_shape(const Block& header, std::uint64_t stored);
  Result<> map_content(const Block& header, Dialect dialect, const Pending& pending,
                       std::uint64_t stored);
  Result<> count(const std::string& name);
  void advance(std::uint64_t bytes);
  void fail_for_good();

  Input input;
  Limits limits;
  Entry entry;
  std::map<std::string, std::string, std::less<>> globals;
  std::uint64_t entries = 0;
  std::uint64_t total_bytes = 0;
  bool ended = false;
  bool failed = false;

  // The content of the current entry.
  std::vector<Extent> extents;
  std::size_t extent = 0;      // The first that does not end before `position`.
  std::uint64_t position = 0;  // In the expanded content.
  std::uint64_t stored = 0;    // Bytes in the archive that were not read yet.
  std::uint64_t padding = 0;   // After them.
};

Result<> Reader::State::skip_rest() {
  TRY(input.skip(stored));
  TRY(input.skip(padding));
  stored = 0;
  padding = 0;
  return {};
}

Result<bool> Reader::State::next() {
  if (ended) return false;
  TRY(skip_rest());
  Pending pending;
  for (;;) {
    const auto header = TRY(input.block());
    if (!header || header->is_zero()) {
      if (header) {
        // One zero block and then more could be the end to one reader and garbage to another.
        const auto second = TRY(input.block());
        if (second && !second->is_zero())
          return fail(Kind::Corrupt, "a single zero block in the middle");
      }
      return end_of_archive(pending);
    }
    TRY(header->check_checksum());
    if (++entries > limits.entries)
      return fail(Kind::Invalid,
                  fmt::format("the archive has more than {} entries", limits.entries));
    const bool extension = TRY(take_extension(*header, pending));
    if (extension) continue;
    TRY(take_entry(*header, pending));
    return true;
  }
}

Result<bool> Reader::State::end_of_archive(const Pending& pending) {
  if (!pending.empty())
    return fail(Kind::Corrupt, "the archive ends after an extended header without its file");
  ended = true;
  entry = {};
  extents.clear();
  extent = 0;
  position = 0;
  TRY(input.drain());
  return false;
}

Result<std::string> Reader::State::extension_body(const Block& header) {
  const std::uint64_t size = TRY(parse_size_field(header));
  if (size > limits.pax_bytes)
    return fail(Kind::Invalid, fmt::format("an extended header has {} bytes, the limit is {}", size,
                                           limits.pax_bytes));
  std::string body = TRY(input.text(size));
  TRY(input.skip(padding_after(size)));
  return body;
}

Result<std::string> Reader::State::gnu_long(const Block& header, std::string_view what) {
  std::string text = TRY(extension_body(header));
  const std::size_t end = std::min(text.find('\0'), text.size());
  if (text.find_first_not_of('\0', end) != std::string::npos)
    return fail(Kind::Corrupt, fmt::format("a long {} holds a NUL byte", what));
  text.resize(end);
  TRY(check_name(text, what, limits));
  return text;
}

// False when the header is an entry's own.
Result<bool> Reader::State::take_extension(const Block& header, Pending& pending) {
  switch (header.type()) {
    case 'x':
    case 'g': {
      const std::string body = TRY(extension_body(header));
      PaxRecords records = TRY(parse_pax(body));
      if (header.type() == 'g') {
        // Between an extension and its entry, readers disagree about what comes first.
        if (!pending.empty()) return fail(Kind::Corrupt, "a global header in a misleading place");
        TRY(add_globals(globals, records));
        return true;
      }
      if (pending.pax) return fail(Kind::Corrupt, "two extended headers for one file");
      pending.pax = std::move(records);
      return true;
    }
    case 'L':
    case 'K': {
      // SECURITY: after an extended header with a size, readers disagree whether it is about this
      // one, and with that about where the next header is. (Some writers do put the long name
      // first and the extended header second.)
      if (pending.pax)
        return fail(Kind::Corrupt, "a GNU long name between an extended header and its file");
      auto& slot = header.type() == 'L' ? pending.gnu_name : pending.gnu_link;
      if (slot) return fail(Kind::Corrupt, "two GNU long names for one file");
      slot = TRY(gnu_long(header, header.type() == 'L' ? "name" : "link target"));
      return true;
    }
    default:
      return false;
  }
}

Result<> Reader::State::take_entry(const Block& header, const Pending& pending) {
  const Dialect dialect = TRY(header.dialect());
  entry = TRY(entry_of(header, dialect));
  TRY(apply_pax(entry, globals, limits));
  TRY(name_entry(pending));
  std::uint64_t size = TRY(parse_size_field(header));
  if (pending.pax) {
    if (const std::string* text = pending.pax->find("size"); text != nullptr && !text->empty()) {
      const auto number = parse_u64(*text);
      if (!number || *number > std::numeric_limits<std::int64_t>::max())
        return fail(Kind::Corrupt, "the size " + quoted(*text) + " is not a number");
      size = *number;
    }
  }
  const std::string name = quoted(entry.name);
  TRY(check_shape(header, size), name);
  TRY(map_content(header, dialect, pending, size), name);
  return count(name);
}

// Gives the entry its final name and link target.
Result<> Reader::State::name_entry(const Pending& pending) {
  if (pending.gnu_name) entry.name = *pending.gnu_name;
  if (pending.gnu_link) entry.link = *pending.gnu_link;
  if (pending.pax) {
    const std::string* path = pending.pax->find("path");
    const std::string* link = pending.pax->find("linkpath");
    if ((pending.gnu_name && path != nullptr && *path != *pending.gnu_name) ||
        (pending.gnu_link && link != nullptr && *link != *pending.gnu_link))
      return fail(Kind::Corrupt, "two different long names for one file");
    TRY(apply_pax(entry, pending.pax->values, limits));
    // In sparse formats 0.1 and 1.0, where "path" is a made-up name. [GNU tar, "Sparse Formats"]
    if (const std::string* real = pending.pax->find("GNU.sparse.name")) entry.name = *real;
  }
  TRY(check_name(entry.name, "name", limits));
  if (entry.type == Type::HardLink || entry.type == Type::Symlink)
    return check_name(entry.link, "link target", limits);
  entry.link.clear();
  return {};
}

// What type, name and size may be together.
Result<> Reader::State::check_shape(const Block& header, std::uint64_t size) {
  if (entry.type == Type::Regular && entry.name.ends_with('/')) {
    // Before there was a type for directories, the slash was it. [GNU tar manual, "typeflag"]
    if (header.type() != '\0') return fail(Kind::Corrupt, "the name of a regular file ends in '/'");
    entry.type = Type::Directory;
  }
  // Some readers skip content here and others do not: where is the next header?
  if (entry.type != Type::Regular && size > 0)
    return fail(Kind::Corrupt, fmt::format("{} bytes of content at what is no regular file", size));
  return {};
}

Result<> Reader::State::map_content(const Block& header, Dialect dialect, const Pending& pending,
                                    std::uint64_t size) {
  stored = size;
  padding = padding_after(size);
  position = 0;
  extent = 0;
  std::optional<SparseMap> map;
  if (pending.pax) map = TRY(read_pax_sparse(*pending.pax, input, stored, limits.pax_bytes));
  if (header.type() == 'S') {
    if (map || dialect != Dialect::Gnu)
      return fail(Kind::Corrupt, "a sparse file in a header that cannot describe one");
    map = TRY(read_gnu_sparse(header, input, limits.pax_bytes));
  }
  if (!map && pending.pax && pending.pax->find("GNU.sparse.name") != nullptr)
    return fail(Kind::Corrupt, "the name of a sparse file without a sparse map");
  if (map && entry.type != Type::Regular)
    return fail(Kind::Corrupt, "a sparse map at what is no regular file");
  if (!map) map = SparseMap{.extents = {{.offset = 0, .length = size}}, .real_size = size};
  TRY(check_sparse(*map, stored));
  entry.size = map->real_size;
  extents = std::move(map->extents);
  advance(0);
  return {};
}

Result<> Reader::State::count(const std::string& name) {
  if (entry.size > limits.total_bytes - total_bytes)
    return fail(Kind::Invalid, fmt::format("{}: the files of the archive have more than {} bytes",
                                           name, limits.total_bytes));
  total_bytes += entry.size;
  return {};
}

void Reader::State::advance(std::uint64_t bytes) {
  position += bytes;
  while (extent < extents.size() && position >= extents[extent].offset + extents[extent].length)
    ++extent;
}

void Reader::State::fail_for_good() {
  failed = true;
  entry = {};
  extents.clear();
  extent = 0;
  position = 0;
}

std::uint64_t Reader::State::hole_bytes() const {
  if (extent == extents.size()) return entry.size - position;
  const std::uint64_t start = extents[extent].offset;
  return start > position ? start - position : 0;
}

Result<std::size_t> Reader::State::read_content(char* buffer, std::size_t size) {
  std::uint64_t count = std::min<std::uint64_t>(size, entry.size - position);
  if (count == 0) return 0;
  if (const std::uint64_t hole = hole_bytes(); hole > 0) {
    count = std::min(count, hole);
    std::memset(buffer, 0, count);
  } else {
    const std::uint64_t end = extents[extent].offset + extents[extent].length;
    count = TRY(input.read(buffer, std::min(count, end - position)));
    stored -= count;
  }
  advance(count);
  return count;
}

Reader::Reader(codec::Source& source, const Limits& limits)
    : state_(std::make_unique<State>(source, limits)) {}
Reader::~Reader() = default;

const Entry& Reader::entry() const { return state_->entry; }
std::uint64_t Reader::hole_bytes() const { return state_->hole_bytes(); }
void Reader::skip_hole() { state_->skip_hole(); }
std::uint64_t Reader::offset() const { return state_->input.offset(); }
bool Reader::is_sparse() const {
  const auto& extents = state_->extents;
  if (state_->entry.size == 0) return false;
  return extents.size() != 1 || extents[0].offset != 0 || extents[0].length != state_->entry.size;
}

Result<bool> Reader::next() {
  if (state_->failed) return fail(Kind::Corrupt, "the archive cannot be read further");
  auto result = state_->next();
  if (result) return result;
  state_->fail_for_good();
  return std::unexpected(std::move(result).error().wrap(
      fmt::format("tar archive, before byte {}", state_->input.offset())));
}

Result<std::size_t> Reader::read_content(char* buffer, std::size_t size) {
  if (state_->failed) return fail(Kind::Corrupt, "the archive cannot be read further");
  auto result = state_->read_content(buffer, size);
  if (result) return result;
  const std::string name = quoted(state_->entry.name);
  state_->fail_for_good();
  return std::unexpected(std::move(result).error().wrap(
      fmt::format("tar archive, {} at byte {}", name, state_->input.offset())));
}

}  // namespace tare::tar
