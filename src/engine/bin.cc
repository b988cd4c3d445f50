// SPDX-License-Identifier: Apache-2.0
// What was removed: kept, brought back, and removed for good when its time is over.
#include "engine/bin.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "base/failpoint.h"
#include "base/undo.h"
#include "engine/made_up_names.h"
#include "engine/record.h"
#include "engine/state.h"
#include "store/settings.h"
#include "store/volumes.h"
#include "sys/clock.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

constexpr const char* kContainers = "bin/containers";
constexpr const char* kRemoved = "removed";  // In the container's directory.
constexpr const char* kDue = "due";          // In bin/: when the next thing's time is over.
constexpr const char* kBinLock = "bin";      // Held by who removes things from it for good.
constexpr std::size_t kMaxRemoved = 4096;

Result<> make_bin(const store::Store& store) {
  for (const char* name : {"bin", kContainers})
    if (::mkdirat(store.dir(), name, 0700) != 0 && errno != EEXIST)
      return fail_errno("make the bin of the store");
  return {};
}

Result<BinnedContainer> load_binned_container(const store::Store& store, const std::string& id) {
  const sys::Fd dir = TRY(sys::open_at(store.dir(), std::string(kContainers) + "/" + id,
                                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  BinnedContainer out{.container = TRY(load_container(dir.get()))};
  const auto removed = sys::load_file(dir.get(), kRemoved, kMaxRemoved);
  if (!removed) return out;  // It was not written to disk before the power went: it is old.
  out.removed_at = number_field(*removed, "at");
  out.batch = field(*removed, "batch");
  out.moment = field(*removed, "moment");
  return out;
}

// When its time is over, by today's clock. Whoever sets the clock does not end it before: it is how
// long the thing has been there that counts, where that can be told.
UnixNanos end_of(UnixNanos removed_at, const std::string& moment,
                 std::chrono::nanoseconds undo_time) {
  const sys::Moment now = sys::Moment::now();
  const sys::Moment then =
      moment.empty() ? sys::Moment{.wall = removed_at} : sys::Moment::parse(moment);
  return now.wall - now.since(then) + undo_time.count();
}

Removed as_removed(const image::RemovedImage& image, std::chrono::nanoseconds undo_time) {
  return {.type = Removed::Type::Image,
          .id = image.id.text(),
          .names = image.names,
          .removed_at = image.removed_at,
          .until = end_of(image.removed_at, image.moment, undo_time),
          .batch = image.batch,
          .bytes = image.size};
}

Removed as_removed(const store::Store& store, const BinnedContainer& one,
                   std::chrono::nanoseconds undo_time) {
  const std::string place = std::string(kContainers) + "/" + one.container.id;
  return {.type = Removed::Type::Container,
          .id = one.container.id,
          .names = {one.container.name},
          .image = one.container.image_name,
          .removed_at = one.removed_at,
          .until = end_of(one.removed_at, one.moment, undo_time),
          .batch = one.batch,
          .bytes = sys::disk_usage(store.dir(), place).value_or(0)};
}

Removed as_removed(const store::Store& store, const store::BinnedVolume& one,
                   std::chrono::nanoseconds undo_time) {
  return {.type = Removed::Type::Volume,
          .id = one.key,
          .names = {one.volume.name},
          .removed_at = one.removed_at,
          .until = one.removed_at + undo_time.count(),
          .batch = one.batch,
          .bytes = sys::disk_usage(store.dir(), store::binned_volume_path(one.key)).value_or(0)};
}

bool is_meant(const Removed& one, const std::string& text) {
  if (std::ranges::find(one.names, text) != one.names.end()) return true;
  const auto reference = image::Reference::parse(text);
  if (one.type == Removed::Type::Image && reference &&
      std::ranges::find(one.names, reference->text()) != one.names.end())
    return true;
  constexpr std::size_t kMinPrefix = 3;
  const std::string_view id = one.id;
  const std::string_view hex = one.type == Removed::Type::Image ? id.substr(7) : id;
  return text.size() >= kMinPrefix && (id.starts_with(text) || hex.starts_with(text));
}

std::unexpected<Error> nothing_to_restore(const std::string& wanted) {
  if (wanted.empty())
    return std::unexpected(
        Error(Kind::NotFound, "there is nothing to bring back")
            .hint("what was removed is kept for 24 hours, or what 'undo-time' in "
                  "the store's settings says, and less when space is needed"));
  return std::unexpected(
      Error(Kind::NotFound, "nothing that was removed is called " + quoted(wanted))
          .hint("tare undo --list shows what can be brought back"));
}

}  // namespace

const std::string& removal_batch() {
  static const std::string batch = std::to_string(now_ns()) + "-" + std::to_string(::getpid());
  return batch;
}

Result<std::vector<BinnedContainer>> list_binned_containers(const store::Store& store) {
  auto ids = sys::list_directory(store.dir(), kContainers);
  if (!ids && ids.error().kind() == Kind::NotFound) return std::vector<BinnedContainer>();
  std::vector<BinnedContainer> out;
  for (const std::string& id : TRY(std::move(ids)))
    if (auto one = load_binned_container(store, id)) out.push_back(std::move(*one));
  std::ranges::stable_sort(out, {}, &BinnedContainer::removed_at);
  return out;
}

Result<> put_container_in_bin(store::Store& store, const std::string& id) {
  TRY(make_bin(store));
  const sys::Fd dir =
      TRY(sys::open_at(store.dir(), "containers/" + id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const sys::Moment now = sys::Moment::now();
  TRY(sys::replace_file(dir.get(), kRemoved,
                        "at=" + std::to_string(now.wall) + "\nbatch=" + removal_batch() +
                            "\nmoment=" + now.text() + "\n",
                        sys::Durability::Lazy));
  failpoint("remove.dated");
  const std::string place = std::string(kContainers) + "/" + id;
  if (::renameat(store.dir(), ("containers/" + id).c_str(), store.dir(), place.c_str()) != 0)
    return fail_errno("move the container into the bin");
  return {};
}

Result<std::vector<Removed>> Engine::removed() const {
  const store::Settings settings = TRY(store::load_settings(state_->store.dir()));
  return state_->list_removed(settings.undo_time);
}

Result<std::vector<Removed>> Engine::State::list_removed(std::chrono::nanoseconds undo_time) const {
  std::vector<Removed> out;
  for (const image::RemovedImage& image : TRY(images.removed()))
    out.push_back(as_removed(image, undo_time));
  for (const BinnedContainer& one : TRY(list_binned_containers(store)))
    out.push_back(as_removed(store, one, undo_time));
  for (const store::BinnedVolume& one : TRY(store::list_binned_volumes(store)))
    out.push_back(as_removed(store, one, undo_time));
  std::ranges::stable_sort(out, std::ranges::greater(), &Removed::removed_at);
  return out;
}

Result<Restored> Engine::State::restore_image(const Removed& one) {
  const Digest id = TRY(Digest::parse(one.id));
  const image::Images::Restored back = TRY(images.restore(id));
  return Restored{.type = one.type, .id = one.id, .names = back.names, .taken = back.taken};
}

// The image that a container needs, out of the bin when it is there.
Result<> Engine::State::restore_image_of(const Container& container,
                                         std::vector<Restored>& restored) {
  if (images.find(container.image_id.text())) return {};
  const Removed image{.type = Removed::Type::Image, .id = container.image_id.text()};
  auto back = restore_image(image);
  if (!back && back.error().kind() == Kind::NotFound)
    return std::unexpected(Error(Kind::NotFound, "container " + quoted(container.name) +
                                                     " cannot be brought back: its image " +
                                                     quoted(container.image_name) +
                                                     " was removed for good")
                               .hint("load the image again first"));
  restored.push_back(TRY(std::move(back)));
  return {};
}

Result<Restored> Engine::State::restore_volume(const std::string& key,
                                               const std::string& new_name) {
  const sys::Fd alone = TRY(store.lock(store::Store::kVolumesLock));
  for (const store::BinnedVolume& one : TRY(store::list_binned_volumes(store))) {
    if (one.key != key) continue;
    const std::string& name = new_name.empty() ? one.volume.name : new_name;
    TRY(store::restore_volume(store, one, new_name), "bring back volume " + quoted(name));
    return Restored{.type = Removed::Type::Volume, .id = key, .names = {name}};
  }
  return fail(Kind::NotFound, "volume " + key.substr(0, 12) + " is not among what was removed");
}

// The volumes that a container needs, out of the bin: of each name what was removed last.
Result<> Engine::State::restore_volumes_of(const Container& container,
                                           std::vector<Restored>& restored) {
  for (const MountRequest& mount : container.config.mounts) {
    if (mount.type != MountType::Volume || store::has_volume(store, mount.volume)) continue;
    std::string key;
    for (const store::BinnedVolume& one : TRY(store::list_binned_volumes(store)))
      if (one.volume.name == mount.volume) key = one.key;
    if (key.empty())
      return std::unexpected(
          Error(Kind::NotFound, "container " + quoted(container.name) +
                                    " cannot be brought back: its volume " + quoted(mount.volume) +
                                    " was removed for good")
              .hint("an empty one in its place: tare volume create " + mount.volume));
    restored.push_back(TRY(restore_volume(key, "")));
  }
  return {};
}

Result<Restored> Engine::State::restore_container(const std::string& id,
                                                  const std::string& new_name) {
  BinnedContainer one = TRY(load_binned_container(store, id), "bring back container " + id);
  const std::string place = std::string(kContainers) + "/" + id;
  const sys::Fd dir = TRY(sys::open_at(store.dir(), place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!new_name.empty()) {
    TRY(check_name(new_name));
    one.container.name = new_name;
    TRY(sys::replace_file(dir.get(), "config.json", print_record(one.container)));
  }
  const std::string& name = one.container.name;
  TRY(id_ranges.confirm(one.container.id_claim, claim_owner(one.container)),
      "bring back container " + quoted(name));
  const sys::Fd between = TRY(store.lock(kBetween, sys::Lock::Shared));
  if (::symlinkat(id.c_str(), store.dir(), ("container-names/" + name).c_str()) != 0) {
    if (errno != EEXIST) return fail_errno("claim the name " + quoted(name));
    return std::unexpected(
        Error(Kind::Exists, "container name " + quoted(name) + " is in use")
            .hint("bring it back under another: tare undo --name NEW " + id.substr(0, 12)));
  }
  failpoint("undo.container.named");
  Undo undo;
  undo.push([&]() noexcept { ::unlinkat(store.dir(), ("container-names/" + name).c_str(), 0); });
  // From the rename on it is seen by who removes volumes.
  const sys::Fd volumes = TRY(store.lock(store::Store::kVolumesLock, sys::Lock::Shared));
  for (const MountRequest& mount : one.container.config.mounts)
    if (mount.type == MountType::Volume && !store::has_volume(store, mount.volume))
      return fail(Kind::Busy, "volume " + quoted(mount.volume) + " was removed meanwhile");
  if (::renameat(store.dir(), place.c_str(), store.dir(), ("containers/" + id).c_str()) != 0)
    return fail_errno("move the container out of the bin");
  undo.keep();
  failpoint("undo.container.moved");
  ::unlinkat(dir.get(), kRemoved, 0);
  return Restored{.type = Removed::Type::Container, .id = id, .names = {name}};
}

Result<std::vector<Restored>> Engine::restore(const std::string& name_or_id,
                                              const std::string& new_name) {
  const sys::Fd alone = TRY(state_->store.lock(kBinLock));
  std::vector<Removed> wanted = TRY(removed());
  if (name_or_id.empty()) {
    std::erase_if(wanted, [batch = wanted.empty() ? "" : wanted[0].batch](const Removed& one) {
      return one.batch != batch;
    });
  } else {
    const auto found =
        std::ranges::find_if(wanted, [&](const Removed& one) { return is_meant(one, name_or_id); });
    if (found == wanted.end()) return nothing_to_restore(name_or_id);
    wanted = {Removed(*found)};
  }
  if (wanted.empty()) return nothing_to_restore("");
  if (!new_name.empty() && (wanted.size() != 1 || wanted[0].type == Removed::Type::Image))
    return fail(Kind::Invalid,
                "--name is for one container or volume; an image is renamed with tare tag");
  std::ranges::stable_sort(wanted, {}, &Removed::type);  // Images and volumes first.
  std::vector<Restored> restored;
  for (const Removed& one : wanted) {
    if (one.type == Removed::Type::Image) {
      const auto is_this = [&](const Restored& other) { return other.id == one.id; };
      if (std::ranges::none_of(restored, is_this))
        restored.push_back(TRY(state_->restore_image(one)));
      continue;
    }
    if (one.type == Removed::Type::Volume) {
      restored.push_back(TRY(state_->restore_volume(one.id, new_name)));
      continue;
    }
    const BinnedContainer binned = TRY(load_binned_container(state_->store, one.id));
    TRY(state_->restore_image_of(binned.container, restored));
    TRY(state_->restore_volumes_of(binned.container, restored));
    restored.push_back(TRY(state_->restore_container(one.id, new_name)));
  }
  return restored;
}

Result<> Engine::State::forget(const std::vector<Removed>& which) {
  std::vector<Digest> ids;
  for (const Removed& one : which) {
    if (one.type == Removed::Type::Image) {
      ids.push_back(TRY(Digest::parse(one.id)));
      continue;
    }
    if (one.type == Removed::Type::Volume) {
      TRY(store.discard(store::binned_volume_path(one.id), store::Store::Removal::InBackground));
      failpoint("forget.volume.discarded");
      continue;
    }
    const auto binned = load_binned_container(store, one.id);
    TRY(store.discard(std::string(kContainers) + "/" + one.id,
                      store::Store::Removal::InBackground));
    failpoint("forget.container.discarded");
    if (binned) id_ranges.release(binned->container.id_claim, container_path(one.id));
  }
  return images.forget(ids);
}

Result<std::uint64_t> Engine::empty_bin() {
  const sys::Fd alone = TRY(state_->store.lock(kBinLock));
  const std::vector<Removed> all = TRY(removed());
  const std::uint64_t before = TRY(usage()).store.total.bytes;
  TRY(state_->forget(all));
  // Those whose records cannot be read.
  const auto left = sys::list_directory(state_->store.dir(), kContainers);
  for (const std::string& id : left.value_or(std::vector<std::string>()))
    if (!load_binned_container(state_->store, id))
      TRY(state_->store.discard(std::string(kContainers) + "/" + id));
  const auto volumes = sys::list_directory(state_->store.dir(), "bin/volumes");
  for (const std::string& key : volumes.value_or(std::vector<std::string>()))
    TRY(state_->store.discard(store::binned_volume_path(key)));
  TRY(state_->images.forget_damaged());
  state_->id_ranges.sweep(state_->store.path() + "/containers/");
  const std::uint64_t after = TRY(usage()).store.total.bytes;
  return before > after ? before - after : 0;
}

Result<IdClaim> Engine::State::claim_ids(const std::string& owner, std::uint32_t wanted) {
  for (;;) {
    auto claimed = id_ranges.claim(owner, wanted);
    if (claimed || claimed.error().kind() != Kind::Unavailable) return claimed;
    const sys::Fd alone = TRY(store.lock(kBinLock));
    const std::vector<BinnedContainer> all = TRY(list_binned_containers(store));
    if (all.empty()) return claimed;
    TRY(forget({Removed{.type = Removed::Type::Container, .id = all[0].container.id}}));
  }
}

std::vector<Removed> choose_expired(std::vector<Removed> all, UnixNanos now, std::uint64_t most) {
  std::ranges::stable_sort(all, {}, &Removed::removed_at);
  std::uint64_t bytes = 0;
  for (const Removed& one : all) bytes += one.bytes;
  std::erase_if(all, [&](const Removed& one) {
    if (one.until > now && bytes <= most) return true;
    bytes -= one.bytes;
    return false;
  });
  return all;
}

Result<> Engine::State::expire_bin() {
  const sys::Fd alone = TRY(store.lock(kBinLock, sys::Lock::Exclusive, sys::Wait::No));
  const store::Settings settings = TRY(store::load_settings(store.dir()));
  struct statvfs disk{};
  if (::fstatvfs(store.dir(), &disk) != 0) return fail_errno("look at the store's file system");
  const std::uint64_t budget = settings.max.of(disk.f_blocks * disk.f_frsize);
  const std::vector<Removed> all = TRY(list_removed(settings.undo_time));
  const auto expired = choose_expired(all, now_ns(), settings.undo_max.of(budget));
  TRY(forget(expired));
  std::optional<UnixNanos> due;
  for (const Removed& one : TRY(list_removed(settings.undo_time)))
    due = due ? std::min(*due, one.until) : one.until;
  const sys::Fd bin = TRY(sys::open_at(store.dir(), "bin", O_RDONLY | O_DIRECTORY));
  if (due)
    return sys::replace_file(bin.get(), kDue,
                             std::to_string(*due) + "\n" + sys::Moment::now().text() + "\n",
                             sys::Durability::Lazy);
  ::unlinkat(bin.get(), kDue, 0);
  return {};
}

void Engine::State::note_binned() {
  store.in_background([this] { (void)expire_bin(); }, 0);  // Else the next removal does it.
}

void Engine::State::expire_bin_if_due() {
  const auto text = sys::load_file(store.dir(), "bin/" + std::string(kDue), 256);
  if (!text) return;
  const auto lines = split(*text, '\n');
  const UnixNanos due = parse_i64(trim(lines[0])).value_or(0);
  const sys::Moment noted = sys::Moment::parse(lines.size() > 1 ? lines[1] : "");
  if (noted.wall != 0 && sys::Moment::now().since(noted) < due - noted.wall) return;
  note_binned();
}

}  // namespace tare::engine
