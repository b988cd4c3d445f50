// SPDX-License-Identifier: Apache-2.0
#include "image/intake.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "codec/compress.h"
#include "codec/sha256.h"
#include "image/absent.h"
#include "image/sniff.h"
#include "image/step_records.h"
#include "store/damage.h"
#include "store/decompressor.h"
#include "store/streams.h"
#include "sys/files.h"

namespace tare::image {
namespace {

// [image-spec 1.1 layer.md, media types; xz has none, but Docker reads it]
std::string media_type_of(int file) {
  char first[6] = {};
  const ssize_t count = ::pread(file, first, sizeof first, 0);
  const std::string_view bytes(first, count > 0 ? static_cast<std::size_t>(count) : 0);
  std::string plain(oci::kLayerType);
  switch (codec::detect_compression(bytes)) {
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

Result<> check_content(const PlannedLayer& expected, std::uint64_t bytes, const Digest& digest) {
  if (expected.size != store::Store::kAnySize && bytes != expected.size)
    return fail(Kind::Corrupt, "it has " + std::to_string(bytes) + " bytes, but " +
                                   std::to_string(expected.size) + " were announced");
  if (!expected.digest.empty() && digest != expected.digest)
    return fail(Kind::Corrupt, "it has the content of " + digest.text() + ", but " +
                                   expected.digest.text() + " was announced");
  return {};
}

std::string manifest_for(const Digest& config, std::size_t config_bytes,
                         const std::vector<StagedLayer>& layers,
                         const std::map<std::string, std::string>& annotations) {
  oci::Manifest manifest;
  manifest.annotations = annotations;
  manifest.media_type = std::string(oci::kManifestType);
  manifest.config.media_type = std::string(oci::kConfigType);
  manifest.config.digest = config;
  manifest.config.size = config_bytes;
  for (const StagedLayer& layer : layers) {
    oci::Descriptor descriptor;
    descriptor.media_type = layer.media_type;
    descriptor.digest = layer.blob;
    descriptor.size = layer.blob_bytes;
    manifest.layers.push_back(std::move(descriptor));
  }
  return oci::print_manifest(manifest);
}

}  // namespace

Result<Intake> Intake::start(store::Store& store, store::RootfsBackend& rootfs) {
  store::Store::Scratch scratch = TRY(store.make_scratch());
  return Intake(store, rootfs, std::move(scratch));
}

Result<std::unique_ptr<codec::Source>> Intake::decompress(codec::Source& compressed) const {
  if (::mkdirat(scratch(), "empty", 0700) != 0 && errno != EEXIST)
    return fail_errno("make a directory");
  const sys::Fd empty = TRY(sys::open_at(scratch(), "empty", O_RDONLY | O_DIRECTORY));
  return TRY(
      store::DecompressedSource::start(compressed, store_->program("tare-inflate"), empty.get()));
}

Result<> Intake::hold_blobs() {
  if (blobs_lock_.get() < 0)
    blobs_lock_ = TRY(store_->lock(store::Store::kBlobsLock, sys::Lock::Shared));
  return {};
}

// Taken apart into a new directory. A layer whose contents are shared must not go meanwhile.
Result<Intake::Staged> Intake::take_apart(store::LayerInput input) {
  TRY(hold_blobs());
  input.max_bytes = std::min(input.max_bytes, store_->room());
  Staged staged;
  staged.place = "layer-" + std::to_string(places_++);
  if (::mkdirat(scratch(), staged.place.c_str(), 0700) != 0) return fail_errno("make a directory");
  const sys::Fd place = TRY(sys::open_at(scratch(), staged.place, O_RDONLY | O_DIRECTORY));
  const store::Progress told = [this](std::uint64_t done, std::uint64_t total) {
    if (progress_) progress_("unpacking layer " + std::to_string(places_), done, total);
  };
  store::LayerInput alone = input;
  // What is damaged is not shared, and what replaces it stands by itself.
  alone.share = store::list_damaged(*store_).empty();
  staged.layer.facts =
      TRY(store::import_layer(*store_, place.get(), alone, rootfs_->contents(), told));
  store_->take_room(staged.layer.facts.bytes);
  return staged;
}

Result<> Intake::stage_tar(const std::string& key, codec::Source& content, const std::string& what,
                           const std::vector<Digest>& like) {
  Staged staged = TRY(take_apart({.tar = &content, .like = like}), what);
  staged.layer.blob = staged.layer.facts.diff_id;
  staged.layer.blob_bytes = staged.layer.facts.bytes;
  staged.layer.media_type = std::string(oci::kLayerType);
  layers_.emplace(key, std::move(staged));
  return {};
}

Result<bool> Intake::stage_known(const std::string& key, const PlannedLayer& expected) {
  if (layers_.contains(key)) return true;
  if (expected.diff_id.empty()) return false;
  TRY(hold_blobs());
  if (!store::has_layer(*store_, expected.diff_id) ||
      store::is_damaged(*store_, expected.diff_id) || store::is_damaged(*store_, expected.digest))
    return false;
  Staged staged;
  const bool plain = expected.digest.empty() || expected.digest == expected.diff_id;
  if (!plain) {
    // Compressed: that these bytes are that layer was seen when an image with them came in.
    if (!store_->has_blob(expected.digest) ||
        !TRY(has_pair(*store_, expected.digest, expected.diff_id)))
      return false;
    const sys::Fd file = TRY(store_->open_blob(expected.digest));
    staged.layer.media_type = media_type_of(file.get());
    staged.layer.blob_bytes = TRY(store_->blob_size(expected.digest));
  }
  const store::IndexSummary summary = TRY(store::load_layer(*store_, expected.diff_id)).summary();
  staged.layer.blob = plain ? expected.diff_id : expected.digest;
  if (plain) {
    staged.layer.blob_bytes = summary.tar_bytes;
    staged.layer.media_type = std::string(oci::kLayerType);
  }
  staged.layer.facts = {.diff_id = expected.diff_id,
                        .bytes = summary.tar_bytes,
                        .content_bytes = summary.content_bytes,
                        .newest = summary.newest};
  TRY(check_content({.path = {}, .digest = {}, .size = expected.size, .diff_id = {}},
                    staged.layer.blob_bytes, staged.layer.blob));
  layers_.emplace(key, std::move(staged));
  return true;
}

// The compressed bytes are kept as they came, and hashed before anybody decompresses them.
Result<> Intake::stage_compressed(Staged& staged, codec::Source& content,
                                  const PlannedLayer& expected) {
  const std::string name = "blob-" + std::to_string(places_);
  const sys::Fd file = TRY(sys::open_at(scratch(), name, O_RDWR | O_CREAT | O_EXCL, 0400));
  store::FileSink sink(file.get());
  codec::HashingSink hashing(sink);
  store::LimitedSource limited(content, expected.size);
  store::RoomSource bounded(limited, *store_);
  TRY(codec::copy(bounded, hashing));
  const std::uint64_t bytes = hashing.bytes();
  const Digest digest = hashing.digest();
  TRY(check_content(expected, bytes, digest));
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno("rewind a layer");
  const std::string media_type = media_type_of(file.get());
  staged = TRY(take_apart({.blob = file.get()}));
  staged.blob = name;
  staged.layer.blob = digest;
  staged.layer.blob_bytes = bytes;
  staged.layer.media_type = media_type;
  return {};
}

Result<> Intake::stage(const std::string& key, codec::Source& content, const PlannedLayer& expected,
                       const std::string& what) {
  if (layers_.contains(key)) return {};
  PeekSource peeked(content);
  const std::string_view first = TRY(peeked.peek(), what);
  if (codec::detect_compression(first) == codec::Compression::None) {
    store::LimitedSource limited(peeked, expected.size);
    TRY(stage_tar(key, limited, what));
    const StagedLayer& layer = layers_.at(key).layer;
    TRY(check_content(expected, layer.blob_bytes, layer.blob), what);
    return {};
  }
  Staged staged;
  TRY(stage_compressed(staged, peeked, expected), what);
  layers_.emplace(key, std::move(staged));
  return {};
}

Result<> Intake::stage_file(const std::string& key, int dir, const std::string& name,
                            const PlannedLayer& expected, const std::string& what) {
  if (layers_.contains(key)) return {};
  const std::string blob = "blob-" + std::to_string(places_);
  if (::linkat(dir, name.c_str(), scratch(), blob.c_str(), 0) != 0)
    return fail_errno("take over " + what);
  const sys::Fd file = TRY(sys::open_at(scratch(), blob, O_RDONLY | O_NOFOLLOW));
  if (::fchmod(file.get(), 0400) != 0) return fail_errno("fchmod");
  const std::string media_type = media_type_of(file.get());
  if (media_type == oci::kLayerType) {  // Its tar is all there is to keep.
    store::FileSource source(file.get());
    TRY(stage(key, source, expected, what));
    (void)::unlinkat(scratch(), blob.c_str(), 0);
    return {};
  }
  Staged staged = TRY(take_apart({.blob = file.get()}), what);
  staged.blob = blob;
  staged.layer.blob = expected.digest;
  staged.layer.blob_bytes = expected.size;
  staged.layer.media_type = media_type;
  layers_.emplace(key, std::move(staged));
  return {};
}

Result<> Intake::stage_parts(const std::string& key, codec::Source& compressed,
                             const PlannedLayer& expected) {
  const auto tar = TRY(decompress(compressed));
  Staged staged = TRY(take_apart({.tar = tar.get()}));
  if (staged.layer.facts.diff_id != expected.diff_id)
    return fail(Kind::Corrupt, "its parts make the uncompressed digest " +
                                   staged.layer.facts.diff_id.text() +
                                   ", but the image's config says " + expected.diff_id.text());
  staged.layer.blob = expected.digest;
  staged.layer.blob_bytes = expected.size;
  staged.layer.media_type = std::string(oci::kLayerType) + "+zstd";
  staged.layer.partial = true;
  layers_.emplace(key, std::move(staged));
  return {};
}

Result<bool> Intake::stage_known_parts(const std::string& key, const PlannedLayer& expected) {
  if (layers_.contains(key)) return true;
  TRY(hold_blobs());
  if (!is_here_in_parts(*store_, expected)) return false;
  const store::IndexSummary summary = TRY(store::load_layer(*store_, expected.diff_id)).summary();
  Staged staged;
  staged.layer = {.blob = expected.digest,
                  .blob_bytes = expected.size,
                  .media_type = std::string(oci::kLayerType) + "+zstd",
                  .facts = {.diff_id = expected.diff_id,
                            .bytes = summary.tar_bytes,
                            .content_bytes = summary.content_bytes,
                            .newest = summary.newest},
                  .partial = true};
  layers_.emplace(key, std::move(staged));
  return true;
}

Result<> Intake::stage_known(const std::string& key, const Digest& blob, const std::string& what) {
  if (layers_.contains(key)) return {};
  if (!store_->has_blob(blob)) {  // It came uncompressed.
    PlannedLayer plain;
    plain.diff_id = blob;
    if (TRY(stage_known(key, plain), what)) return {};
    return fail(Kind::NotFound, what + " was removed meanwhile");
  }
  const sys::Fd file = TRY(store_->open_blob(blob), what);
  const auto facts = TRY(known_layer(*store_, blob));
  Staged staged;
  if (facts && store::has_layer(*store_, facts->diff_id) &&
      !store::is_damaged(*store_, facts->diff_id))
    staged.layer.facts = *facts;
  else
    staged = TRY(take_apart({.blob = file.get()}), what);
  staged.layer.blob = blob;
  staged.layer.blob_bytes = TRY(store_->blob_size(blob));
  staged.layer.media_type = media_type_of(file.get());
  layers_.emplace(key, std::move(staged));
  return {};
}

Result<> Intake::add(PlannedImage image) {
  Ready ready;
  ready.record.id = codec::sha256(image.config_text);
  ready.record.loaded_at = now_ns();
  ready.record.from = image.from;
  std::vector<StagedLayer> layers;
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const StagedLayer& staged = layer(image.layers[i].path);
    const Digest& promised = image.config.diff_ids[i];
    if (staged.facts.diff_id != promised)
      return fail(Kind::Corrupt, "layer " + quoted(image.layers[i].path) +
                                     " has the uncompressed digest " + staged.facts.diff_id.text() +
                                     ", but the image's config says " + promised.text());
    layers.push_back(staged);
    ready.record.layers.push_back({.layer = {.blob = staged.blob, .diff_id = promised},
                                   .size = staged.facts.content_bytes,
                                   .partial = staged.partial});
  }
  if (image.manifest_text.empty())
    image.manifest_text =
        manifest_for(ready.record.id, image.config_text.size(), layers, image.annotations);
  ready.record.manifest = codec::sha256(image.manifest_text);
  if (!image.attested.manifest_text.empty())
    ready.record.attestations = codec::sha256(image.attested.manifest_text);
  for (const std::string& blob : image.attested.blobs)
    ready.record.statements.push_back(codec::sha256(blob));
  ready.plan = std::move(image);
  images_.push_back(std::move(ready));
  return {};
}

// Damaged layers for which others are there now.
Result<std::set<Digest>> Intake::prepare_replacements() {
  std::set<Digest> replaced;
  for (const auto& [key, staged] : layers_) {
    const Digest& diff_id = staged.layer.facts.diff_id;
    if (staged.place.empty() || !store::is_damaged(*store_, diff_id)) continue;
    const sys::Fd place = TRY(sys::open_at(scratch(), staged.place, O_RDONLY | O_DIRECTORY));
    TRY(store::keep_shared_contents(*store_, place.get(), diff_id));
    replaced.insert(diff_id);
  }
  return replaced;
}

Result<> Intake::store_blobs() {
  const std::set<Digest> replaced = TRY(prepare_replacements());
  const bool later = store_->syncs_later() && images_.empty();
  if (!later && ::syncfs(scratch()) != 0) return fail_errno("write to disk");
  TRY(remove_roots_of(*store_, *rootfs_, replaced));
  for (const auto& [key, staged] : layers_) {
    if (!staged.blob.empty()) TRY(store_->adopt_blob(scratch(), staged.blob, staged.layer.blob));
    if (staged.place.empty()) continue;
    const sys::Fd place = TRY(sys::open_at(scratch(), staged.place, O_RDONLY | O_DIRECTORY));
    const Digest& diff_id = staged.layer.facts.diff_id;
    TRY(store::adopt_layer(
        *store_, place.get(), diff_id,
        replaced.contains(diff_id) ? store::Adoption::Replace : store::Adoption::KeepOld,
        later ? sys::Durability::Lazy : sys::Durability::Synced));
  }
  for (const Ready& ready : images_) {
    TRY(store_->put_blob(ready.plan.config_text));
    TRY(store_->put_blob(ready.plan.manifest_text));
    if (!ready.plan.attested.manifest_text.empty())
      TRY(store_->put_blob(ready.plan.attested.manifest_text));
    for (const std::string& blob : ready.plan.attested.blobs) TRY(store_->put_blob(blob));
    std::vector<Digest> documents = ready.record.statements;
    documents.insert(documents.end(), {ready.record.id, ready.record.manifest});
    if (!ready.record.attestations.empty()) documents.push_back(ready.record.attestations);
    for (const Digest& digest : documents) store::unmark_damaged(*store_, digest);
  }
  for (const auto& [key, staged] : layers_)
    for (const Digest& digest : {staged.layer.blob, staged.layer.facts.diff_id})
      store::unmark_damaged(*store_, digest);
  return {};
}

Result<> Intake::unpack(const sys::IdMap& ids, const Progress& progress) {
  for (const Ready& ready : images_) {
    std::vector<store::Layer> layers;
    for (const RecordLayer& layer : ready.record.layers) layers.push_back(layer.layer);
    const store::Progress told = [&](std::uint64_t done, std::uint64_t total) {
      if (progress) progress("unpacking", done, total);
    };
    TRY(rootfs_->prepare(ready.record.id, layers, ids, told));
  }
  return {};
}

Result<> Intake::write_records() {
  const sys::Fd lock = TRY(store_->lock(store::Store::kImagesLock));
  for (Ready& ready : images_) {
    // What was pulled once can be had there again, also when it is loaded now.
    if (const auto before = load_record(*store_, ready.record.id)) {
      if (ready.record.from.empty()) ready.record.from = before->from;
      // What was attested of exactly this stays, until something else is.
      if (ready.record.attestations.empty() && before->manifest == ready.record.manifest) {
        ready.record.attestations = before->attestations;
        ready.record.statements = before->statements;
      }
    }
    TRY(write_record(*store_, ready.record));
  }
  for (const Step& step : steps_) TRY(write_step(*store_, step));
  for (const Ready& ready : images_)
    for (const std::string& name : ready.plan.names)
      TRY(write_name(*store_, name, ready.record.id));
  return {};
}

Result<std::vector<Image>> Intake::commit(const sys::IdMap* unpack_for, const Progress& progress) {
  const auto all = [&]() -> Result<> {
    TRY(hold_blobs());
    TRY(want_sweep(*store_));
    TRY(store_blobs());
    if (unpack_for != nullptr) TRY(unpack(*unpack_for, progress));
    return write_records();
  };
  auto done = all();
  blobs_lock_.reset();
  if (!done) {
    (void)sweep(*store_, *rootfs_);
    return std::unexpected(std::move(done).error());
  }
  // Blobs that this replaced, and those of whoever was killed here before.
  TRY(sweep_or_later(*store_, *rootfs_));
  // With the names that they got here: whoever loads an archive is told what was in it.
  std::vector<Image> images;
  for (const Ready& ready : images_)
    images.push_back(TRY(assemble(*store_, ready.record, ready.plan.names)));
  return images;
}

}  // namespace tare::image
