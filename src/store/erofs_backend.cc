// SPDX-License-Identifier: Apache-2.0
#include "store/erofs_backend.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/failpoint.h"
#include "base/text.h"
#include "codec/sha256.h"
#include "store/erofs_writer.h"
#include "store/overlay_mount.h"
#include "store/streams.h"
#include "sys/files.h"
#include "sys/loop.h"
#include "sys/mounts.h"
#include "sys/verity.h"

namespace tare::store {
namespace {

constexpr const char* kRoom = "rootfs/erofs";

std::string image_name(const Digest& image) { return image.hex() + ".erofs"; }
std::string seals_name(const Digest& image) { return image.hex() + ".seals"; }
std::string image_path(const Digest& image) { return std::string(kRoom) + "/" + image_name(image); }
std::string pack_name(const Digest& layer) { return "layers/" + layer.hex() + ".pack"; }

// Writes in large pieces what comes in small ones.
class BufferedSink : public codec::Sink {
 public:
  explicit BufferedSink(codec::Sink& inner) : inner_(inner) {}
  Result<> write(std::string_view bytes) override {
    buffer_ += bytes;
    return buffer_.size() < kEnough ? Result<>() : flush();
  }
  Result<> finish() override { return flush(); }

 private:
  static constexpr std::size_t kEnough = 256 << 10;
  Result<> flush() {
    TRY(inner_.write(buffer_));
    buffer_.clear();
    return {};
  }
  codec::Sink& inner_;
  std::string buffer_;
};

struct NullSink : codec::Sink {
  Result<> write(std::string_view) override { return {}; }
};

Result<> write_tree(const ImageTree& image, codec::Sink& sink) {
  ErofsRequest request{.tree = &image.tree, .devices = {}, .device_of = {}, .uuid = {}};
  std::string all;
  for (std::size_t i = 0; i < image.packs.size(); ++i) {
    request.devices.push_back({.layer = image.packs[i], .bytes = image.pack_bytes[i]});
    all += image.packs[i].hex();
  }
  request.uuid = raw_digest(codec::sha256(all));
  request.device_of = [&](const MergedTree::Inode& inode) {
    return static_cast<std::uint16_t>(image.pack_of(inode) + 1);
  };
  BufferedSink buffered(sink);
  TRY(write_erofs(request, buffered));
  return buffered.finish();
}

std::string fd_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

struct stat stat_of(int fd) {
  struct stat info{};
  (void)::fstat(fd, &info);
  return info;
}

}  // namespace

Result<> ErofsBackend::write_image(const Digest& image, const ImageTree& tree) {
  Store::Scratch scratch = TRY(store_.make_scratch());
  sys::Fd file = TRY(sys::open_at(scratch.dir.get(), "image", O_WRONLY | O_CREAT | O_EXCL, 0400));
  failpoint("unpack.scratch");
  FileSink sink(file.get());
  TRY(write_tree(tree, sink), "write its file system");
  const bool later = store_.syncs_later();
  if (!later && ::fsync(file.get()) != 0) return fail_errno("write its file system to disk");
  TRY(file.close());
  store_.protect(scratch.dir.get(), "image");
  failpoint("unpack.written");
  if (::renameat(scratch.dir.get(), "image", store_.dir(), image_path(image).c_str()) != 0)
    return fail_errno("name the result");
  failpoint("unpack.named");
  const sys::Fd room = TRY(sys::open_at(store_.dir(), kRoom, O_RDONLY | O_DIRECTORY));
  if (!later && ::fsync(room.get()) != 0) return fail_errno("write to disk");
  // What was just made is right; of a pack that was there before this is not known, unless it has
  // not changed since it was made: then the first mount reads it.
  const Files files = TRY(open_files(image));
  Seals seals;
  const auto seal = [&](const std::string& name, int sealed) {
    seals.add(name, stat_of(sealed), sys::verity_digest(sealed));
  };
  seal(image_name(image), files.image.get());
  for (std::size_t i = 0; i < files.packs.size(); ++i)
    if (is_pack_sealed(store_, files.layers[i], files.packs[i].get()))
      seal(pack_name(files.layers[i]), files.packs[i].get());
  return sys::replace_file(room.get(), seals_name(image), seals.print(), sys::Durability::Lazy);
}

Result<> ErofsBackend::prepare(const Digest& image, const std::vector<Layer>& layers,
                               const sys::IdMap& /*ids*/, const Progress& progress) {
  if (::faccessat(store_.dir(), image_path(image).c_str(), F_OK, 0) == 0) return {};
  const std::string what = "unpack image " + image.short_hex();
  TRY(ensure_layers(store_, layers, Contents::Packs, progress), what);
  auto tree = TRY(share_image_tree(store_, layers), what);
  if (tree->has_objects) {
    TRY(retake_layers(store_, layers, Contents::Packs), what);
    tree = TRY(share_image_tree(store_, layers), what);
  }
  TRY(write_image(image, *tree), what);
  return {};
}

Result<ErofsBackend::Files> ErofsBackend::open_files(const Digest& image) const {
  Files files;
  auto opened = sys::open_at(store_.dir(), image_path(image), O_RDONLY | O_NOFOLLOW);
  if (!opened && opened.error().kind() == Kind::NotFound)
    return fail(Kind::NotFound, "image " + image.short_hex() + " is not unpacked here");
  files.image = TRY(std::move(opened));
  files.layers = TRY(erofs_devices(files.image.get()), "image " + image.short_hex());
  for (const Digest& layer : files.layers) files.packs.push_back(TRY(open_pack(store_, layer)));
  return files;
}

Result<> ErofsBackend::verify_pack(const Digest& layer) const {
  TRY(verify_contents(store_, layer));
  (void)seal_pack(store_, layer);  // For other images; else they read it, too.
  return {};
}

// SECURITY: nobody sees a file of an image that is not what came with it.
Result<> ErofsBackend::check_seals(const Digest& image, const std::vector<Layer>& layers,
                                   const Files& files) {
  const std::string seals_path = std::string(kRoom) + "/" + seals_name(image);
  const Seals known =
      Seals::parse(sys::load_file(store_.dir(), seals_path, 1 << 20).value_or(std::string()));
  Seals now;
  bool changed = false;
  const auto check = [&](const std::string& name, int file, const auto& verify) -> Result<> {
    const bool holds = known.holds(name, stat_of(file), sys::verity_digest(file));
    if (!holds) store_.protect(file);
    // Before its bytes are read: what is changed meanwhile breaks the seal.
    now.add(name, stat_of(file), sys::verity_digest(file));
    if (holds) return {};
    changed = true;
    return verify();
  };
  TRY(check(image_name(image), files.image.get(), [&] { return verify(image, layers); }));
  for (std::size_t i = 0; i < files.packs.size(); ++i)
    TRY(check(pack_name(files.layers[i]), files.packs[i].get(),
              [&] { return verify_pack(files.layers[i]); }),
        "layer " + files.layers[i].text());
  if (!changed) return {};
  // On a full disk, say, the next mount reads everything again.
  const sys::Fd room = TRY(sys::open_at(store_.dir(), kRoom, O_RDONLY | O_DIRECTORY));
  (void)sys::replace_file(room.get(), seals_name(image), now.print(), sys::Durability::Lazy);
  return {};
}

// The image is what its layers' indexes make of it, byte for byte.
Result<> ErofsBackend::verify(const Digest& image, const std::vector<Layer>& layers) {
  if (::faccessat(store_.dir(), image_path(image).c_str(), F_OK, 0) != 0) return {};  // Not made.
  const ImageTree tree = TRY(load_image_tree(store_, layers));
  NullSink nowhere;
  codec::HashingSink wanted(nowhere);
  TRY(write_tree(tree, wanted));
  const sys::Fd file = TRY(sys::open_at(store_.dir(), image_path(image), O_RDONLY | O_NOFOLLOW));
  FileSource source(file.get());
  codec::HashingSink found(nowhere);
  TRY(codec::copy(source, found));
  if (wanted.digest() == found.digest()) return {};
  return fail(Kind::Corrupt,
              "the root file system of image " + image.short_hex() + " was changed on disk");
}

Result<sys::Fd> ErofsBackend::mount_image(const Files& files) const {
  std::vector<sys::LoopDevice> loops;
  const auto path_of = [&](int file) -> Result<std::string> {
    if (source_ == Source::File) return fd_path(file);
    loops.push_back(TRY(sys::make_loop_device(file)));
    return loops.back().path;
  };
  std::string source = TRY(path_of(files.image.get()));
  std::vector<sys::FsOption> options = {{.key = "source", .value = std::move(source)},
                                        {.key = "ro"}};
  for (const sys::Fd& pack : files.packs) {
    std::string path = TRY(path_of(pack.get()));
    options.push_back({.key = "device", .value = std::move(path)});
  }
  // The kernel remembers the names; a container reads them in its mountinfo. They say nothing.
  return sys::mount_filesystem("erofs", options, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
}

Result<sys::Fd> ErofsBackend::mount(const Digest& image, const std::vector<Layer>& layers,
                                    const sys::IdMap& ids, int container_dir, bool read_only) {
  const Files files = TRY(open_files(image));
  if (auto sealed = check_seals(image, layers, files); !sealed)
    return std::unexpected(
        std::move(sealed).error().hint("tare fsck says what is damaged; --repair mends it"));
  sys::Fd lower = TRY(mount_image(files), "root file system");
  const sys::Fd root = TRY(sys::open_at(lower.get(), ".", O_PATH | O_DIRECTORY));
  const struct stat info = stat_of(root.get());
  TRY(show_ids(lower.get(), ids), "root file system");
  if (read_only) return lower;
  return mount_overlay({.lower = lower.get(),
                        .uid = info.st_uid,
                        .gid = info.st_gid,
                        .mode = info.st_mode,
                        .ids = &ids,
                        .container_dir = container_dir,
                        .is_volatile = store_.syncs_later()});
}

Result<> ErofsBackend::remove(const Digest& image) {
  TRY(store_.discard(image_path(image), Store::Removal::InBackground));
  return store_.discard(std::string(kRoom) + "/" + seals_name(image));
}

Result<std::vector<Digest>> ErofsBackend::prepared() const {
  std::vector<Digest> images;
  for (const std::string& name : TRY(sys::list_directory(store_.dir(), kRoom))) {
    if (!name.ends_with(".erofs")) continue;
    auto digest = Digest::parse("sha256:" + name.substr(0, name.find('.')));
    if (digest) images.push_back(std::move(*digest));
  }
  return images;
}

Result<std::uint64_t> ErofsBackend::disk_usage(const Digest& image) const {
  if (::faccessat(store_.dir(), image_path(image).c_str(), F_OK, 0) != 0) return 0;
  return sys::disk_usage(store_.dir(), image_path(image));
}

Result<> ErofsBackend::try_it() {
  Store::Scratch scratch = TRY(store_.make_scratch());
  Files files;
  files.layers.push_back(codec::sha256("probe"));
  files.packs.push_back(
      TRY(sys::open_at(scratch.dir.get(), "pack", O_RDWR | O_CREAT | O_EXCL, 0400)));
  TRY(sys::write_all(files.packs[0].get(), std::string(kPackAlign, 'x')));
  IndexWriter writer;
  IndexEntry entry{.mode = 0644, .size = 1, .content = {.pack = 0}};
  entry.path = "probe";
  TRY(writer.add(entry));
  const std::string text = TRY(writer.finish({.pack_bytes = kPackAlign}, {}, {}));
  const LayerIndex index = TRY(LayerIndex::parse(text));
  ImageTree image;
  image.packs = files.layers;
  image.pack_bytes = {kPackAlign};
  image.used = {{0}};
  TRY(image.tree.apply(index));
  files.image = TRY(sys::open_at(scratch.dir.get(), "image", O_RDWR | O_CREAT | O_EXCL, 0400));
  FileSink sink(files.image.get());
  TRY(write_tree(image, sink));
  const sys::Fd mount = TRY(mount_image(files));
  TRY(show_ids(mount.get(), [] {
    sys::IdMap ids;
    ids.ranges.push_back({.inside = 0, .outside = 100000, .count = kIds});
    return ids;
  }()));
  const std::string read = TRY(sys::load_file(mount.get(), "probe"));
  if (read != "x") return fail(Kind::Unsupported, "EROFS shows other bytes than it was given");
  return {};
}

}  // namespace tare::store
