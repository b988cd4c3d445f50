// SPDX-License-Identifier: Apache-2.0
#include "image/archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "store/layer_path.h"
#include "store/streams.h"

namespace tare::image {
namespace {

constexpr std::size_t kMaxDocument = 4 << 20;    // Of one JSON file.
constexpr std::size_t kMaxDocuments = 16 << 20;  // Of all that are kept.
// Of the names that are kept. A layout's have 77 bytes each.
constexpr std::size_t kMaxNames = 16 << 20;
constexpr std::size_t kPerName = 160;  // What a member takes besides.
constexpr std::size_t kMaxDepth = 4;   // Of members in an image archive: "a/blobs/sha256/HEX".
constexpr int kMaxLinks = 8;

bool looks_like_json(std::string_view text) {
  const std::string_view start = trim(text.substr(0, 64));
  return start.starts_with('{') || start.starts_with('[');
}

// "../b" seen from "a/x" is "b". Errors: Invalid when it leaves the archive.
Result<std::string> link_target(const std::string& from, const std::string& link) {
  std::vector<std::string> parts = split(from, '/');
  parts.pop_back();
  if (link.starts_with('/')) parts.clear();
  for (const std::string& part : split(link, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return fail(Kind::Invalid, "the link " + quoted(from) + " of the archive leads out of it");
    } else {
      parts.pop_back();
    }
  }
  return join(parts, "/");
}

std::unexpected<Error> no_such_file(const std::string& path) {
  return fail(Kind::NotFound, "the archive has no file " + quoted(path));
}

// One member's content, for Archive::Take.
class MemberSource : public codec::Source {
 public:
  explicit MemberSource(tar::Reader& reader) : reader_(reader) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    return reader_.read_content(buffer, size);
  }

 private:
  tar::Reader& reader_;
};

}  // namespace

Result<TarArchive> TarArchive::scan(codec::Source& source, int spool) {
  TarArchive archive;
  archive.spool_ = spool;
  tar::Reader reader(source);
  while (TRY(reader.next())) TRY(archive.scan_entry(reader));
  return archive;
}

Result<> TarArchive::scan_entry(tar::Reader& reader) {
  const tar::Entry& entry = reader.entry();
  ++entries_;
  newest_ = std::max(newest_, entry.mtime);
  const std::string path =
      TRY(store::member_path(entry.name), "entry " + quoted(entry.name) + " of the archive");
  const bool regular = entry.type == tar::Type::Regular;
  if (regular) content_bytes_ += entry.size;
  // What an image archive can have; a root file system has more, and its files do not matter here.
  const auto depth = static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 1;
  if (path.empty() || depth > kMaxDepth || entry.type == tar::Type::Directory) return {};
  const std::size_t bytes = path.size() + entry.link.size() + kPerName;
  if (bytes > kMaxNames - name_bytes_) return {};
  name_bytes_ += bytes;
  auto [at, is_new] = members_.try_emplace(path, Member{.type = entry.type, .link = entry.link});
  if (!is_new) at->second = Member{.type = entry.type, .link = entry.link, .twice = true};
  if (regular && entry.size <= kMaxDocument) return keep_document(path, reader);
  return {};
}

Result<> TarArchive::keep_document(const std::string& path, tar::Reader& reader) {
  std::string text(std::min<std::size_t>(reader.entry().size, 64), '\0');
  text.resize(TRY(reader.read_content(text.data(), text.size())));
  if (!looks_like_json(text) || document_bytes_ + reader.entry().size > kMaxDocuments) return {};
  MemberSource rest(reader);
  codec::StringSink sink;
  TRY(codec::copy(rest, sink));
  text += sink.bytes();
  document_bytes_ += text.size();
  documents_[path] = std::move(text);
  return {};
}

Result<std::string> TarArchive::resolve(const std::string& path) const {
  std::string at = path;
  for (int links = 0; links <= kMaxLinks; ++links) {
    const auto member = members_.find(at);
    if (member == members_.end()) return no_such_file(at);
    if (member->second.twice)
      return fail(Kind::Invalid, "the archive has the file " + quoted(at) + " twice");
    switch (member->second.type) {
      case tar::Type::Regular:
        return at;
      case tar::Type::Symlink:
        at = TRY(link_target(at, member->second.link));
        break;
      case tar::Type::HardLink:
        at = TRY(store::member_path(member->second.link), quoted(at));
        break;
      default:
        return fail(Kind::Invalid, quoted(at) + " of the archive is not a regular file");
    }
  }
  return fail(Kind::Invalid, "the links of " + quoted(path) + " in the archive have no end");
}

Result<std::string> TarArchive::document(const std::string& path) const {
  const std::string file = TRY(resolve(path));
  const auto found = documents_.find(file);
  if (found == documents_.end())
    return fail(Kind::Invalid,
                "the file " + quoted(file) +
                    " of the archive is not JSON, or larger than 4 MiB, or there are more than 16 "
                    "MiB of JSON before it");
  return found->second;
}

Result<> TarArchive::read(const std::set<std::string>& paths, const Take& take) const {
  if (::lseek(spool_, 0, SEEK_SET) != 0) return fail_errno("rewind the archive");
  store::FileSource file(spool_);
  tar::Reader reader(file);
  std::size_t left = paths.size();
  while (left > 0 && TRY(reader.next())) {
    if (reader.entry().type != tar::Type::Regular) continue;
    const std::string path = TRY(store::member_path(reader.entry().name));
    if (!paths.contains(path)) continue;
    MemberSource content(reader);
    TRY(take(path, content));
    --left;
  }
  return {};
}

std::string TarArchive::wrapping_directory() const {
  for (const char* file : {"/index.json", "/manifest.json"})
    for (const auto& [path, member] : members_)
      if (path.ends_with(file) && std::count(path.begin(), path.end(), '/') == 1) {
        const std::string dir = path.substr(0, path.find('/') + 1);
        if (std::all_of(members_.begin(), members_.end(),
                        [&](const auto& other) { return other.first.starts_with(dir); }))
          return dir.substr(0, dir.size() - 1);
      }
  return "";
}

Result<sys::Fd> DirectoryArchive::open(const std::string& path) const {
  auto file = sys::open_in_root(dir_, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file && file.error().kind() == Kind::NotFound)
    return fail(Kind::NotFound, "the image layout has no file " + quoted(path));
  sys::Fd opened = TRY(std::move(file));
  struct stat info{};
  if (::fstat(opened.get(), &info) != 0) return fail_errno("fstat");
  if (!S_ISREG(info.st_mode))
    return fail(Kind::Invalid, quoted(path) + " of the image layout is not a regular file");
  return opened;
}

bool DirectoryArchive::has(const std::string& path) const { return open(path).has_value(); }

Result<std::string> DirectoryArchive::document(const std::string& path) const {
  const sys::Fd file = TRY(open(path));
  return TRY(sys::read_all(file.get(), kMaxDocument), "read " + quoted(path));
}

Result<std::string> DirectoryArchive::resolve(const std::string& path) const {
  (void)TRY(open(path));
  return path;
}

Result<> DirectoryArchive::read(const std::set<std::string>& paths, const Take& take) const {
  for (const std::string& path : paths) {
    const sys::Fd file = TRY(open(path));
    store::FileSource content(file.get());
    TRY(take(path, content));
  }
  return {};
}

}  // namespace tare::image
