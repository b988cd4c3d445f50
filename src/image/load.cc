// SPDX-License-Identifier: Apache-2.0
// Loading: the stream is decompressed into a spool file, once, and its tar listed meanwhile; the
// list says what it is. So a pipe is as good as a file, and the members of an archive may come in
// any order.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "codec/compress.h"
#include "codec/sha256.h"
#include "image/changes.h"
#include "image/intake.h"
#include "image/sniff.h"
#include "store/streams.h"

namespace tare::image {
namespace {

constexpr std::uint64_t kMaxArchiveBytes = 1ull << 40;  // Uncompressed.
constexpr std::uint64_t kTellEvery = 4 << 20;

// Tells how far the reading is.
class ToldSource : public codec::Source {
 public:
  ToldSource(codec::Source& inner, const Progress& progress) : inner_(inner), progress_(progress) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    const std::size_t count = TRY(inner_.read(buffer, size));
    bytes_ += count;
    if (progress_ && bytes_ >= told_ + kTellEvery) {
      told_ = bytes_;
      progress_("reading", bytes_, 0);
    }
    return count;
  }

 private:
  codec::Source& inner_;
  const Progress& progress_;
  std::uint64_t bytes_ = 0;
  std::uint64_t told_ = 0;
};

struct Spooled {
  TarArchive archive;
  store::LayerFacts facts;  // If it is a root file system.
};

// Fills the file `spool` with the uncompressed tar.
Result<Spooled> spool_tar(codec::Source& source, int spool, const Progress& progress) {
  PeekSource raw(source);
  const std::string_view first = TRY(raw.peek());
  if (first.empty()) return std::unexpected(not_an_image(first, false));
  ToldSource told(raw, progress);
  const codec::Decompressed plain = TRY(codec::decompress_detected(told, kMaxArchiveBytes));
  PeekSource peeked(*plain.source);
  const std::string_view block = TRY(peeked.peek(), "decompress the input");
  if (!is_tar_block(block))
    return std::unexpected(not_an_image(block, plain.format != codec::Compression::None));
  store::FileSink sink(spool);
  store::TeeSource tee(peeked, sink);
  codec::HashingSource hashing(tee);
  Spooled spooled{.archive = TRY(TarArchive::scan(hashing, spool), "read the archive"),
                  .facts = {}};
  spooled.facts.bytes = hashing.bytes();
  spooled.facts.diff_id = hashing.digest();
  spooled.facts.content_bytes = spooled.archive.content_bytes();
  spooled.facts.newest = spooled.archive.newest();
  return spooled;
}

Result<std::vector<PlannedImage>> plan_archive(const Archive& archive) {
  if (archive.has("oci-layout") && archive.has("index.json")) {
    std::vector<PlannedImage> images = TRY(plan_oci(archive));
    if (archive.has("manifest.json")) TRY(add_docker_names(archive, images));
    return images;
  }
  if (!archive.has("manifest.json"))
    return std::unexpected(
        Error(Kind::Invalid,
              "there is no image: neither an OCI layout (oci-layout and "
              "index.json) nor manifest.json of docker save")
            .hint("a directory with a root file system: tar -C DIR -c . | tare import - NAME"));
  return plan_docker(archive);
}

bool is_image_archive(const TarArchive& archive) {
  if (archive.has("oci-layout") && archive.has("index.json")) return true;
  const auto manifest = archive.document("manifest.json");
  if (!manifest) return false;
  const auto value = json::parse(*manifest);
  if (!value) return true;  // A damaged one: the parser says how.
  if (!value->is_array() || value->as_array().empty()) return archive.has("repositories");
  const json::Value& first = value->as_array().front();
  return first.find("Config") != nullptr && first.find("Layers") != nullptr;
}

Result<> check_root_file_system(const TarArchive& archive) {
  if (archive.entries() == 0) return fail(Kind::Invalid, "the archive has no files in it");
  if (archive.has("repositories") && !archive.has("etc/passwd"))
    return std::unexpected(
        Error(Kind::Unsupported, "the archive is of a Docker before 1.10 (it has no manifest.json)")
            .hint("load it with a newer Docker and save it again"));
  const std::string dir = archive.wrapping_directory();
  if (!dir.empty())
    return std::unexpected(
        Error(Kind::Invalid, "the archive holds a directory " + quoted(dir) +
                                 " with an image in it, and not the image itself")
            .hint("pack it again from inside: tar -C " + dir + " -c . | tare load"));
  return {};
}

PlannedImage plan_root_file_system(const store::LayerFacts& facts, oci::ImageConfig config) {
  PlannedImage image;
  if (config.architecture.empty()) config.architecture = oci::host_architecture();
  if (config.os.empty()) config.os = "linux";
  config.diff_ids = {facts.diff_id};
  image.config_text = oci::print_image_config(config);
  image.config = std::move(config);
  PlannedLayer layer;
  layer.path = "root file system";
  image.layers.push_back(std::move(layer));
  return image;
}

Result<> add_name(PlannedImage& image, const std::string& name) {
  if (name.empty()) return {};
  const Reference reference = TRY(Reference::parse(name));
  if (!reference.digest.empty())
    return fail(Kind::Invalid, "a name with a digest cannot be given: " + quoted(name));
  image.names.push_back(reference.text());
  return {};
}

// Stages the layers of all images, each file once.
Result<> stage_layers(Intake& intake, const Archive& archive,
                      const std::vector<PlannedImage>& images, const Progress& progress) {
  std::map<std::string, PlannedLayer> wanted;
  for (const PlannedImage& image : images)
    for (const PlannedLayer& layer : image.layers) wanted.emplace(layer.path, layer);
  std::set<std::string> paths;
  for (const auto& [path, layer] : wanted) paths.insert(path);
  std::size_t count = 0;
  return archive.read(paths, [&](const std::string& path, codec::Source& content) {
    if (progress) progress("checking layers", count++, paths.size());
    return intake.stage(path, content, wanted.at(path), "layer " + quoted(path));
  });
}

Result<std::vector<Image>> take_archive(Intake& intake, const Archive& archive,
                                        const Images::LoadRequest& request,
                                        const Progress& progress) {
  std::vector<PlannedImage> images = TRY(plan_archive(archive));
  for (const PlannedImage& image : images)
    TRY(check_platform(image.config,
                       image.names.empty() ? "the image" : "image " + image.names.front()));
  if (images.size() == 1) TRY(add_name(images.front(), request.name));
  TRY(stage_layers(intake, archive, images, progress));
  for (PlannedImage& image : images) TRY(intake.add(std::move(image)));
  return intake.commit(request.unpack_for, progress);
}

}  // namespace

Result<std::vector<Image>> Images::load(const LoadRequest& request, const Progress& progress) {
  Intake intake = TRY(Intake::start(store_, rootfs_));
  if (request.directory >= 0)
    return take_archive(intake, DirectoryArchive(request.directory), request, progress);
  const sys::Fd spool =
      TRY(sys::open_at(intake.scratch(), "spool", O_RDWR | O_CREAT | O_EXCL, 0400));
  const Spooled spooled = TRY(spool_tar(*request.source, spool.get(), progress));
  if (is_image_archive(spooled.archive))
    return take_archive(intake, spooled.archive, request, progress);
  TRY(check_root_file_system(spooled.archive));
  // Dated by its newest file: the same archive is the same image, whenever it is loaded.
  oci::ImageConfig config;
  config.created = spooled.facts.newest;
  config.history.push_back({.created = config.created, .created_by = "tare load"});
  PlannedImage image = plan_root_file_system(spooled.facts, std::move(config));
  TRY(add_name(image, request.name));
  TRY(intake.adopt(image.layers.front().path, "spool", spooled.facts));
  TRY(intake.add(std::move(image)));
  return intake.commit(request.unpack_for, progress);
}

Result<Image> Images::import(const ImportRequest& request, const Progress& progress) {
  oci::ImageConfig config;
  if (request.config) {
    config = *request.config;
  } else {
    TRY(apply_changes(config, request.changes));
  }
  if (config.created == 0) config.created = request.created;
  if (config.history.empty())
    config.history.push_back(
        {.created = config.created, .created_by = "tare import", .comment = request.message});
  Intake intake = TRY(Intake::start(store_, rootfs_));
  const sys::Fd spool =
      TRY(sys::open_at(intake.scratch(), "spool", O_RDWR | O_CREAT | O_EXCL, 0400));
  const Spooled spooled = TRY(spool_tar(*request.source, spool.get(), progress));
  if (is_image_archive(spooled.archive))
    return std::unexpected(
        Error(Kind::Invalid, "the input is an image archive and not the tar of a root file system")
            .hint("use tare load"));
  TRY(check_root_file_system(spooled.archive));
  PlannedImage image = plan_root_file_system(spooled.facts, std::move(config));
  TRY(add_name(image, request.name));
  TRY(intake.adopt(image.layers.front().path, "spool", spooled.facts));
  TRY(intake.add(std::move(image)));
  std::vector<Image> images = TRY(intake.commit(request.unpack_for, progress));
  return std::move(images.front());
}

}  // namespace tare::image
