// SPDX-License-Identifier: Apache-2.0
// What the reader accepts, the writer can write (but for names that it refuses), and reading that
// gives the same entries and contents.
#include "codec/tar.h"

#include <algorithm>
#include <vector>

#include "fuzz/fuzz.h"

using namespace tare;

namespace {

struct File {
  tar::Entry entry;
  std::string content;
};

// The first bytes of every content; holes of any size are skipped.
std::vector<File> read(std::string_view bytes, bool& whole) {
  codec::StringSource source(bytes);
  tar::Limits limits;
  limits.name_bytes = 300;
  tar::Reader reader(source, limits);
  std::vector<File> files;
  whole = false;
  for (;;) {
    const auto more = reader.next();
    if (!more) {
      FUZZ_CHECK(!reader.next().has_value());
      return files;
    }
    if (!*more) break;
    File file{.entry = reader.entry(), .content = {}};
    FUZZ_CHECK(!file.entry.name.empty() && file.entry.name.size() <= limits.name_bytes);
    FUZZ_CHECK(file.entry.name.find('\0') == std::string::npos);
    FUZZ_CHECK(file.entry.mode <= 07777);
    std::uint64_t position = 0;
    for (;;) {
      const std::uint64_t hole = reader.hole_bytes();
      if (hole > 4096) {
        reader.skip_hole();
        position += hole;
        continue;
      }
      char buffer[1000];
      const auto count = reader.read_content(buffer, sizeof buffer);
      if (!count) return files;
      if (*count == 0) break;
      position += *count;
      file.content.append(buffer, *count);
    }
    FUZZ_CHECK(position == file.entry.size);
    files.push_back(std::move(file));
  }
  char left = 0;
  FUZZ_CHECK(*source.read(&left, 1) == 0);
  whole = true;
  return files;
}

bool same(const tar::Entry& a, const tar::Entry& b) {
  const auto without_slash = [](std::string_view name) {
    return name.ends_with('/') ? name.substr(0, name.size() - 1) : name;
  };
  return without_slash(a.name) == without_slash(b.name) && a.type == b.type && a.mode == b.mode &&
         a.uid == b.uid && a.gid == b.gid && a.size == b.size && a.mtime == b.mtime &&
         a.link == b.link && a.device_major == b.device_major && a.device_minor == b.device_minor &&
         a.xattrs == b.xattrs;
}

}  // namespace

TARE_FUZZER(tar) {
  bool whole = false;
  const std::vector<File> files = read(bytes, whole);
  if (!whole) return;
  codec::StringSink sink;
  tar::Writer writer(sink);
  std::vector<const File*> written;
  for (const File& file : files) {
    if (file.content.size() != file.entry.size) continue;  // Had a large hole.
    const auto added = writer.add(file.entry);
    FUZZ_CHECK(added.has_value() || added.error().kind() == Kind::Invalid);
    if (!added) continue;
    FUZZ_CHECK(writer.write_content(file.content).has_value());
    written.push_back(&file);
  }
  FUZZ_CHECK(writer.finish().has_value());
  const std::vector<File> again = read(sink.bytes(), whole);
  FUZZ_CHECK(whole);
  FUZZ_CHECK(again.size() == written.size());
  for (std::size_t i = 0; i < again.size(); ++i) {
    FUZZ_CHECK(same(again[i].entry, written[i]->entry));
    FUZZ_CHECK(again[i].content == written[i]->content);
  }
}
