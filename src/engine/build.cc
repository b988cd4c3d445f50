// SPDX-License-Identifier: Apache-2.0
#include "engine/build.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>
#include <utility>

#include "build/remote_tree.h"
#include "codec/sha256.h"
#include "engine/attest.h"
#include "engine/attest_export.h"
#include "engine/build_history.h"
#include "engine/build_secrets.h"
#include "engine/build_workshop.h"
#include "image/sniff.h"
#include "image/step_records.h"
#include "oci/manifest.h"
#include "store/decompressor.h"
#include "store/image_tree.h"
#include "store/merged_tar.h"
#include "store/streams.h"
#include "store/upper_tar.h"
#include "sys/files.h"
#include "sys/memory.h"
#include "sys/mounts.h"

namespace tare::engine {
namespace {

constexpr std::uint64_t kMostInMemory = 24 << 20;  // Bytes of contents of a step.
constexpr std::uint64_t kMostNames = 400'000;
constexpr std::uint64_t kBytesOfName = 2560;  // Of the kernel, with those of the overlay.
constexpr std::uint64_t kShare = 4;           // Of the memory that is free.

bool has_room(const build::Workshop::Change::Extent& extent) {
  if (extent.bytes > kMostInMemory * 2 / 3 || extent.names > kMostNames) return false;
  // Contents may be compressed.
  const std::uint64_t contents = extent.bytes == 0 ? 0 : kMostInMemory;
  return contents + extent.names * kBytesOfName <= sys::free_memory() / kShare;
}

// Where a step's files are before they are in a layer: making and removing thousands of them takes
// many times as long on most disks.
Result<sys::Fd> mount_memory(std::uint64_t names) {
  constexpr std::uint64_t kMoreNames = 64 << 10;  // Directories, and those of archives.
  const std::vector<sys::FsOption> options = {
      {.key = "size", .value = std::to_string(kMostInMemory)},
      {.key = "nr_inodes", .value = std::to_string(names + kMoreNames)},
      {.key = "mode", .value = "0700"}};
  sys::Fd mount = TRY(sys::mount_filesystem("tmpfs", options, 0));
  // Before Linux 6.6 it has no extended attributes of users, and an overlay over it loses them.
  const sys::Fd root = TRY(sys::open_at(mount.get(), ".", O_RDONLY | O_DIRECTORY));
  if (::fsetxattr(root.get(), "user.probe", "1", 1, 0) != 0 ||
      ::fremovexattr(root.get(), "user.probe") != 0)
    return fail_errno("set an extended attribute in memory");
  return mount;
}

// Without a name: its bytes are free again as soon as it is closed.
Result<sys::Fd> make_layer_file(const store::Store& store) {
  return sys::open_at(store.dir(), "tmp", O_TMPFILE | O_RDWR, 0600);
}

// From the indexes, which are read when it is asked first.
build::LinkLookup links_of(const store::Store& store, std::vector<store::Layer> layers) {
  const auto tree = std::make_shared<std::optional<store::ImageTree>>();
  return
      [&store, layers = std::move(layers), tree](const std::string& path) -> Result<std::uint64_t> {
        if (!*tree) *tree = TRY(store::load_image_tree(store, layers));
        const std::size_t slash = path.rfind('/');
        const auto dir =
            TRY((*tree)->tree.find(slash == std::string::npos ? "" : path.substr(0, slash)));
        const auto& names = (*tree)->tree.inode(dir).children();
        const auto found = names.find(slash == std::string::npos ? path : path.substr(slash + 1));
        if (found == names.end()) return fail(Kind::Corrupt, quoted(path) + " is in no layer");
        const auto id = found->second.inode;
        return (*tree)->tree.inode(id).names > 1 ? std::uint64_t{id} + 1 : 0;
      };
}

oci::Platform platform_of(const oci::ImageConfig& config) {
  return {.os = config.os, .architecture = config.architecture, .variant = config.variant};
}

build::StepLayer layer_of(const image::Step& step) {
  return {.diff_id = step.diff_id,
          .size = step.size,
          .materials = step.materials,
          .is_sealed = step.is_sealed,
          .is_foreign = step.is_foreign};
}

}  // namespace

Result<image::Image> BuildWorkshop::find_image(const std::string& name, const std::string& platform,
                                               bool always) {
  if (name.starts_with(build::kLayoutContext)) return find_in_layout(name, platform);
  std::string others;  // The platform of the one that is here, and of no use.
  if (!always) {
    auto here = state_.images.find(name);
    const std::string its = here ? platform_of(here->config).text() : "";
    if (here && (platform.empty() || its == platform || its.starts_with(platform + "/")))
      return here;
    others = its;
    if (!here && here.error().kind() != Kind::NotFound) return here;
    // By its digest it is known also when nothing has its name any more.
    const auto reference = image::Reference::parse(name);
    if (!here && reference && !reference->digest.empty())
      for (image::Image& image : TRY(state_.images.list()))
        if (image.manifest == reference->digest) return std::move(image);
  }
  image::Images::PullWish wish{.reference = name, .platform = platform};
  auto tried = engine_.pull(std::move(wish), progress_);
  if (!tried && !others.empty())
    return std::unexpected(
        std::move(tried).error().wrap("the image " + quoted(name) + " that is here is for " +
                                      others + ", and one for " + platform + " cannot be got"));
  auto pulled = TRY(std::move(tried));
  if (pulled.empty()) return fail(Kind::NotFound, "no image " + quoted(name) + " was pulled");
  return std::move(pulled.front().image);
}

Result<std::optional<build::StepLayer>> BuildWorkshop::find_step(const Digest& key) {
  const auto step = TRY(steps_.find(key));
  if (step) return layer_of(*step);
  if (const auto taken = find_elsewhere(key)) return layer_of(*taken);
  return std::nullopt;
}

Result<> BuildWorkshop::begin_work() {
  if (unsynced_) return {};
  has_worked_ = true;
  unsynced_.emplace(TRY(store::Unsynced::begin(state_.store)));
  // A step's own files are many, and go while the next ones are made.
  state_.store.remove_later(true);
  state_.store.keep_trees(std::make_shared<store::TreeMemo>());
  return {};
}

BuildWorkshop::~BuildWorkshop() {
  directories_.clear();
  forget_layouts();
  state_.store.keep_trees(nullptr);
  (void)steps_.remove(passing_);
  hold_.reset();
  if (!has_worked_) return;
  // The file systems of steps go with the sweep: no image has them.
  (void)steps_.sweep();
  state_.store.remove_later(false);
  state_.store.empty_trash_in_background(0);
}

Result<image::Image> BuildWorkshop::make_image(
    oci::ImageConfig config, const build::Files& files, const std::vector<std::string>& names,
    const std::map<std::string, std::string>& annotations) {
  // After steps that were done everything is waited for; else there may be nothing to write.
  const bool may_be_there = !unsynced_;
  if (unsynced_) unsynced_->pause();
  image::Image image =
      TRY(steps_.make_image(std::move(config), files.layers, names, annotations, may_be_there));
  // The image is on the disk, and with it all that was made before.
  if (unsynced_) TRY(unsynced_->end(store::Unsynced::Disk::HasIt));
  unsynced_.reset();
  std::erase_if(layouts_, [&](const auto& layout) { return layout.second == image.id; });
  return image;
}

Result<sys::Fd> BuildWorkshop::attach_files(const build::Files& files, const sys::IdMap& ids,
                                            int scratch, bool read_only) {
  TRY(begin_work());
  TRY(state_.rootfs.prepare(files.id, files.layers, ids, {}), "unpack the files");
  return TRY(state_.rootfs.mount(files.id, files.layers, ids, scratch, read_only),
             "mount the files");
}

Result<build::View> BuildWorkshop::look(const build::Files& files) {
  build::View view{.ids = TRY(first_map()), .links = links_of(state_.store, files.layers)};
  view.root = TRY(attach_files(files, view.ids, -1, true));
  return view;
}

Result<build::StepLayer> BuildWorkshop::keep(const Change& change, int container, int root,
                                             const sys::IdMap& ids, std::vector<std::string> places,
                                             bool same_times, const store::LentContents* lent) {
  const sys::Fd tar = TRY(make_layer_file(state_.store));
  const sys::Fd upper = TRY(sys::open_at(container, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const BuildBound::Hold hold(bound_);
  store::FileSink file(tar.get());
  BoundSink bounded(file, bound_);
  store::BufferedSink sink(bounded);
  const std::uint64_t entries = TRY(store::write_upper_tar(state_.store,
                                                           {.upper = upper.get(),
                                                            .merged = root,
                                                            .ids = &ids,
                                                            .below = change.files.layers,
                                                            .places = std::move(places),
                                                            .newest = change.time,
                                                            .same_times = same_times,
                                                            .lent = lent},
                                                           sink));
  TRY(sink.flush());
  if (::lseek(tar.get(), 0, SEEK_SET) != 0) return fail_errno("rewind a layer");
  store::FileSource source(tar.get());
  if (!keeps_steps_) TRY(forget_later(change.key));
  const bool may_leak = request_ != nullptr && !request_->secrets.empty();
  // Killed before secrets were looked for in it, it is no step.
  if (may_leak) TRY(unsynced_->forget_with_us(change.key));
  std::vector<Digest> like;
  if (!change.like.empty())
    if (const auto earlier = image::load_step(state_.store, change.like);
        earlier && !earlier->diff_id.empty())
      like.push_back(earlier->diff_id);
  const image::Step step = TRY(steps_.add({.key = change.key,
                                           .what = change.what,
                                           .materials = change.materials,
                                           .is_sealed = change.is_sealed},
                                          entries == 0 ? nullptr : &source, like));
  if (may_leak && !step.diff_id.empty())
    if (auto found = image::find_secrets(state_.store, step.diff_id, request_->secrets); !found) {
      (void)steps_.remove({change.key});
      return std::unexpected(std::move(found).error().wrap("look for secrets"));
    }
  return layer_of(step);
}

Result<> BuildWorkshop::forget_later(const Digest& key) {
  TRY(begin_work());
  passing_.push_back(key);
  return unsynced_->forget_with_us(key);
}

Result<build::StepLayer> BuildWorkshop::merge(const Merge& merge) {
  if (const auto found = TRY(find_step(merge.key))) return *found;
  TRY(begin_work());
  const sys::Fd tar = TRY(make_layer_file(state_.store));
  const BuildBound::Hold hold(bound_);
  store::FileSink file(tar.get());
  BoundSink sink(file, bound_);
  const std::uint64_t entries = TRY(
      store::write_merged_tar(state_.store, {.below = merge.below, .layers = merge.layers}, sink));
  if (::lseek(tar.get(), 0, SEEK_SET) != 0) return fail_errno("rewind a layer");
  store::FileSource source(tar.get());
  std::vector<Digest> like;
  for (const store::Layer& each : merge.layers) like.push_back(each.diff_id);
  return layer_of(TRY(steps_.add({.key = merge.key, .what = merge.what, .materials = {}},
                                 entries == 0 ? nullptr : &source, like)));
}

Result<build::StepLayer> BuildWorkshop::change_in(
    int place, const Change& change, const std::function<Result<>(const build::Target&)>& work) {
  const sys::IdMap ids = TRY(first_map());
  const sys::Fd root = TRY(attach_files(change.files, ids, place, false));
  store::LentContents lent;
  TRY(work({.root = root.get(), .ids = &ids, .lent = &lent}));
  return keep(change, place, root.get(), ids, {}, true, &lent);
}

Result<build::StepLayer> BuildWorkshop::change(
    const Change& change, const std::function<Result<>(const build::Target&)>& work) {
  if (change.extent && has_room(*change.extent))
    if (const auto memory = mount_memory(change.extent->names)) {
      auto made = change_in(memory->get(), change, work);
      const int why = made ? 0 : made.error().errnum();
      // Too much for it, or this kernel has no overlays over it: then on the disk.
      if (why != ENOSPC && why != EINVAL) return made;
    }
  const store::Store::Scratch scratch = TRY(state_.store.make_scratch());
  const BuildBound::Hold hold(bound_);
  return change_in(scratch.dir.get(), change, work);
}

namespace {

// A tar in a file, decompressed by a confined process if need be.
class Archive : public codec::Source {
 public:
  Archive(sys::Fd plain, BuildBound& bound)
      : file_(std::move(plain)),
        source_(file_.get()),
        bounded_(source_, bound),
        peeked_(bounded_) {}
  Archive(store::Decompressor process, BuildBound& bound)
      : process_(std::move(process)),
        source_(process_->output()),
        bounded_(source_, bound),
        peeked_(bounded_) {}

  Result<bool> is_tar() { return image::is_tar_block(TRY(peeked_.peek())); }
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    const std::size_t count = TRY(peeked_.read(buffer, size));
    if (count == 0 && size > 0 && process_ && !std::exchange(ended_, true)) TRY(process_->finish());
    return count;
  }

 private:
  sys::Fd file_;
  std::optional<store::Decompressor> process_;
  store::FileSource source_;
  BoundSource bounded_;
  image::PeekSource peeked_;
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<codec::Source>> BuildWorkshop::open_archive(int file) {
  auto opened = TRY(open_plain(file));
  auto& archive = static_cast<Archive&>(*opened);
  // What cannot be decompressed is no archive, but a file as any other.
  const auto is_tar = archive.is_tar();
  if (!is_tar && is_tar.error().kind() == Kind::Unavailable) return std::unexpected(is_tar.error());
  if (!is_tar || !*is_tar) return nullptr;
  return opened;
}

Result<std::unique_ptr<codec::Source>> BuildWorkshop::open_plain(int file) {
  std::unique_ptr<codec::Source> archive;
  if (store::compression_of(file) == codec::Compression::None) {
    sys::Fd own(::fcntl(file, F_DUPFD_CLOEXEC, 3));
    if (!own) return fail_errno("duplicate a descriptor");
    archive = std::make_unique<Archive>(std::move(own), bound_);
  } else {
    const std::string place = TRY(make_directory());
    const sys::Fd empty = TRY(sys::open_path(place, O_RDONLY | O_DIRECTORY));
    store::Decompressor process =
        TRY(store::Decompressor::start({.input = file,
                                        .empty_dir = empty.get(),
                                        .program = state_.store.program("tare-inflate")}));
    archive = std::make_unique<Archive>(std::move(process), bound_);
  }
  return archive;
}

Result<std::string> BuildWorkshop::make_directory() {
  directories_.push_back(TRY(state_.store.make_scratch()));
  const store::Store::Scratch& scratch = directories_.back();
  if (::mkdirat(scratch.dir.get(), "files", 0755) != 0) return fail_errno("make a directory");
  return state_.store.path() + "/" + scratch.name + "/files";
}

std::string BuildWorkshop::load_note(const std::string& name) {
  return sys::load_file(state_.store.dir(), "cache/build-" + name).value_or("");
}

void BuildWorkshop::save_note(const std::string& name, std::string_view text) {
  if (::mkdirat(state_.store.dir(), "cache", 0700) != 0 && errno != EEXIST) return;
  if (const auto dir = sys::open_at(state_.store.dir(), "cache", O_RDONLY | O_DIRECTORY))
    (void)sys::replace_file(dir->get(), "build-" + name, text, sys::Durability::Lazy);
}

namespace {

Result<build::Built> build_and_attest(BuildWorkshop& workshop, Engine& engine,
                                      const build::BuildRequest& request, SecretListener& listener,
                                      const BuildExport& exports, const BuildCaches& caches) {
  build::Built built = TRY(build::build(workshop, request, listener));
  if (request.at_line) return built;
  AttestedFiles attested =
      TRY(attest_files(BuildWorkshop::store_of(engine), request, built, exports), "attestations");
  TRY(workshop.export_files(built.files, exports, attested), "write the output");
  std::ranges::move(attested.notes, std::back_inserter(built.notes));
  TRY(workshop.write_caches(built, caches, request.secrets));
  if (request.is_check) return built;
  store::Store& store = BuildWorkshop::store_of(engine);
  const auto add = [&](std::vector<std::string> more) {
    std::ranges::move(more, std::back_inserter(built.notes));
  };
  add(listener.notes());
  if (built.image.id.empty()) {
    add(TRY(find_secrets_in_steps(store, request.secrets, built), "look for secrets"));
    return built;
  }
  // Also without secrets: what an earlier build has found in a layer is in this image, too.
  if (!request.secrets.empty() || ::faccessat(store.dir(), "leaks", F_OK, 0) == 0) {
    const std::vector<image::Image> images = TRY(engine.images().list());
    add(TRY(mark_secrets(store, images, request.secrets, built), "look for secrets"));
  }
  add(TRY(attest_build(store, request, built), "attestations"));
  return built;
}

}  // namespace

Result<build::Built> build_image(Engine& engine, const build::BuildRequest& request,
                                 build::Reporter& reporter, const image::TransferProgress& progress,
                                 const BuildExport& exports, const BuildCaches& caches,
                                 const BuildShell& shell) {
  BuildWorkshop workshop(engine, progress);
  workshop.use(shell);
  workshop.use(request);
  TRY(workshop.begin());
  workshop.open_caches(caches);
  BuildJournal journal(BuildWorkshop::store_of(engine), request, reporter);
  SecretListener listener(journal, request.secrets);
  auto built = build_and_attest(workshop, engine, request, listener, exports, caches);
  if (!request.at_line && !request.is_check) journal.keep(built, !listener.notes().empty());
  return built;
}

Result<std::vector<image::Step>> build_cache(Engine& engine) {
  return image::Steps(BuildWorkshop::store_of(engine), BuildWorkshop::rootfs_of(engine)).list();
}

Result<std::vector<image::Step>> prune_build_cache(Engine& engine, const PruneSteps& wish) {
  image::Steps steps(BuildWorkshop::store_of(engine), BuildWorkshop::rootfs_of(engine));
  std::vector<image::Step> gone = TRY(steps.list());
  std::set<Digest> kept;
  std::uint64_t bytes = 0;
  // From the last used: a layer that several have counts once.
  while (!gone.empty()) {
    const image::Step& step = gone.back();
    const bool is_recent = wish.keep_since != 0 && step.last_used >= wish.keep_since;
    if (!kept.contains(step.diff_id)) bytes += step.size;
    if (!is_recent && (wish.keep_bytes == 0 || bytes > wish.keep_bytes)) break;
    kept.insert(step.diff_id);
    gone.pop_back();
  }
  if (wish.dry_run) return gone;
  std::vector<Digest> keys;
  for (const image::Step& step : gone) keys.push_back(step.key);
  TRY(steps.remove(keys));
  TRY(steps.sweep());
  return gone;
}

}  // namespace tare::engine
