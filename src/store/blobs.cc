// SPDX-License-Identifier: Apache-2.0
// Blobs: files named by their SHA-256. A name appears only after the content was hashed and synced.
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "base/undo.h"
#include "codec/sha256.h"
#include "store/damage.h"
#include "store/store.h"
#include "store/streams.h"

namespace tare::store {
namespace {

std::string blob_path(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

Result<> sync_blobs(int dir) {
  const sys::Fd blobs = TRY(sys::open_at(dir, "blobs/sha256", O_RDONLY | O_DIRECTORY));
  if (::fsync(blobs.get()) != 0) return fail_errno("fsync the blobs of the store");
  return {};
}

}  // namespace

Result<> Store::fill_temporary(codec::Source& source, int file, const Digest& expected,
                               std::uint64_t size, Blob& blob) const {
  FileSink sink(file);
  codec::HashingSink hashing(sink);
  LimitedSource limited(source, size);
  TRY(codec::copy(limited, hashing));
  blob.size = hashing.bytes();
  blob.digest = hashing.digest();
  if (size != kAnySize && blob.size != size)
    return fail(Kind::Corrupt, "blob " + expected.text() + " has " + std::to_string(blob.size) +
                                   " bytes, but " + std::to_string(size) + " were announced");
  if (!expected.empty() && blob.digest != expected)
    return fail(Kind::Corrupt, "blob " + expected.text() + " has the content of " +
                                   blob.digest.text() + ": its digest does not match");
  if (::fsync(file) != 0) return fail_errno("fsync a blob");
  return {};
}

Result<Store::Blob> Store::put_blob(codec::Source& source, const Digest& expected,
                                    std::uint64_t size) {
  Scratch scratch = TRY(make_scratch());
  sys::Fd file = TRY(sys::open_at(scratch.dir.get(), "blob", O_WRONLY | O_CREAT | O_EXCL, 0400));
  Blob blob;
  TRY(fill_temporary(source, file.get(), expected, size, blob), "write to the store");
  TRY(file.close(), "write to the store");
  TRY(adopt_blob(scratch.dir.get(), "blob", blob.digest));
  return blob;
}

Result<Store::Blob> Store::put_blob(std::string_view bytes) {
  const Digest digest = codec::sha256(bytes);
  if (has_blob(digest) && !is_damaged(*this, digest))
    return Blob{.digest = digest, .size = bytes.size()};
  codec::StringSource source(bytes);
  return put_blob(source, digest, bytes.size());
}

Result<> Store::adopt_blob(int from, const std::string& name, const Digest& digest) {
  if (has_blob(digest) && !is_damaged(*this, digest)) {
    ::unlinkat(from, name.c_str(), 0);
    return {};
  }
  if (::renameat(from, name.c_str(), dir(), blob_path(digest).c_str()) != 0)
    return fail_errno("name blob " + digest.text());
  return sync_blobs(dir());
}

bool Store::has_blob(const Digest& digest) const {
  return !digest.empty() && ::faccessat(dir(), blob_path(digest).c_str(), F_OK, 0) == 0;
}

Result<std::uint64_t> Store::blob_size(const Digest& digest) const {
  struct stat info{};
  if (digest.empty() || ::fstatat(dir(), blob_path(digest).c_str(), &info, 0) != 0)
    return fail(Kind::NotFound, "the store has no blob " + digest.text());
  return static_cast<std::uint64_t>(info.st_size);
}

Result<sys::Fd> Store::open_blob(const Digest& digest) const {
  if (!has_blob(digest)) return fail(Kind::NotFound, "the store has no blob " + digest.text());
  return sys::open_at(dir(), blob_path(digest), O_RDONLY | O_NOFOLLOW);
}

Result<std::string> Store::load_blob(const Digest& digest, std::size_t limit) const {
  const sys::Fd file = TRY(open_blob(digest));
  std::string bytes = TRY(sys::read_all(file.get(), limit), "read blob " + digest.text());
  const Digest found = codec::sha256(bytes);
  if (found != digest)
    return std::unexpected(Error(Kind::Corrupt, "the file of blob " + digest.text() +
                                                    " has the content of " + found.text() +
                                                    ": it was changed on disk")
                               .hint("load the image again"));
  return bytes;
}

Result<> Store::remove_blob(const Digest& digest) {
  if (digest.empty()) return {};
  if (::unlinkat(dir(), blob_path(digest).c_str(), 0) != 0 && errno != ENOENT)
    return fail_errno("remove blob " + digest.text());
  return {};
}

Result<std::vector<Digest>> Store::list_blobs() const {
  std::vector<Digest> digests;
  for (const std::string& name : TRY(sys::list_directory(dir(), "blobs/sha256"))) {
    auto digest = Digest::parse("sha256:" + name);
    if (digest) digests.push_back(std::move(*digest));
  }
  return digests;
}

}  // namespace tare::store
