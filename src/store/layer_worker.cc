// SPDX-License-Identifier: Apache-2.0
#include "store/layer_worker.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "codec/compress.h"
#include "codec/sha256.h"
#include "store/layer_path.h"
#include "store/pack_writer.h"
#include "store/residue.h"
#include "store/streams.h"

namespace tare::store {
namespace {

constexpr std::size_t kChunk = 256 << 10;
// Smaller contents are looked at before anything is written of them.
constexpr std::size_t kHeld = 1 << 20;
constexpr std::uint64_t kMaxIndex = 512 << 20;
constexpr std::uint64_t kMaxFiles = 1'000'000;        // As of an image, see merged_tree.cc.
constexpr std::uint64_t kMaxHeaders = 4 * kMaxFiles;  // Of the tar: a file may have three.
constexpr std::size_t kMaxComponent = 255;
constexpr std::uint64_t kLeastPack = 1 << 20;
constexpr std::size_t kMaxXattrs = 64;

// [security rule: attributes are allow-listed]
bool is_allowed_xattr(std::string_view name) {
  if (name.starts_with("user.overlay.")) return false;  // Would steer overlayfs.
  return (name.starts_with("user.") && name.size() > 5) || name == "security.capability";
}

class LayerWork {
 public:
  LayerWork(const LayerWish& wish, const KnownContents& known, const Report& report)
      : contents_(wish.contents), max_bytes_(wish.max_bytes), known_(known), report_(report) {}

  Result<> run(int input);

 private:
  Result<> open_files();
  Result<> take_entry(tar::Reader& reader, ResidueRecorder& residue);
  Result<> take_content(tar::Reader& reader, ResidueRecorder& residue, IndexEntry& entry);
  Result<> take_held(tar::Reader& reader, ResidueRecorder& residue, IndexEntry& entry);
  Result<> take_streamed(tar::Reader& reader, ResidueRecorder& residue, IndexEntry& entry);
  Result<> take_object(tar::Reader& reader, ResidueRecorder& residue, IndexEntry& entry);
  Result<std::size_t> read_piece(tar::Reader& reader, ResidueRecorder& residue, char* buffer,
                                 std::size_t size);
  // True when the content is somewhere already; `entry.content` says where then.
  Result<bool> find_elsewhere(IndexEntry& entry);
  Result<std::uint16_t> reference_to(std::size_t layer);
  void remember(const IndexEntry& entry);
  Result<> name_object(const IndexEntry& entry);
  Result<> finish();

  Contents contents_;
  std::uint64_t max_bytes_;
  const KnownContents& known_;
  const Report& report_;
  sys::Fd pack_file_;
  sys::Fd residue_file_;
  std::optional<PackWriter> pack_;
  sys::Fd entries_file_;
  std::optional<IndexWriter> index_;
  IndexSummary summary_;
  std::vector<Sum> sums_;
  std::vector<Digest> references_;
  std::map<std::size_t, std::uint16_t> reference_numbers_;
  std::unordered_map<RawDigest, std::uint64_t, HashOfDigest> own_;  // Where in the pack.
  std::unordered_set<RawDigest, HashOfDigest> told_;                // Of other layers' contents.
  std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kHeld);
  std::uint64_t devices_ = 0;
  std::uint64_t xattrs_ = 0;
};

Result<> LayerWork::open_files() {
  const auto make = [](const char* name) {
    return sys::open_path(name, O_RDWR | O_CREAT | O_EXCL, 0400);
  };
  pack_file_ = TRY(make("/pack"));
  residue_file_ = TRY(make("/tar"));
  if (contents_ == Contents::Objects && ::mkdirat(AT_FDCWD, "/objects", 0700) != 0)
    return fail_errno("make a directory for objects");
  pack_.emplace(pack_file_.get());
  entries_file_ = TRY(make("/entries"));
  index_.emplace(entries_file_.get());
  return {};
}

Result<> LayerWork::run(int input) {
  TRY(open_files());
  FileSource source(input);
  FileSink file(residue_file_.get());
  const auto compressor = TRY(codec::compress(codec::Compression::Zstd, file));
  ResidueRecorder residue(source, *compressor);
  tar::Reader reader(residue, {.entries = kMaxHeaders, .total_bytes = max_bytes_});
  while (TRY(reader.next())) {
    TRY(residue.literal_until(reader.offset()));
    TRY(take_entry(reader, residue), "entry " + quoted(reader.entry().name));
    if (index_->count() > kMaxFiles)
      return fail(Kind::Invalid, "the layer has more than " + std::to_string(kMaxFiles) + " files");
    if (pack_->position() > max_bytes_ + kLeastPack)
      return fail(Kind::Unavailable, "its files take more than the " + human_size(max_bytes_) +
                                         " that the store has room for");
    if (index_->bytes() > kMaxIndex)
      return fail(Kind::Invalid, "the layer has more than " + human_size(kMaxIndex) +
                                     " of names, links and attributes");
  }
  summary_.tar_bytes = reader.offset();
  TRY(residue.finish());
  return finish();
}

Result<> LayerWork::take_entry(tar::Reader& reader, ResidueRecorder& residue) {
  const tar::Entry& from = reader.entry();
  const std::string path = TRY(member_path(from.name));
  for (const std::string& part : split(path, '/'))
    if (part.size() > kMaxComponent)
      return fail(Kind::Invalid, "a part of the name has more than 255 bytes");
  IndexEntry entry{.type = from.type, .mode = from.mode, .uid = from.uid, .gid = from.gid};
  entry.mtime = from.mtime;
  entry.size = from.type == tar::Type::Regular ? from.size : 0;
  entry.sparse = entry.size > 0 && reader.is_sparse();
  entry.path = path;
  entry.link = from.link;
  if (from.type == tar::Type::CharDevice || from.type == tar::Type::BlockDevice) {
    entry.content.offset = static_cast<std::uint64_t>(from.device_major) << 32 | from.device_minor;
    ++devices_;
  }
  for (const auto& [name, value] : from.xattrs) {
    if (is_allowed_xattr(name) && name.size() <= kMaxComponent && entry.xattrs.size() < kMaxXattrs)
      entry.xattrs.emplace_back(name, value);
    else
      ++xattrs_;
  }
  if (entry.size > 0) TRY(take_content(reader, residue, entry));
  summary_.content_bytes += entry.size;
  summary_.newest = std::max(summary_.newest, entry.mtime);
  return index_->add(entry);
}

Result<> LayerWork::take_content(tar::Reader& reader, ResidueRecorder& residue, IndexEntry& entry) {
  if (contents_ == Contents::Objects && entry.size > kObjectAbove)
    return take_object(reader, residue, entry);
  if (entry.size <= kHeld) return take_held(reader, residue, entry);
  return take_streamed(reader, residue, entry);
}

// The next bytes of the content, told to the residue; 0 at the end or at a hole.
Result<std::size_t> LayerWork::read_piece(tar::Reader& reader, ResidueRecorder& residue,
                                          char* buffer, std::size_t size) {
  const std::size_t count = TRY(reader.read_content(buffer, size));
  if (reader.is_sparse())
    TRY(residue.literal_until(reader.offset()));
  else
    TRY(residue.content_until(reader.offset()));
  return count;
}

Result<> LayerWork::take_held(tar::Reader& reader, ResidueRecorder& residue, IndexEntry& entry) {
  std::size_t done = 0;
  while (done < entry.size)
    done += TRY(read_piece(reader, residue, buffer_.get() + done, entry.size - done));
  const std::string_view bytes(buffer_.get(), done);
  entry.content.digest = raw_digest(codec::sha256(bytes));
  if (TRY(find_elsewhere(entry))) return {};
  entry.content.pack = 0;
  entry.content.offset = pack_->position();
  TRY(pack_->write(bytes));
  TRY(pack_->align());
  remember(entry);
  return {};
}

Result<> LayerWork::take_streamed(tar::Reader& reader, ResidueRecorder& residue,
                                  IndexEntry& entry) {
  codec::Sha256 hash;
  const std::uint64_t start = pack_->position();
  for (std::uint64_t done = 0; done < entry.size;) {
    const std::uint64_t hole = reader.is_sparse() ? reader.hole_bytes() : 0;
    const std::size_t count = TRY(read_piece(reader, residue, buffer_.get(), kChunk));
    hash.update({buffer_.get(), count});
    // A hole is hashed as the zeros that it is, and skipped in the pack.
    if (hole >= count && hole > 0)
      TRY(pack_->skip(count));
    else
      TRY(pack_->write({buffer_.get(), count}));
    done += count;
  }
  entry.content.digest = raw_digest(hash.finish());
  if (TRY(find_elsewhere(entry))) return pack_->rewind(start);
  entry.content.pack = 0;
  entry.content.offset = start;
  TRY(pack_->align());
  remember(entry);
  return {};
}

Result<> LayerWork::take_object(tar::Reader& reader, ResidueRecorder& residue, IndexEntry& entry) {
  sys::Fd file = TRY(sys::open_path("/objects/new", O_WRONLY | O_CREAT | O_EXCL, 0400));
  codec::Sha256 hash;
  for (std::uint64_t done = 0; done < entry.size;) {
    const std::uint64_t hole = reader.is_sparse() ? reader.hole_bytes() : 0;
    const std::size_t count = TRY(read_piece(reader, residue, buffer_.get(), kChunk));
    hash.update({buffer_.get(), count});
    if (hole < count || hole == 0)
      TRY(sys::write_all(file.get(), {buffer_.get(), count}));
    else if (::lseek(file.get(), static_cast<off_t>(count), SEEK_CUR) < 0)
      return fail_errno("skip a hole");
    done += count;
  }
  if (::ftruncate(file.get(), static_cast<off_t>(entry.size)) != 0)
    return fail_errno("set the size of an object");
  TRY(file.close());
  entry.content.digest = raw_digest(hash.finish());
  entry.content.pack = kInObject;
  return name_object(entry);
}

Result<> LayerWork::name_object(const IndexEntry& entry) {
  const auto [at, is_new] = own_.try_emplace(entry.content.digest, 0);
  if (!is_new) {
    if (::unlinkat(AT_FDCWD, "/objects/new", 0) != 0) return fail_errno("remove an object");
    return {};
  }
  const std::string hex = digest_of(entry.content.digest).hex();
  if (::renameat(AT_FDCWD, "/objects/new", AT_FDCWD, ("/objects/" + hex).c_str()) != 0)
    return fail_errno("name an object");
  report_("o " + hex);
  return {};
}

Result<bool> LayerWork::find_elsewhere(IndexEntry& entry) {
  if (const auto own = own_.find(entry.content.digest); own != own_.end()) {
    entry.content.pack = 0;
    entry.content.offset = own->second;
    return true;
  }
  const auto place = known_.find(entry.content.digest, entry.size);
  if (!place) return false;
  entry.content.pack = TRY(reference_to(place->layer));
  entry.content.offset = place->offset;
  if (!told_.insert(entry.content.digest).second) return true;
  report_("h " + std::to_string(place->layer) + " " + std::to_string(place->offset) + " " +
          std::to_string(entry.size) + " " + digest_of(entry.content.digest).hex());
  return true;
}

Result<std::uint16_t> LayerWork::reference_to(std::size_t layer) {
  const auto [at, is_new] =
      reference_numbers_.try_emplace(layer, static_cast<std::uint16_t>(references_.size() + 1));
  if (!is_new) return at->second;
  references_.push_back(known_.layers[layer].first);
  if (references_.size() > kMaxReferences)
    return fail(Kind::Invalid, "the layer shares files with too many others");
  report_("r " + references_.back().hex());
  return at->second;
}

void LayerWork::remember(const IndexEntry& entry) {
  if (entry.size <= kShareAbove) return;
  own_.emplace(entry.content.digest, entry.content.offset);
  sums_.push_back(
      {.digest = entry.content.digest, .offset = entry.content.offset, .size = entry.size});
}

Result<> LayerWork::finish() {
  TRY(pack_->finish());
  summary_.pack_bytes = pack_->position();
  const sys::Fd file = TRY(sys::open_path("/index", O_WRONLY | O_CREAT | O_EXCL, 0400));
  FileSink sink(file.get());
  TRY(index_->finish(summary_, references_, std::move(sums_), sink));
  (void)::unlinkat(AT_FDCWD, "/entries", 0);
  report_("n " + std::to_string(devices_) + " " + std::to_string(xattrs_));
  report_("s " + std::to_string(summary_.tar_bytes) + " " + std::to_string(summary_.content_bytes) +
          " " + std::to_string(summary_.newest));
  return {};
}

}  // namespace

std::optional<KnownContents::Place> KnownContents::find(const RawDigest& digest,
                                                        std::uint64_t size) const {
  if (size <= kShareAbove) {
    const auto found = small.find(digest);
    if (found == small.end() || found->second.size != size) return std::nullopt;
    return found->second.place;
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& sums = layers[i].second;
    const auto at = std::lower_bound(
        sums.begin(), sums.end(), digest,
        [](const Sum& sum, const RawDigest& wanted) { return sum.digest < wanted; });
    if (at != sums.end() && at->digest == digest && at->size == size)
      return Place{.layer = i, .offset = at->offset};
  }
  return std::nullopt;
}

Result<> take_layer_apart(int input, const LayerWish& wish, const KnownContents& known,
                          const Report& report) {
  return LayerWork(wish, known, report).run(input);
}

}  // namespace tare::store
