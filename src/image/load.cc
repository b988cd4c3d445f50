// SPDX-License-Identifier: Apache-2.0
// Loading: the stream is decompressed into a spool file, once, and its tar listed meanwhile; the
// list says what it is. So a pipe is as good as a file, and the members of an archive may come in
// any order.
#include <fcntl.h>
#include <sys/stat.h>
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
  int file = -1;  // The uncompressed tar.
};

// An uncompressed tar in a file is read where it is.
Result<bool> is_plain_file(int file) {
  struct stat info{};
  if (file < 0 || ::fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) return false;
  if (::lseek(file, 0, SEEK_CUR) != 0) return false;
  char block[kTarBlock];
  const ssize_t count = ::pread(file, block, sizeof block, 0);
  return count == static_cast<ssize_t>(sizeof block) && is_tar_block({block, sizeof block});
}

// The tar of `source`, listed. What cannot be read twice is written, uncompressed, to a file of the
// scratch directory, which `spool` keeps open.
Result<Spooled> spool_tar(codec::Source& source, int file, const Intake& intake, sys::Fd& spool,
                          const Progress& progress) {
  if (TRY(is_plain_file(file))) {
    store::FileSource direct(file);
    return Spooled{.archive = TRY(TarArchive::scan(direct, file), "read the archive"),
                   .file = file};
  }
  spool = TRY(sys::open_at(intake.scratch(), "spool", O_RDWR | O_CREAT | O_EXCL, 0400));
  PeekSource raw(source);
  const std::string_view first = TRY(raw.peek());
  if (first.empty()) return std::unexpected(not_an_image(first, false));
  const bool compressed = codec::detect_compression(first) != codec::Compression::None;
  ToldSource told(raw, progress);
  std::unique_ptr<codec::Source> plain;
  if (compressed) plain = TRY(intake.decompress(told));
  store::RoomSource bounded(compressed ? *plain : told, intake.store());
  PeekSource peeked(bounded);
  const std::string_view block = TRY(peeked.peek(), "decompress the input");
  if (!is_tar_block(block)) return std::unexpected(not_an_image(block, compressed));
  store::FileSink sink(spool.get());
  store::TeeSource tee(peeked, sink);
  return Spooled{.archive = TRY(TarArchive::scan(tee, spool.get()), "read the archive"),
                 .file = spool.get()};
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

constexpr const char* kRootFileSystem = "root file system";

// Takes the whole tar as the one layer of an image.
Result<PlannedImage> stage_root_file_system(Intake& intake, const Spooled& spooled,
                                            oci::ImageConfig config) {
  TRY(check_root_file_system(spooled.archive));
  if (::lseek(spooled.file, 0, SEEK_SET) != 0) return fail_errno("rewind the archive");
  store::FileSource source(spooled.file);
  TRY(intake.stage_tar(kRootFileSystem, source, kRootFileSystem));
  PlannedImage image;
  if (config.architecture.empty()) config.architecture = oci::host_architecture();
  if (config.os.empty()) config.os = "linux";
  config.diff_ids = {intake.layer(kRootFileSystem).facts.diff_id};
  image.config_text = oci::print_image_config(config);
  image.config = std::move(config);
  PlannedLayer layer;
  layer.path = kRootFileSystem;
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
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      PlannedLayer layer = image.layers[i];
      layer.diff_id = image.config.diff_ids[i];
      wanted.emplace(layer.path, std::move(layer));
    }
  std::set<std::string> paths;
  for (const auto& [path, layer] : wanted) {
    const bool known = TRY(intake.stage_known(path, layer), "layer " + quoted(path));
    if (!known) paths.insert(path);
  }
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
  intake.tell(progress);
  if (request.directory >= 0)
    return take_archive(intake, DirectoryArchive(request.directory), request, progress);
  sys::Fd spool;
  const Spooled spooled = TRY(spool_tar(*request.source, request.file, intake, spool, progress));
  if (is_image_archive(spooled.archive))
    return take_archive(intake, spooled.archive, request, progress);
  // Dated by its newest file: the same archive is the same image, whenever it is loaded.
  oci::ImageConfig config;
  config.created = spooled.archive.newest();
  config.history.push_back({.created = config.created, .created_by = "tare load"});
  PlannedImage image = TRY(stage_root_file_system(intake, spooled, std::move(config)));
  TRY(add_name(image, request.name));
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
  intake.tell(progress);
  sys::Fd spool;
  const Spooled spooled = TRY(spool_tar(*request.source, request.file, intake, spool, progress));
  if (is_image_archive(spooled.archive))
    return std::unexpected(
        Error(Kind::Invalid, "the input is an image archive and not the tar of a root file system")
            .hint("use tare load"));
  PlannedImage image = TRY(stage_root_file_system(intake, spooled, std::move(config)));
  TRY(add_name(image, request.name));
  TRY(intake.add(std::move(image)));
  std::vector<Image> images = TRY(intake.commit(request.unpack_for, progress));
  return std::move(images.front());
}

}  // namespace tare::image
