// SPDX-License-Identifier: Apache-2.0
#include "store/layers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "base/failpoint.h"
#include "base/text.h"
#include "codec/compress.h"
#include "codec/sha256.h"
#include "store/image_tree.h"
#include "store/residue.h"
#include "store/seals.h"
#include "store/streams.h"
#include "sys/files.h"
#include "sys/verity.h"

namespace tare::store {
namespace {

constexpr std::size_t kPiece = 1 << 20;

std::string layer_path(const Digest& diff_id, const char* part) {
  return "layers/" + diff_id.hex() + "." + part;
}

enum class Which : std::uint8_t { All, OfTheTar };

// The contents of an index, one after the other, from where they are.
class ContentSource : public codec::Source {
 public:
  static Result<std::unique_ptr<ContentSource>> open(const Store& store, const Digest& diff_id,
                                                     const LayerIndex& index, Which which) {
    auto source = std::make_unique<ContentSource>(store);
    source->packs_.push_back(TRY(open_pack(store, diff_id)));
    for (const Digest& reference : index.references())
      source->packs_.push_back(TRY(open_pack(store, reference)));
    TRY(index.each([&](const IndexEntry& entry) -> Result<> {
      if (entry.content.pack != kNowhere && (which == Which::All || !entry.sparse))
        source->parts_.push_back({.place = entry.content, .size = entry.size});
      return {};
    }));
    return source;
  }
  explicit ContentSource(const Store& store) : store_(store) {}

  Result<std::size_t> read(char* buffer, std::size_t size) override {
    while (part_ < parts_.size() && done_ == parts_[part_].size) {
      ++part_;
      done_ = 0;
      object_.reset();
    }
    if (part_ == parts_.size()) return 0;
    const Part& part = parts_[part_];
    int file = -1;
    std::uint64_t offset = part.place.offset + done_;
    if (part.place.pack == kInObject) {
      if (object_.get() < 0)
        object_ = TRY(sys::open_at(store_.dir(), object_path(digest_of(part.place.digest)),
                                   O_RDONLY | O_NOFOLLOW));
      file = object_.get();
      offset = done_;
    } else {
      file = packs_[part.place.pack].get();
    }
    const ssize_t count = ::pread(file, buffer, std::min<std::uint64_t>(size, part.size - done_),
                                  static_cast<off_t>(offset));
    if (count < 0) return fail_errno("read the contents of a layer");
    if (count == 0) return fail(Kind::Corrupt, "the contents of a layer end too early");
    done_ += static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  }

 private:
  struct Part {
    ContentPlace place;
    std::uint64_t size = 0;
  };
  const Store& store_;
  std::vector<sys::Fd> packs_;
  std::vector<Part> parts_;
  std::size_t part_ = 0;
  std::uint64_t done_ = 0;  // Of that part.
  sys::Fd object_;
};

// A tar with all that it reads from.
struct LayerTar : codec::Source {
  sys::Fd file;
  std::optional<FileSource> residue_file;
  std::unique_ptr<codec::Source> residue;
  std::unique_ptr<ContentSource> contents;
  std::unique_ptr<codec::Source> tar;

  Result<std::size_t> read(char* buffer, std::size_t size) override {
    return tar->read(buffer, size);
  }
};

Result<> check_content(ContentSource& source, const IndexEntry& entry, char* buffer) {
  codec::Sha256 hash;
  for (std::uint64_t done = 0; done < entry.size;) {
    const std::size_t count =
        TRY(source.read(buffer, std::min<std::uint64_t>(kPiece, entry.size - done)));
    hash.update({buffer, count});
    done += count;
  }
  if (raw_digest(hash.finish()) == entry.content.digest) return {};
  return fail(Kind::Corrupt, "the content of " + quoted(entry.path) + " was changed on disk");
}

// Objects of a layer that are not there yet.
Result<> adopt_objects(Store& store, int place, Adoption adoption, sys::Durability durability) {
  if (::faccessat(place, "objects", F_OK, 0) != 0) return {};
  for (const std::string& name : TRY(sys::list_directory(place, "objects"))) {
    const auto digest = Digest::parse("sha256:" + name);
    if (!digest) continue;
    const std::string path = object_path(*digest);
    const std::string room = path.substr(0, path.rfind('/'));
    if (::mkdirat(store.dir(), room.c_str(), 0700) != 0 && errno != EEXIST)
      return fail_errno("make " + quoted(room));
    store.protect(place, "objects/" + name);
    const unsigned flags = adoption == Adoption::Replace ? 0 : RENAME_NOREPLACE;
    if (::renameat2(place, ("objects/" + name).c_str(), store.dir(), path.c_str(), flags) != 0 &&
        errno != EEXIST)
      return fail_errno("name object " + digest->text());
    if (::fchmodat(store.dir(), path.c_str(), 0444, 0) != 0)
      return fail_errno("protect object " + digest->text());
  }
  // Their names, before the index that needs them has its own.
  if (durability == sys::Durability::Synced && ::syncfs(store.dir()) != 0)
    return fail_errno("write to disk");
  return {};
}

Result<> sync_layers(const Store& store) {
  const sys::Fd layers = TRY(sys::open_at(store.dir(), "layers", O_RDONLY | O_DIRECTORY));
  if (::fsync(layers.get()) != 0) return fail_errno("fsync the layers of the store");
  return {};
}

// The parts of a layer must not be of two, whoever is killed here: a directory HEX.next has all of
// the new ones, and from its name on there is no way back.
Result<> stage_replacement(Store& store, int place, const Digest& diff_id) {
  const std::string begun = layer_path(diff_id, "new");
  TRY(store.discard(begun));
  if (::mkdirat(store.dir(), begun.c_str(), 0700) != 0) return fail_errno("make a directory");
  const sys::Fd dir = TRY(sys::open_at(store.dir(), begun, O_RDONLY | O_DIRECTORY));
  for (const char* part : {"pack", "tar", "index"})
    if (::renameat(place, part, dir.get(), part) != 0)
      return fail_errno("name layer " + diff_id.text());
  if (::fsync(dir.get()) != 0) return fail_errno("fsync a layer");
  TRY(store.discard(layer_path(diff_id, "next")));
  if (::renameat(store.dir(), begun.c_str(), store.dir(), layer_path(diff_id, "next").c_str()) != 0)
    return fail_errno("name layer " + diff_id.text());
  return sync_layers(store);
}

Result<> move_parts(Store& store, const Digest& diff_id) {
  const std::string next = layer_path(diff_id, "next");
  auto opened = sys::open_at(store.dir(), next, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!opened && opened.error().kind() == Kind::NotFound) return {};
  const sys::Fd dir = TRY(std::move(opened));
  for (const char* part : {"pack", "tar", "index"})
    if (::renameat(dir.get(), part, store.dir(), layer_path(diff_id, part).c_str()) != 0 &&
        errno != ENOENT)
      return fail_errno("name layer " + diff_id.text());
  TRY(sync_layers(store));
  if (::unlinkat(store.dir(), next.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    return fail_errno("remove " + quoted(next));
  (void)seal_pack(store, diff_id);
  return {};
}

// What those who were killed while they replaced a layer left; nobody is at it now.
Result<> tidy_replacements(Store& store, const std::set<Digest>& keep) {
  for (const std::string& name : TRY(sys::list_directory(store.dir(), "layers"))) {
    const bool next = name.ends_with(".next");
    if (!next && !name.ends_with(".new")) continue;
    const auto diff_id = Digest::parse("sha256:" + name.substr(0, name.find('.')));
    if (next && diff_id && keep.contains(*diff_id))
      TRY(move_parts(store, *diff_id));
    else
      TRY(store.discard("layers/" + name));
  }
  return {};
}

Result<> remove_objects(Store& store, const std::set<RawDigest>& keep) {
  for (const std::string& room : TRY(sys::list_directory(store.dir(), "objects"))) {
    for (const std::string& name : TRY(sys::list_directory(store.dir(), "objects/" + room))) {
      const auto digest = Digest::parse("sha256:" + name);
      if (digest && keep.contains(raw_digest(*digest))) continue;
      const std::string path = "objects/" + room + "/" + name;
      if (::unlinkat(store.dir(), path.c_str(), 0) != 0 && errno != ENOENT)
        return fail_errno("remove " + quoted(path));
    }
  }
  return {};
}

}  // namespace

std::string object_path(const Digest& digest) {
  return "objects/" + digest.hex().substr(0, 2) + "/" + digest.hex();
}

bool has_layer(const Store& store, const Digest& diff_id) {
  return !diff_id.empty() &&
         ::faccessat(store.dir(), layer_path(diff_id, "index").c_str(), F_OK, 0) == 0;
}

Result<LayerIndex> load_layer(const Store& store, const Digest& diff_id) {
  const std::string what = "layer " + diff_id.text();
  const sys::Fd file =
      TRY(sys::open_at(store.dir(), layer_path(diff_id, "index"), O_RDONLY | O_NOFOLLOW), what);
  return TRY(LayerIndex::map(file.get()), what);
}

Result<struct stat> stat_layer(const Store& store, const Digest& diff_id) {
  struct stat info{};
  if (::fstatat(store.dir(), layer_path(diff_id, "index").c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno("layer " + diff_id.text());
  return info;
}

Result<sys::Fd> open_pack(const Store& store, const Digest& diff_id) {
  return sys::open_at(store.dir(), layer_path(diff_id, "pack"), O_RDONLY | O_NOFOLLOW);
}

// The index comes last: it is what says that the layer is there. One at a time: two that take the
// same layer in may have shared different contents, and their files do not go together.
Result<> adopt_layer(Store& store, int place, const Digest& diff_id, Adoption adoption,
                     sys::Durability durability) {
  const sys::Fd lock = TRY(store.lock("layers"));
  if (adoption == Adoption::KeepOld && has_layer(store, diff_id)) return {};
  TRY(adopt_objects(store, place, adoption, durability));
  if (adoption == Adoption::Replace) {
    TRY(stage_replacement(store, place, diff_id));
    return move_parts(store, diff_id);
  }
  for (const char* part : {"pack", "tar", "index"}) {
    store.protect(place, part);
    if (::renameat(place, part, store.dir(), layer_path(diff_id, part).c_str()) != 0)
      return fail_errno("name layer " + diff_id.text());
    failpoint("layer.named");
  }
  if (durability == sys::Durability::Synced) TRY(sync_layers(store));
  (void)seal_pack(store, diff_id);  // Without it the first mount reads the pack once.
  return {};
}

Result<> finish_replacement(Store& store, const Digest& diff_id) {
  if (::faccessat(store.dir(), layer_path(diff_id, "next").c_str(), F_OK, 0) != 0) return {};
  const sys::Fd lock = TRY(store.lock("layers"));
  return move_parts(store, diff_id);
}

Result<> seal_pack(const Store& store, const Digest& diff_id) {
  const sys::Fd pack = TRY(open_pack(store, diff_id));
  struct stat info{};
  if (::fstat(pack.get(), &info) != 0) return fail_errno("stat a pack");
  Seals seals;
  seals.add("pack", info, sys::verity_digest(pack.get()));
  const sys::Fd layers = TRY(sys::open_at(store.dir(), "layers", O_RDONLY | O_DIRECTORY));
  return sys::replace_file(layers.get(), diff_id.hex() + ".seal", seals.print(),
                           sys::Durability::Lazy);
}

bool is_pack_sealed(const Store& store, const Digest& diff_id, int pack) {
  struct stat info{};
  const auto text = sys::load_file(store.dir(), layer_path(diff_id, "seal"), 4096);
  return text && ::fstat(pack, &info) == 0 &&
         Seals::parse(*text).holds("pack", info, sys::verity_digest(pack));
}

Result<std::unique_ptr<codec::Source>> open_layer_tar(const Store& store, const Digest& diff_id) {
  const LayerIndex index = TRY(load_layer(store, diff_id));
  auto layer = std::make_unique<LayerTar>();
  layer->file = TRY(sys::open_at(store.dir(), layer_path(diff_id, "tar"), O_RDONLY | O_NOFOLLOW));
  layer->residue_file.emplace(layer->file.get());
  layer->residue = TRY(codec::decompress(*layer->residue_file, 1ull << 40));
  layer->contents = TRY(ContentSource::open(store, diff_id, index, Which::OfTheTar));
  layer->tar = make_tar_source(*layer->residue, *layer->contents);
  return layer;
}

bool has_blob_bytes(const Store& store, const Digest& digest) {
  return store.has_blob(digest) || has_layer(store, digest);
}

Result<sys::Fd> open_blob_file(const Store& store, const Digest& digest) {
  if (store.has_blob(digest)) return store.open_blob(digest);
  const BlobBytes bytes = TRY(open_blob_bytes(store, digest));
  sys::Fd file = TRY(sys::open_at(store.dir(), "tmp", O_TMPFILE | O_RDWR, 0400));
  FileSink sink(file.get());
  TRY(codec::copy(*bytes.source, sink));
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno("rewind a layer");
  return file;
}

Result<BlobBytes> open_blob_bytes(const Store& store, const Digest& digest) {
  if (!store.has_blob(digest) && has_layer(store, digest)) {
    BlobBytes bytes;
    bytes.size = TRY(load_layer(store, digest)).summary().tar_bytes;
    bytes.source = TRY(open_layer_tar(store, digest));
    return bytes;
  }
  struct File : codec::Source {
    explicit File(sys::Fd opened) : file(std::move(opened)), source(file.get()) {}
    Result<std::size_t> read(char* buffer, std::size_t size) override {
      return source.read(buffer, size);
    }
    sys::Fd file;
    FileSource source;
  };
  BlobBytes bytes;
  bytes.size = TRY(store.blob_size(digest));
  bytes.source = std::make_unique<File>(TRY(store.open_blob(digest)));
  return bytes;
}

Result<> verify_contents(const Store& store, const Digest& diff_id) {
  const LayerIndex index = TRY(load_layer(store, diff_id));
  const auto source = TRY(ContentSource::open(store, diff_id, index, Which::All));
  const auto buffer = std::make_unique_for_overwrite<char[]>(kPiece);
  return index.each([&](const IndexEntry& entry) -> Result<> {
    if (entry.content.pack == kNowhere) return {};
    return check_content(*source, entry, buffer.get());
  });
}

Result<std::set<Digest>> with_references(const Store& store, const std::set<Digest>& layers) {
  std::set<Digest> all;
  std::vector<Digest> open(layers.begin(), layers.end());
  while (!open.empty()) {
    const Digest next = std::move(open.back());
    open.pop_back();
    if (!all.insert(next).second || !has_layer(store, next)) continue;
    const LayerIndex index = TRY(load_layer(store, next));
    open.insert(open.end(), index.references().begin(), index.references().end());
  }
  return all;
}

Result<> remove_other_layers(Store& store, const std::set<Digest>& keep) {
  TRY(tidy_replacements(store, keep));
  std::set<RawDigest> objects;
  for (const Digest& layer : keep) {
    if (!has_layer(store, layer)) continue;
    const LayerIndex index = TRY(load_layer(store, layer));
    TRY(index.each([&](const IndexEntry& entry) -> Result<> {
      if (entry.content.pack == kInObject) objects.insert(entry.content.digest);
      return {};
    }));
  }
  // The index goes first, as it came last.
  bool any = false;
  for (const char* part : {".index", ".seal", ".pack", ".tar"}) {
    for (const std::string& name : TRY(sys::list_directory(store.dir(), "layers"))) {
      if (!name.ends_with(part)) continue;
      const auto diff_id = Digest::parse("sha256:" + name.substr(0, name.find('.')));
      if (diff_id && keep.contains(*diff_id)) continue;
      TRY(store.discard("layers/" + name, Store::Removal::Later));
      any = true;
    }
  }
  if (any) store.empty_trash_in_background();
  return remove_objects(store, objects);
}

// Takes `input` in, and names the result.
static Result<> take_in(Store& store, const Digest& diff_id, const LayerInput& input,
                        Contents contents, Adoption adoption, const Progress& progress) {
  // A layer whose contents are shared must not go before this one says that it uses it.
  const sys::Fd lock = TRY(store.lock(Store::kBlobsLock, sys::Lock::Shared));
  Store::Scratch scratch = TRY(store.make_scratch());
  if (::mkdirat(scratch.dir.get(), "layer", 0700) != 0) return fail_errno("make a directory");
  const sys::Fd place = TRY(sys::open_at(scratch.dir.get(), "layer", O_RDONLY | O_DIRECTORY));
  const LayerFacts facts = TRY(import_layer(store, place.get(), input, contents, progress));
  if (facts.diff_id != diff_id)
    return fail(Kind::Corrupt, "its uncompressed content has the digest " + facts.diff_id.text() +
                                   ", but the image's config says " + diff_id.text());
  if (adoption == Adoption::Replace) TRY(keep_shared_contents(store, place.get(), diff_id));
  if (::syncfs(place.get()) != 0) return fail_errno("write to disk");
  return adopt_layer(store, place.get(), diff_id, adoption);
}

Result<> ensure_layers(Store& store, const std::vector<Layer>& layers, Contents contents,
                       const Progress& progress) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    TRY(finish_replacement(store, layers[i].diff_id));
    if (has_layer(store, layers[i].diff_id)) continue;
    const std::string what = layer_label(i, layers);
    const sys::Fd blob = TRY(store.open_blob(layers[i].blob), what);
    TRY(take_in(store, layers[i].diff_id, {.blob = blob.get()}, contents, Adoption::KeepOld,
                progress),
        what);
  }
  return {};
}

Result<std::vector<Digest>> objects_of_layer(const Store& store, const Digest& diff_id) {
  std::vector<Digest> objects;
  if (!has_layer(store, diff_id)) return objects;
  const LayerIndex index = TRY(load_layer(store, diff_id));
  TRY(index.each([&](const IndexEntry& entry) -> Result<> {
    if (entry.content.pack == kInObject) objects.push_back(digest_of(entry.content.digest));
    return {};
  }));
  return objects;
}

Result<> take_from_blob_again(Store& store, const Layer& layer, Contents contents) {
  const sys::Fd blob = TRY(store.open_blob(layer.blob), "layer " + layer.blob.text());
  TRY(take_in(store, layer.diff_id, {.blob = blob.get(), .share = false}, contents,
              Adoption::Replace, {}),
      "layer " + layer.blob.text());
  return {};
}

Result<> retake_layers(Store& store, const std::vector<Layer>& layers, Contents contents) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto tar = TRY(open_layer_tar(store, layers[i].diff_id), layer_label(i, layers));
    // Not shared: what it would find first is itself.
    TRY(take_in(store, layers[i].diff_id, {.tar = tar.get(), .share = false}, contents,
                Adoption::Replace, {}),
        layer_label(i, layers));
  }
  return {};
}

}  // namespace tare::store
