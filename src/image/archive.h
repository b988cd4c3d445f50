// SPDX-License-Identifier: Apache-2.0
// An image archive as a set of files: a tar that was spooled to disk, or a directory. Nothing in it
// is believed before its digest was checked (plan.h). Private to the room.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/digest.h"
#include "codec/stream.h"
#include "codec/tar.h"
#include "sys/fd.h"

namespace tare::image {

class Archive {
 public:
  virtual ~Archive() = default;

  virtual bool has(const std::string& path) const = 0;
  // The content of a JSON file of at most 4 MiB. Errors: NotFound, Invalid (too large, not JSON).
  virtual Result<std::string> document(const std::string& path) const = 0;
  // The regular file behind `path`: links inside of the archive followed. Errors: NotFound,
  // Invalid.
  virtual Result<std::string> resolve(const std::string& path) const = 0;
  // Reads the files of `paths` (resolved) one after the other, in any order. `take` may leave bytes
  // unread.
  using Take = std::function<Result<>(const std::string& path, codec::Source& content)>;
  virtual Result<> read(const std::set<std::string>& paths, const Take& take) const = 0;
};

// A tar archive in a file. While it is spooled, its members are listed and small JSON files kept,
// so that it is read a second time for layers only.
class TarArchive : public Archive {
 public:
  // Reads the uncompressed tar in `source` to its end; whoever calls copies it to `spool`
  // meanwhile.
  static Result<TarArchive> scan(codec::Source& source, int spool);

  bool has(const std::string& path) const override { return members_.contains(path); }
  Result<std::string> document(const std::string& path) const override;
  Result<std::string> resolve(const std::string& path) const override;
  Result<> read(const std::set<std::string>& paths, const Take& take) const override;

  std::uint64_t entries() const { return entries_; }
  std::uint64_t content_bytes() const { return content_bytes_; }  // Of all regular files.
  UnixNanos newest() const { return newest_; }                    // The newest time of a file.
  // The one directory that holds the whole archive ("image" of "image/index.json"), if that is so.
  std::string wrapping_directory() const;

 private:
  struct Member {
    tar::Type type = tar::Type::Regular;
    std::string link;
    bool twice = false;
  };
  Result<> scan_entry(tar::Reader& reader);
  Result<> keep_document(const std::string& path, tar::Reader& reader);

  int spool_ = -1;
  std::map<std::string, Member> members_;
  std::map<std::string, std::string> documents_;
  std::size_t document_bytes_ = 0;
  std::size_t name_bytes_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t content_bytes_ = 0;
  UnixNanos newest_ = 0;
};

// An OCI layout directory, borrowed. Paths are resolved below it.
class DirectoryArchive : public Archive {
 public:
  explicit DirectoryArchive(int dir) : dir_(dir) {}
  bool has(const std::string& path) const override;
  Result<std::string> document(const std::string& path) const override;
  Result<std::string> resolve(const std::string& path) const override;
  Result<> read(const std::set<std::string>& paths, const Take& take) const override;
  // A regular file. Errors: NotFound, Invalid.
  Result<sys::Fd> open(const std::string& path) const;

 private:
  int dir_;
};

}  // namespace tare::image
