// SPDX-License-Identifier: Apache-2.0
// Opening an engine, and the plain questions: find, list, images.
#include "engine/engine.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "engine/bin.h"
#include "engine/build_cache_mounts.h"
#include "engine/made_up_names.h"
#include "engine/record.h"
#include "engine/resources.h"
#include "engine/root_namespace.h"
#include "engine/state.h"
#include "image/steps.h"
#include "network/home.h"
#include "store/settings.h"
#include "sys/files.h"
#include "sys/mounts.h"

namespace tare::engine {
namespace {

// A descriptor as a stream of bytes.
class FdSource : public codec::Source {
 public:
  // `store` is a directory of the file system that is being written to: what comes is more than was
  // thought when it is nearly full, and ends while removing still works.
  FdSource(int fd, int store) : fd_(fd), store_(store) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    if (read_ >= checked_ + kCheckEvery) TRY(check());
    for (;;) {
      const ssize_t count = ::read(fd_, buffer, size);
      if (count >= 0) {
        read_ += static_cast<std::uint64_t>(count);
        return static_cast<std::size_t>(count);
      }
      if (errno != EINTR) return fail_errno("read the archive");
    }
  }

 private:
  static constexpr std::uint64_t kCheckEvery = 1 << 20;

  Result<> check() {
    constexpr std::uint64_t kMostReserve = 64 << 20;
    checked_ = read_;
    struct statvfs disk{};
    if (::fstatvfs(store_, &disk) != 0) return fail_errno("look at the store's file system");
    const std::uint64_t reserve = std::min(kMostReserve, disk.f_blocks * disk.f_frsize / 100);
    if (disk.f_bavail * disk.f_frsize > reserve) return {};
    return std::unexpected(Error(Kind::Unavailable, "the store's file system is full but for the " +
                                                        human_size(reserve) +
                                                        " that are kept for removing")
                               .hint("tare df -v shows what takes space"));
  }

  int fd_;
  int store_;
  std::uint64_t read_ = 0;
  std::uint64_t checked_ = 0;
};

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string own_path() {
  std::string path(4096, '\0');
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  path.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return path;
}

}  // namespace

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(const Options& options) {
  const std::string usual = TRY(usual_root());
  std::string root = options.root.empty() ? TRY(configured_root()) : options.root;
  if (root.empty()) root = usual;
  const bool ordinary_user = ::geteuid() != 0;
  if (ordinary_user) TRY(enter_root_namespace(usual), "become root of an own user namespace");
  store::Store opened = TRY(store::Store::open(root), "open the store " + quoted(root));
  TRY(sys::make_directories(root + "/containers", 0700));
  TRY(sys::make_directories(root + "/container-names", 0700));
  auto state = std::make_unique<State>(std::move(opened));
  // Ranges are claimed in one place for all stores of a user, or they would not be unique.
  const bool shared = sys::make_directories(usual + "/ids", 0700).has_value();
  state->id_ranges = IdRanges((shared ? usual : root) + "/ids");
  state->self = options.self.empty() ? own_path() : options.self;
  state->programs = directory_of(state->self);
  state->store.set_programs(state->programs);
  state->namespace_root = ordinary_user;
  image::Steps steps(state->store, state->rootfs);
  const bool had_build = TRY(steps.drop_unsynced(), "after the end of a build before its time");
  state->expire_bin_if_due();
  // Not from an ordinary user's home network, where a keeper runs us. What goes wrong is said by
  // the next start, which needs it.
  if (TRY(network::owns_network()) == sys::in_initial_user_namespace())
    (void)network::wake_service(state->store.dir(), state->programs + "/tare-net");
  auto engine = std::unique_ptr<Engine>(new Engine(std::move(state)));
  if (had_build) {
    (void)engine->list();  // Which takes away the containers of its steps.
    remove_left_caches(*engine, engine->state_->store);
  }
  return engine;
}

image::Images& Engine::images() { return state_->images; }
const std::string& Engine::root() const { return state_->store.path(); }

Result<sys::IdMap> first_map() {
  // Where mounts are id-mapped any map will do; elsewhere the first range is the likeliest.
  if (sys::in_initial_user_namespace())
    return sys::IdMap{{{.inside = 0, .outside = 0x40000000, .count = 65536}}};
  return sys::IdMap{
      {{.inside = 0, .outside = 1, .count = 2047}, {.inside = 65534, .outside = 2048, .count = 1}}};
}

Result<std::vector<image::Image>> Engine::load(int fd, const std::string& directory,
                                               const std::string& name, const Progress& progress) {
  FdSource source(fd, state_->store.dir());
  const sys::IdMap map = TRY(first_map());
  image::Images::LoadRequest request{
      .source = &source, .file = fd, .name = name, .unpack_for = &map};
  sys::Fd layout;
  if (!directory.empty()) {
    layout = TRY(sys::open_path(directory, O_RDONLY | O_DIRECTORY));
    request.directory = layout.get();
  }
  return state_->images.load(request, progress);
}

Result<image::Image> Engine::import(int fd, const std::string& name,
                                    const std::vector<std::string>& changes,
                                    const std::string& message, const Progress& progress) {
  FdSource source(fd, state_->store.dir());
  const sys::IdMap map = TRY(first_map());
  return state_->images.import({.source = &source,
                                .file = fd,
                                .name = name,
                                .changes = changes,
                                .message = message,
                                .created = now_ns(),
                                .unpack_for = &map},
                               progress);
}

Result<> Engine::mount_image(const std::string& image, const std::string& place,
                             const Progress& progress) {
  if (state_->namespace_root)
    return std::unexpected(
        Error(Kind::Denied, "only root can mount an image where others see it")
            .hint("look at it in a container: tare run --rm --network none -v ...; or tare save"));
  const image::Image found = TRY(state_->images.find(image));
  sys::IdMap ids;
  ids.ranges.push_back({.inside = 0, .outside = 0, .count = 65536});
  const auto unpacking = [&](std::uint64_t done, std::uint64_t total) {
    if (progress) progress("unpacking " + found.id.short_hex(), done, total);
  };
  TRY(state_->rootfs.prepare(found.id, found.layers, ids, unpacking));
  const sys::Fd mount = TRY(state_->rootfs.mount(found.id, found.layers, ids, -1, true));
  const sys::Fd target = TRY(sys::open_path(place, O_PATH | O_DIRECTORY));
  TRY(sys::attach_mount(mount.get(), target.get()), "mount at " + quoted(place));
  return {};
}

Result<> Engine::fetch_again(const image::Damage& damage, const image::TransferProgress& progress) {
  const sys::IdMap map = TRY(first_map());
  image::Images::PullWish request{.unpack_for = &map};
  request.options.program = state_->programs + "/tare-transfer";
  TRY(bound_room());
  return state_->images.fetch_again(damage, std::move(request), progress);
}

Result<std::vector<image::Images::Pulled>> Engine::pull(image::Images::PullWish request,
                                                        const image::TransferProgress& progress) {
  const sys::IdMap map = TRY(first_map());
  request.options.program = state_->programs + "/tare-transfer";
  request.unpack_for = &map;
  TRY(bound_room());
  auto pulled = TRY(state_->images.pull(request, progress));
  if (std::ranges::any_of(pulled, &image::Images::Pulled::is_new))
    settle(pulled.front().image.id, progress);
  return pulled;
}

Result<std::vector<image::Images::Pushed>> Engine::push(image::Images::PushRequest request,
                                                        const image::TransferProgress& progress) {
  request.options.program = state_->programs + "/tare-transfer";
  return state_->images.push(request, progress);
}

Result<image::Images::Copied> Engine::copy(image::Images::CopyRequest request,
                                           const image::TransferProgress& progress) {
  const sys::IdMap map = TRY(first_map());
  request.options.program = state_->programs + "/tare-transfer";
  request.unpack_for = &map;
  TRY(bound_room());
  auto copied = TRY(state_->images.copy(request, progress));
  if (request.target.starts_with("store:")) settle(copied.image, progress);
  return copied;
}

Result<std::vector<std::string>> Engine::remove_image(const std::string& name_or_id,
                                                      const RemoveImageRequest& request) {
  const auto undo_time = TRY(store::load_settings(state_->store.dir())).undo_time;
  const bool keep = !request.now && undo_time.count() > 0;
  // Asked while the images are locked, so that no container of the image is made meanwhile.
  auto lines = TRY(state_->images.remove(
      name_or_id,
      {.force = request.force,
       .all_names = request.all_names,
       .keep = keep,
       .batch = removal_batch()},
      [&](const Digest& id) -> std::optional<std::string> {
        const auto containers = list();
        if (!containers) return "(they cannot be listed: " + containers.error().message() + ")";
        for (const Container& container : *containers)
          if (container.image_id == id) return container.name;
        return std::nullopt;
      }));
  if (keep) state_->note_binned();
  return lines;
}

Result<sys::Fd> Engine::State::open_container(const std::string& id) const {
  return sys::open_path(container_path(id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Result<sys::Fd> Engine::State::lock_container(int dir, const std::string& name) const {
  sys::Fd lock = TRY(sys::open_at(dir, "lock", O_RDWR | O_CREAT));
  auto locked = sys::lock_file(lock.get(), sys::Lock::Exclusive, sys::Wait::No);
  if (!locked && locked.error().kind() == Kind::Busy)
    return fail(Kind::Busy,
                "container " + quoted(name) + " is running, or being started or removed");
  TRY(std::move(locked));
  return lock;
}

Result<Container> Engine::find(const std::string& name_or_id) const {
  const std::string& text = name_or_id;
  std::string id;
  std::string target(256, '\0');
  const std::string link = state_->store.path() + "/container-names/" + text;
  if (check_name(text)) {
    const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
    if (size > 0) id = target.substr(0, static_cast<std::size_t>(size));
  }
  const bool hex = text.find_first_not_of("0123456789abcdef") == std::string::npos;
  std::vector<std::string> all;
  if (id.empty()) all = TRY(sys::list_directory(state_->store.dir(), "containers"));
  if (id.empty() && hex && !text.empty())
    for (const std::string& candidate : all) {
      if (!candidate.starts_with(text)) continue;
      if (!id.empty()) return fail(Kind::Invalid, "container id " + quoted(text) + " is ambiguous");
      id = candidate;
    }
  if (id.empty()) {
    Error error(Kind::NotFound, "no such container: " + quoted(text));
    const auto names = sys::list_directory(state_->store.dir(), "container-names");
    const auto near = names ? nearest(text, *names) : std::nullopt;
    return std::unexpected(std::move(error).hint(near ? "did you mean " + quoted(*near) + "?"
                                                      : "tare ps -a lists all containers"));
  }
  auto opened = state_->open_container(id);
  if (!opened && opened.error().kind() == Kind::NotFound)
    state_->recover();  // Only its name is left.
  sys::Fd dir = TRY(std::move(opened), "no such container: " + quoted(text));
  Container container = TRY(load_container(dir.get()), "container " + quoted(text));
  state_->heal(container, dir.get());
  return container;
}

Result<image::Image> Engine::State::image_of(const Container& container) const {
  if (!container.step) return images.find(container.image_id.text());
  return image::Image{.id = container.image_id, .layers = *container.step};
}

Result<std::vector<Container>> Engine::list(std::vector<Error>* problems) const {
  std::vector<Container> containers;
  std::vector<std::string> ids = TRY(sys::list_directory(state_->store.dir(), "containers"));
  // Every container has one name, unless one is being made or removed, or who did it died.
  if (TRY(sys::list_directory(state_->store.dir(), "container-names")).size() != ids.size()) {
    state_->recover();
    ids = TRY(sys::list_directory(state_->store.dir(), "containers"));
  }
  bool has_begun = false;
  for (const std::string& id : ids) {
    auto dir = state_->open_container(id);
    if (!dir) continue;  // Removed meanwhile.
    auto container = load_container(dir->get());
    if (!container) {
      // A directory without a record is one whose creation is under way, or was killed: not a
      // container yet.
      has_begun = has_begun || container.error().kind() == Kind::NotFound;
      if (problems != nullptr && container.error().kind() != Kind::NotFound)
        problems->push_back(std::move(container).error().wrap("container " + id.substr(0, 12)));
      continue;
    }
    state_->heal(*container, dir->get());
    if (state_->sweep(*container, dir->get()) || container->step) continue;
    containers.push_back(std::move(*container));
  }
  if (has_begun) state_->recover();
  std::sort(containers.begin(), containers.end(), [](const Container& a, const Container& b) {
    return a.created_at != b.created_at ? a.created_at > b.created_at : a.id < b.id;
  });
  return containers;
}

}  // namespace tare::engine
