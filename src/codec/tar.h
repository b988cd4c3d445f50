// SPDX-License-Identifier: Apache-2.0
// tar archives: ustar, pax and GNU formats read strictly, pax written byte for byte reproducibly.
// [POSIX.1-2017 pax "ustar Interchange Format" and "pax Extended Header"; GNU tar manual, "Basic
// Tar Format" and "Sparse Formats"; image-spec 1.1 layer.md]
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "codec/stream.h"

namespace tare::tar {

enum class Type : std::uint8_t {
  Regular,
  HardLink,  // `link` is another entry's name.
  Symlink,   // `link` is the target.
  CharDevice,
  BlockDevice,
  Directory,
  Fifo,
};

struct Entry {
  std::string name;  // As in the archive, after pax and GNU long names; may hold anything but NUL.
  Type type = Type::Regular;
  std::uint32_t mode = 0;  // Permission bits with setuid, setgid and sticky: 07777 at most.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;  // Of the content that read_content gives (sparse: expanded size).
  UnixNanos mtime = 0;     // Times before 1677 and after 2262 come out as those.
  std::string link;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::map<std::string, std::string> xattrs;  // From SCHILY.xattr.*; raw values.
  std::string user_name;                      // Informative only.
  std::string group_name;
};

// Every bound is told in the error when it is hit.
struct Limits {
  std::uint64_t entries = 4'000'000;
  std::uint64_t total_bytes = 1ull << 40;    // Sum of expanded content.
  std::size_t name_bytes = 4096;             // Of a name or link target.
  std::size_t pax_bytes = 1 << 20;           // Of one extended header, and of one sparse map.
  std::size_t xattrs = 64;                   // Per entry.
  std::size_t xattr_bytes = (64 << 10) - 1;  // Of one value: 16 bits hold it. [EROFS]
};

// Reads entry by entry. Usage: while (next()) { use entry(); optionally read_content(...); }.
// The content that was not read is skipped. Errors: Corrupt (checksum, truncated, nonsense numbers,
// pax record malformed), Invalid (a limit), Unsupported (entry types that are not files). After an
// error, every call fails.
// SECURITY: what other readers understand in different ways is Corrupt, so that nobody else can see
// other files in an archive than we: content at links and directories, two extended headers for one
// file, a key twice, names or sizes in global headers, ids of 2^32-1, a lone zero block.
// (src/codec/tar_reader_test.cc has each of them.)
// Sparse files (GNU old format and pax 0.0, 0.1, 1.0) come out expanded, with their holes as zeros;
// is_hole() lets a writer keep them sparse.
class Reader {
 public:
  Reader(codec::Source& source, const Limits& limits = {});
  ~Reader();

  // False at the end of the archive (two zero blocks, or end of input after a whole entry). After
  // it, the rest of the source has been read to its end, so a hash over the source is complete.
  Result<bool> next();
  const Entry& entry() const;

  // Up to `size` bytes of the current entry's content; 0 at its end.
  Result<std::size_t> read_content(char* buffer, std::size_t size);
  // The number of zero bytes at the current place that are a hole of a sparse file; they can be
  // skipped by skip_hole(). 0 in ordinary data.
  std::uint64_t hole_bytes() const;
  void skip_hole();
  // Bytes of the archive that were taken so far: headers, and content that was read or skipped.
  std::uint64_t offset() const;
  // True when the current entry's content is not in the archive as it comes out.
  bool is_sparse() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Writes pax archives: ustar headers, and an extended header only where a value does not fit
// (long names, large numbers, fractions of seconds, xattrs, non-ASCII is written as UTF-8 in pax).
// The same entries give the same bytes. user_name and group_name are not written; directories get a
// '/' behind their name. Errors: Invalid for names, links and xattr names that tar cannot hold,
// Internal for content of another size than announced.
class Writer {
 public:
  explicit Writer(codec::Sink& sink) : sink_(sink) {}

  // Exactly entry.size bytes of content must follow through write_content for Regular entries.
  Result<> add(const Entry& entry);
  Result<> write_content(std::string_view bytes);
  // Convenience: an entry and its content in one.
  Result<> add_file(Entry entry, std::string_view content);
  // Two zero blocks; does not call finish() of the sink. Fails when content is missing.
  Result<> finish();

 private:
  Result<> pad();

  codec::Sink& sink_;
  std::uint64_t expected_ = 0;  // Content bytes still to come for the current entry.
  std::uint64_t written_ = 0;   // Content bytes of the current entry.
};

}  // namespace tare::tar
