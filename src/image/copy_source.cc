// SPDX-License-Identifier: Apache-2.0
// Layouts, archives and the store as sources of a copy.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "codec/compress.h"
#include "codec/sha256.h"
#include "image/absent.h"
#include "image/archive_writer.h"
#include "image/attested.h"
#include "image/copy_ends.h"
#include "image/plan.h"
#include "image/sniff.h"
#include "store/layers.h"
#include "store/streams.h"

namespace tare::image {
namespace {

constexpr std::uint64_t kMaxArchiveBytes = 1ull << 40;  // Uncompressed.

// An archive on disk, whichever: a directory, a tar, or a compressed tar with a tar made of it.
struct OpenArchive {
  sys::Fd file;   // Or the directory.
  sys::Fd spool;  // The uncompressed tar, when `file` is compressed or cannot be read twice.
  std::unique_ptr<Archive> archive;
};

Result<sys::Fd> make_spool(const CopyContext& context) {
  return sys::open_at(context.scratch->dir.get(), ".", O_TMPFILE | O_RDWR, 0400);
}

Result<OpenArchive> open_tar(const CopyContext& context, const std::string& path) {
  OpenArchive open;
  open.file = TRY(sys::open_path(path, O_RDONLY));
  char block[kTarBlock];
  const ssize_t count = ::pread(open.file.get(), block, sizeof block, 0);
  store::FileSource raw(open.file.get());
  if (count == static_cast<ssize_t>(sizeof block) && is_tar_block({block, sizeof block})) {
    open.archive = std::make_unique<TarArchive>(
        TRY(TarArchive::scan(raw, open.file.get()), "read " + quoted(path)));
    return open;
  }
  open.spool = TRY(make_spool(context));
  const codec::Decompressed plain = TRY(codec::decompress_detected(raw, kMaxArchiveBytes));
  PeekSource peeked(*plain.source);
  const std::string_view first = TRY(peeked.peek(), "decompress " + quoted(path));
  if (!is_tar_block(first))
    return std::unexpected(not_an_image(first, plain.format != codec::Compression::None));
  store::FileSink sink(open.spool.get());
  store::TeeSource tee(peeked, sink);
  open.archive = std::make_unique<TarArchive>(
      TRY(TarArchive::scan(tee, open.spool.get()), "read " + quoted(path)));
  return open;
}

Result<OpenArchive> open_layout(const std::string& path) {
  OpenArchive open;
  open.file = TRY(sys::open_path(path, O_RDONLY | O_DIRECTORY));
  open.archive = std::make_unique<DirectoryArchive>(open.file.get());
  return open;
}

Result<std::string> text_of(const Archive& archive, const std::string& path,
                            const oci::Descriptor& descriptor) {
  std::string text = TRY(archive.document(path));
  const Digest found = codec::sha256(text);
  if (found != descriptor.digest || text.size() != descriptor.size)
    return fail(Kind::Corrupt, "the file " + quoted(path) + " has " + std::to_string(text.size()) +
                                   " bytes with the digest " + found.text() + ", but " +
                                   std::to_string(descriptor.size) + " with " +
                                   descriptor.digest.text() + " were announced");
  return text;
}

// A file of an archive by itself. A directory's is opened in place.
Result<sys::Fd> file_of(const CopyContext& context, const Archive& archive,
                        const std::string& path) {
  if (const auto* directory = dynamic_cast<const DirectoryArchive*>(&archive))
    return directory->open(path);
  const std::string member = TRY(archive.resolve(path));
  sys::Fd file = TRY(make_spool(context));
  const auto write = [&](const std::string&, codec::Source& content) -> Result<> {
    store::FileSink sink(file.get());
    TRY(codec::copy(content, sink));
    return {};
  };
  TRY(archive.read({member}, write));
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno("rewind a blob");
  return file;
}

// An OCI layout in a directory or a tar.
class LayoutSource : public CopySource {
 public:
  LayoutSource(const CopyContext& context, OpenArchive open, oci::Index index, std::string tag)
      : context_(context), open_(std::move(open)), index_(std::move(index)), tag_(std::move(tag)) {}

  Result<RawManifest> named() override {
    const oci::Descriptor chosen = TRY(choose());
    return document(chosen);
  }
  Result<RawManifest> document(const oci::Descriptor& descriptor) override {
    std::string text = TRY(config(descriptor));
    return RawManifest{
        .text = std::move(text), .media_type = descriptor.media_type, .digest = descriptor.digest};
  }
  Result<std::string> config(const oci::Descriptor& descriptor) override {
    return text_of(archive(), layout_path(descriptor.digest), descriptor);
  }
  Result<std::vector<oci::Descriptor>> referrers(const Digest& digest) override {
    std::vector<oci::Descriptor> all;
    for (const oci::Descriptor& descriptor : index_.manifests) {
      if (!oci::is_manifest_type(descriptor.media_type) &&
          !oci::is_index_type(descriptor.media_type))
        continue;
      const RawManifest raw = TRY(document(descriptor));
      const auto parsed = oci::parse_document(raw.text, "");
      if (parsed && subject_of(*parsed) == digest) all.push_back(descriptor);
    }
    return all;
  }
  Result<sys::Fd> open(const oci::Descriptor& descriptor) override {
    return file_of(context_, archive(), layout_path(descriptor.digest));
  }

 private:
  const Archive& archive() const { return *open_.archive; }

  static std::vector<std::string> names_of(const oci::Descriptor& descriptor) {
    std::vector<std::string> names;
    for (const char* key : {kRefName, kFullName})
      if (const auto found = descriptor.annotations.find(key);
          found != descriptor.annotations.end())
        names.push_back(found->second);
    return names;
  }

  bool is_meant(const oci::Descriptor& descriptor) const {
    if (descriptor.digest.text() == tag_) return true;
    const auto wanted = Reference::parse(tag_);
    return std::ranges::any_of(names_of(descriptor), [&](const std::string& name) {
      const auto full = Reference::parse(name);
      return name == tag_ || (full && wanted && full->text() == wanted->text());
    });
  }

  // By its tag; without one the only one that is there, or the only one that has a tag.
  Result<oci::Descriptor> choose() const {
    std::vector<oci::Descriptor> found;
    std::vector<std::string> known;
    for (const oci::Descriptor& descriptor : index_.manifests) {
      const std::vector<std::string> names = names_of(descriptor);
      if (!names.empty()) known.push_back(escaped(names.front()));
      if (tag_.empty() ? !names.empty() || index_.manifests.size() == 1 : is_meant(descriptor))
        found.push_back(descriptor);
    }
    const bool same = std::ranges::all_of(
        found, [&](const oci::Descriptor& other) { return other.digest == found.front().digest; });
    if (!found.empty() && same) return found.front();
    if (tag_.empty() && found.empty())
      return fail(Kind::NotFound, "the layout has nothing with a tag");
    const std::string what = tag_.empty() ? "which one is not said" : "none is " + quoted(tag_);
    return fail(tag_.empty() ? Kind::Invalid : Kind::NotFound,
                "the layout has " + (known.empty() ? "nothing with a tag" : join(known, ", ")) +
                    ", and " + what);
  }

  CopyContext context_;
  OpenArchive open_;
  oci::Index index_;
  std::string tag_;
};

// A docker-archive without a manifest in it: one is made, as a load would make it.
class DockerSource : public CopySource {
 public:
  DockerSource(const CopyContext& context, OpenArchive open, PlannedImage image)
      : context_(context), open_(std::move(open)), image_(std::move(image)) {}

  Result<> make_manifest() {
    oci::Manifest manifest;
    manifest.media_type = std::string(oci::kManifestType);
    manifest.config.media_type = std::string(oci::kConfigType);
    manifest.config.digest = codec::sha256(image_.config_text);
    manifest.config.size = image_.config_text.size();
    for (const PlannedLayer& layer : image_.layers)
      manifest.layers.push_back(TRY(measure(layer.path), "layer " + quoted(layer.path)));
    raw_.text = oci::print_manifest(manifest);
    raw_.media_type = manifest.media_type;
    raw_.digest = codec::sha256(raw_.text);
    return {};
  }

  Result<RawManifest> named() override { return raw_; }
  Result<RawManifest> document(const oci::Descriptor& descriptor) override {
    return fail(Kind::NotFound, "the archive has no manifest " + descriptor.digest.text());
  }
  Result<std::string> config(const oci::Descriptor&) override { return image_.config_text; }
  Result<std::vector<oci::Descriptor>> referrers(const Digest&) override {
    return std::vector<oci::Descriptor>();
  }
  Result<sys::Fd> open(const oci::Descriptor& descriptor) override {
    if (const auto path = paths_.find(descriptor.digest); path != paths_.end())
      return file_of(context_, *open_.archive, path->second);
    sys::Fd text = TRY(sys::make_memfd("tare-config"));
    TRY(sys::write_all(text.get(), image_.config_text));
    if (::lseek(text.get(), 0, SEEK_SET) != 0) return fail_errno("rewind a config");
    return text;
  }
  std::string note() const override {
    return "the archive has no manifest, so one was made, with the digest " + raw_.digest.text();
  }

 private:
  Result<oci::Descriptor> measure(const std::string& path) {
    oci::Descriptor layer;
    const auto look = [&](const std::string&, codec::Source& content) -> Result<> {
      PeekSource peeked(content);
      const std::string_view first = TRY(peeked.peek());
      layer.media_type = layer_type(codec::detect_compression(first));
      codec::HashingSource hashing(peeked);
      struct : codec::Sink {
        Result<> write(std::string_view) override { return {}; }
      } nothing;
      layer.size = TRY(codec::copy(hashing, nothing));
      layer.digest = hashing.digest();
      return {};
    };
    TRY(open_.archive->read({path}, look));
    paths_[layer.digest] = path;
    return layer;
  }

  CopyContext context_;
  OpenArchive open_;
  PlannedImage image_;
  RawManifest raw_;
  std::map<Digest, std::string> paths_;
};

// The image by itself; with all that its name stands for elsewhere, its attestations, too.
class StoreSource : public CopySource {
 public:
  StoreSource(const store::Store& store, AttestedDocuments documents, bool all, sys::Fd lock)
      : store_(store), documents_(std::move(documents)), all_(all), lock_(std::move(lock)) {}

  Result<RawManifest> named() override {
    return all_ && !documents_.index.text.empty() ? documents_.index : documents_.image;
  }
  Result<RawManifest> document(const oci::Descriptor& descriptor) override {
    for (const RawManifest* each : {&documents_.image, &documents_.attestations})
      if (each->digest == descriptor.digest) return *each;
    return fail(Kind::NotFound, "the store has no manifest " + descriptor.digest.text());
  }
  Result<std::string> config(const oci::Descriptor& descriptor) override {
    return store_.load_blob(descriptor.digest);
  }
  Result<std::vector<oci::Descriptor>> referrers(const Digest& digest) override {
    std::vector<oci::Descriptor> all;
    if (digest == documents_.image.digest && !documents_.index.text.empty())
      all.push_back(documents_.attestations_descriptor);
    return all;
  }
  Result<sys::Fd> open(const oci::Descriptor& descriptor) override {
    return open_present_file(store_, descriptor.digest);
  }

 private:
  const store::Store& store_;
  AttestedDocuments documents_;
  bool all_;
  sys::Fd lock_;  // Nobody removes blobs meanwhile.
};

Result<std::unique_ptr<CopySource>> store_source(const CopyContext& context,
                                                 const std::string& name) {
  sys::Fd lock = TRY(context.store.lock(store::Store::kBlobsLock, sys::Lock::Shared));
  const Image image = TRY(context.images.find(name));
  AttestedDocuments documents = TRY(attested_documents(context.store, image));
  return std::make_unique<StoreSource>(context.store, std::move(documents), context.all,
                                       std::move(lock));
}

// The one with that name, or the only one.
Result<PlannedImage> choose_docker(const Archive& archive, const std::string& name) {
  std::vector<PlannedImage> images = TRY(plan_docker(archive));
  std::vector<std::string> known;
  const auto wanted = Reference::parse(name);
  for (PlannedImage& image : images)
    for (const std::string& other : image.names) {
      if (wanted && other == wanted->text()) return std::move(image);
      known.push_back(escaped(other));
    }
  if (name.empty() && images.size() == 1) return std::move(images.front());
  return fail(name.empty() ? Kind::Invalid : Kind::NotFound,
              "the archive has " + join(known, ", ") + ", and " +
                  (name.empty() ? "which one is not said" : "none is " + quoted(name)));
}

}  // namespace

std::string layer_type(codec::Compression compression) {
  std::string plain(oci::kLayerType);
  switch (compression) {
    case codec::Compression::None:
      return plain;
    case codec::Compression::Gzip:
      return plain + "+gzip";
    case codec::Compression::Zstd:
      return plain + "+zstd";
    case codec::Compression::Xz:
      return plain + "+xz";
    case codec::Compression::Bzip2:
      return plain + "+bzip2";
  }
  return plain;
}

Result<std::unique_ptr<CopySource>> local_source(const CopyContext& context,
                                                 const Location& location) {
  if (location.type == Location::Type::Store) return store_source(context, location.place);
  const bool is_directory = location.type == Location::Type::Layout;
  OpenArchive open =
      TRY(is_directory ? open_layout(location.place) : open_tar(context, location.place));
  if (location.type == Location::Type::DockerArchive && !open.archive->has("index.json")) {
    PlannedImage image = TRY(choose_docker(*open.archive, location.tag));
    auto source = std::make_unique<DockerSource>(context, std::move(open), std::move(image));
    TRY(source->make_manifest());
    return source;
  }
  if (!open.archive->has("oci-layout"))
    return fail(Kind::Invalid, quoted(location.place) +
                                   " has no file oci-layout in it, so it is "
                                   "not an image layout");
  const std::string version = TRY(open.archive->document("oci-layout"));
  TRY(oci::check_layout(version), "oci-layout");
  const std::string text = TRY(open.archive->document("index.json"));
  oci::Document document = TRY(oci::parse_document(text, ""), "index.json");
  auto* index = std::get_if<oci::Index>(&document);
  if (index == nullptr) return fail(Kind::Invalid, "index.json is a manifest and not an index");
  return std::make_unique<LayoutSource>(context, std::move(open), std::move(*index), location.tag);
}

}  // namespace tare::image
