// SPDX-License-Identifier: Apache-2.0
#include "image/intake.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "codec/compress.h"
#include "codec/sha256.h"
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
                         const std::vector<StagedLayer>& layers) {
  oci::Manifest manifest;
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
  if (::mkdirat(scratch.dir.get(), "empty", 0700) != 0) return fail_errno("make a directory");
  return Intake(store, rootfs, std::move(scratch));
}

Result<> Intake::stage(const std::string& key, codec::Source& content, const PlannedLayer& expected,
                       const std::string& what) {
  if (layers_.contains(key)) return {};
  Staged staged;
  staged.file = "layer-" + std::to_string(layers_.size());
  const sys::Fd file = TRY(sys::open_at(scratch(), staged.file, O_RDWR | O_CREAT | O_EXCL, 0400));
  store::FileSink sink(file.get());
  codec::HashingSink hashing(sink);
  store::LimitedSource limited(content, expected.size);
  TRY(codec::copy(limited, hashing), what);
  staged.layer.blob_bytes = hashing.bytes();
  staged.layer.blob = hashing.digest();
  TRY(check_content(expected, staged.layer.blob_bytes, staged.layer.blob), what);
  return measure(key, file.get(), std::move(staged), what);
}

Result<> Intake::measure(const std::string& key, int file, Staged staged, const std::string& what) {
  staged.layer.media_type = media_type_of(file);
  if (::lseek(file, 0, SEEK_SET) != 0) return fail_errno("rewind a layer");
  const sys::Fd empty = TRY(sys::open_at(scratch(), "empty", O_RDONLY | O_DIRECTORY));
  staged.layer.facts = TRY(store::measure_layer(file, empty.get()), what);
  layers_.emplace(key, std::move(staged));
  return {};
}

Result<> Intake::stage_file(const std::string& key, int dir, const std::string& name,
                            const PlannedLayer& expected, const std::string& what) {
  if (layers_.contains(key)) return {};
  Staged staged;
  staged.file = "layer-" + std::to_string(layers_.size());
  if (::linkat(dir, name.c_str(), scratch(), staged.file.c_str(), 0) != 0)
    return fail_errno("take over " + what);
  const sys::Fd file = TRY(sys::open_at(scratch(), staged.file, O_RDONLY | O_NOFOLLOW));
  if (::fchmod(file.get(), 0400) != 0) return fail_errno("fchmod");
  staged.layer.blob = expected.digest;
  staged.layer.blob_bytes = expected.size;
  return measure(key, file.get(), std::move(staged), what);
}

Result<> Intake::stage_known(const std::string& key, const Digest& blob, const std::string& what) {
  if (layers_.contains(key)) return {};
  Staged staged;
  staged.layer.blob = blob;
  staged.layer.blob_bytes = TRY(store_->blob_size(blob));
  const sys::Fd file = TRY(store_->open_blob(blob));
  const auto facts = TRY(known_layer(*store_, blob));
  if (!facts) return measure(key, file.get(), std::move(staged), what);
  staged.layer.media_type = media_type_of(file.get());
  staged.layer.facts = *facts;
  layers_.emplace(key, std::move(staged));
  return {};
}

Result<> Intake::adopt(const std::string& key, const std::string& file, store::LayerFacts facts) {
  Staged staged;
  staged.file = file;
  staged.layer.blob = facts.diff_id;
  staged.layer.blob_bytes = facts.bytes;
  staged.layer.media_type = std::string(oci::kLayerType);
  staged.layer.facts = std::move(facts);
  layers_.emplace(key, std::move(staged));
  return {};
}

Result<> Intake::add(PlannedImage image) {
  Ready ready;
  ready.record.id = codec::sha256(image.config_text);
  ready.record.loaded_at = now_ns();
  std::vector<StagedLayer> layers;
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const StagedLayer& staged = layer(image.layers[i].path);
    const Digest& promised = image.config.diff_ids[i];
    if (staged.facts.diff_id != promised)
      return fail(Kind::Corrupt, "layer " + quoted(image.layers[i].path) +
                                     " has the uncompressed digest " + staged.facts.diff_id.text() +
                                     ", but the image's config says " + promised.text());
    layers.push_back(staged);
    ready.record.layers.push_back(
        {.layer = {.blob = staged.blob, .diff_id = promised}, .size = staged.facts.content_bytes});
  }
  if (image.manifest_text.empty())
    image.manifest_text = manifest_for(ready.record.id, image.config_text.size(), layers);
  ready.record.manifest = codec::sha256(image.manifest_text);
  ready.plan = std::move(image);
  images_.push_back(std::move(ready));
  return {};
}

Result<> Intake::store_blobs() {
  if (::syncfs(scratch()) != 0) return fail_errno("write to disk");
  for (const auto& [key, staged] : layers_)
    if (!staged.file.empty()) TRY(store_->adopt_blob(scratch(), staged.file, staged.layer.blob));
  for (const Ready& ready : images_) {
    TRY(store_->put_blob(ready.plan.config_text));
    TRY(store_->put_blob(ready.plan.manifest_text));
  }
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
  for (const Ready& ready : images_) TRY(write_record(*store_, ready.record));
  for (const Ready& ready : images_)
    for (const std::string& name : ready.plan.names)
      TRY(write_name(*store_, name, ready.record.id));
  return {};
}

Result<std::vector<Image>> Intake::commit(const sys::IdMap* unpack_for, const Progress& progress) {
  const auto all = [&]() -> Result<> {
    const sys::Fd lock = TRY(store_->lock(store::Store::kBlobsLock, sys::Lock::Shared));
    TRY(want_sweep(*store_));
    TRY(store_blobs());
    if (unpack_for != nullptr) TRY(unpack(*unpack_for, progress));
    return write_records();
  };
  if (auto done = all(); !done) {
    (void)sweep(*store_, *rootfs_);
    return std::unexpected(std::move(done).error());
  }
  // Blobs that this replaced, and those of whoever was killed here before.
  TRY(sweep(*store_, *rootfs_));
  // With the names that they got here: whoever loads an archive is told what was in it.
  std::vector<Image> images;
  for (const Ready& ready : images_)
    images.push_back(TRY(assemble(*store_, ready.record, ready.plan.names)));
  return images;
}

}  // namespace tare::image
