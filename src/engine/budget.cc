// SPDX-License-Identifier: Apache-2.0
// The store's budget: looked at before something large comes, and what is not used makes room.
#include "engine/budget.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <ranges>

#include "engine/bin.h"
#include "engine/build_cache_mounts.h"
#include "engine/build_room.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/state.h"
#include "store/settings.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

struct Candidate {
  enum class Kind : std::uint8_t { Binned, Download, Step, Cache, Image } kind = Kind::Binned;
  Removed removed;    // Binned.
  std::string owner;  // Download.
  Digest step;        // Step: its key.
  std::string cache;  // Cache: its volume.
  Digest image;       // Image.
  std::string sentence;
};

struct Candidates {
  std::vector<Candidate> things;
  std::vector<Evictable> facts;
  std::map<std::string, PartFact> parts;

  void add(Candidate thing, std::string id, std::vector<std::string> owners) {
    things.push_back(std::move(thing));
    facts.push_back({.id = std::move(id), .parts = std::move(owners)});
  }
};

// What the last walk found: "bytes=", "free=", "when=" in the file `usage`.
constexpr const char* kUsageFile = "usage";
struct UsageNote {
  std::uint64_t bytes = 0;
  std::uint64_t disk_free = 0;
  UnixNanos when = 0;  // 0: there was none.
};

std::string print_note(const UsageNote& note) {
  return fmt::format("bytes={}\nfree={}\nwhen={}\n", note.bytes, note.disk_free, note.when);
}

UsageNote parse_note(const std::string& text) {
  return {.bytes = static_cast<std::uint64_t>(number_field(text, "bytes")),
          .disk_free = static_cast<std::uint64_t>(number_field(text, "free")),
          .when = number_field(text, "when")};
}

std::string name_of(const std::vector<std::string>& names, const std::string& id) {
  if (names.empty()) return id;
  const auto reference = image::Reference::parse(names[0]);
  return reference && reference->text() == names[0] ? reference->familiar() : names[0];
}

// What builds keep and may not need.
struct OfBuilds {
  std::vector<UnusedStep> steps;   // Both: those used longest ago first.
  std::vector<CacheMount> caches;  // Of --mount=type=cache.
};
Result<OfBuilds> kept_of_builds(store::Store& store, store::RootfsBackend& rootfs,
                                const Usage& usage) {
  OfBuilds kept;
  kept.steps = TRY(unused_steps(store, rootfs, usage));
  kept.caches = TRY(unused_caches(store, usage));
  return kept;
}

void add_builds(Candidates& out, const OfBuilds& builds) {
  for (const UnusedStep& one : builds.steps)
    for (const std::string& owner : one.owners) ++out.parts[owner].owners;
  auto cache = builds.caches.begin();
  const auto add_caches = [&](UnixNanos until) {
    for (; cache != builds.caches.end() && cache->last_used < until; ++cache) {
      const std::string owner = "volumes/" + cache->volume;
      ++out.parts[owner].owners;
      out.add({.kind = Candidate::Kind::Cache,
               .cache = cache->volume,
               .sentence = "a cache of builds, --mount=type=cache " + quoted(cache->name)},
              owner, {owner});
    }
  };
  for (const UnusedStep& one : builds.steps) {
    add_caches(one.step.last_used);
    if (!one.step.key.empty())
      out.add({.kind = Candidate::Kind::Step,
               .step = one.step.key,
               .sentence = "a step of a build, " + quoted(one.step.what)},
              one.step.key.text(), one.owners);
  }
  add_caches(std::numeric_limits<UnixNanos>::max());
}

// In the order in which they go: the bin, oldest first, then downloads that were begun, then steps
// and caches of builds, those first that were used least recently, then images
// without containers, those first that were used least recently.
Candidates find_candidates(const Usage& usage, std::vector<Removed> bin, const OfBuilds& builds,
                           const Digest& spared) {
  Candidates out;
  for (const auto& [owner, bytes] : usage.store.owners) out.parts[owner].bytes = bytes;
  for (const ImageUsage& image : usage.images)
    for (const std::string& owner : image.owners) ++out.parts[owner].owners;
  std::ranges::stable_sort(bin, {}, &Removed::removed_at);
  for (const Removed& one : bin) {
    std::vector<std::string> owners = {"bin/containers/" + one.id};
    if (one.type == Removed::Type::Image) owners.clear();
    if (one.type == Removed::Type::Volume) owners = {store::binned_volume_path(one.id)};
    for (const ImageUsage& image : usage.images)
      if (image.removed && image.id.text() == one.id) owners = image.owners;
    out.add({.kind = Candidate::Kind::Binned,
             .removed = one,
             .sentence = "what was removed as " + quoted(name_of(one.names, one.id))},
            one.id, std::move(owners));
  }
  for (const auto& [owner, bytes] : usage.store.owners)
    if (store::owner_of(owner).which == store::UsageClass::Downloads)
      out.add({.kind = Candidate::Kind::Download,
               .owner = owner,
               .sentence = "a download that was begun (" + owner + ")"},
              owner, {owner});
  add_builds(out, builds);
  std::vector<const ImageUsage*> unused;
  for (const ImageUsage& image : usage.images)
    if (!image.removed && image.containers == 0 && image.id != spared) unused.push_back(&image);
  std::ranges::stable_sort(unused, {}, [](const ImageUsage* image) { return image->last_used; });
  for (const ImageUsage* image : unused)
    out.add({.kind = Candidate::Kind::Image,
             .image = image->id,
             .sentence = "image " + quoted(name_of(image->names, image->id.short_hex())) +
                         ", which no container uses"},
            image->id.text(), image->owners);
  return out;
}

// What has to go: of the budget, which may be exceeded already, and of the disk.
std::uint64_t missing(const Budget& budget, std::uint64_t wanted) {
  const auto over = [&](std::uint64_t taken, std::uint64_t most) {
    return taken > most ? taken - most : 0;
  };
  return std::max(over(budget.used + wanted, budget.max),
                  over(budget.reserve + wanted, budget.disk_free));
}

std::unexpected<Error> no_room(const Budget& budget, std::uint64_t bytes, const std::string& what,
                               std::uint64_t would_give) {
  return std::unexpected(
      Error(Kind::Unavailable,
            fmt::format(
                "{}, {} free of the budget of {}; removing everything unused would give {}",
                bytes == 0 ? "there is no room for " + what : what + " needs " + human_size(bytes),
                human_size(budget.available), human_size(budget.max), human_size(would_give)))
          .hint("tare df -v shows what takes space; --store-max or 'max' in the store's settings "
                "changes the budget"));
}

}  // namespace

Eviction choose_evictions(const std::vector<Evictable>& candidates,
                          std::map<std::string, PartFact> parts, std::uint64_t needed) {
  Eviction out;
  for (std::size_t i = 0; i < candidates.size() && out.bytes < needed; ++i) {
    for (const std::string& part : candidates[i].parts)
      if (--parts[part].owners <= 0) out.bytes += parts[part].bytes;
    out.chosen.push_back(i);
  }
  out.enough = out.bytes >= needed;
  if (!out.enough) out.chosen.clear();
  return out;
}

Result<Budget> Engine::budget(std::uint64_t used) const {
  const store::Settings settings = TRY(store::load_settings(state_->store.dir()));
  struct statvfs disk{};
  if (::fstatvfs(state_->store.dir(), &disk) != 0)
    return fail_errno("look at the store's file system");
  constexpr std::uint64_t kMostReserve = 64 << 20;
  Budget out;
  out.disk = disk.f_blocks * disk.f_frsize;
  out.disk_free = disk.f_bavail * disk.f_frsize;
  out.reserve = std::min(kMostReserve, out.disk / 100);
  out.max = settings.max.of(out.disk);
  out.used = used;
  const std::uint64_t of_budget = out.max > used ? out.max - used : 0;
  const std::uint64_t of_disk = out.disk_free > out.reserve ? out.disk_free - out.reserve : 0;
  out.available = std::min(of_budget, of_disk);
  return out;
}

Result<store::StoreUsage> Engine::State::measure() const {
  // The note is part of what is measured.
  if (::faccessat(store.dir(), kUsageFile, F_OK, 0) != 0)
    (void)sys::replace_file(store.dir(), kUsageFile, "\n", sys::Durability::Lazy);
  store::StoreUsage found = TRY(store::measure_usage(store.dir()));
  struct statvfs disk{};
  if (::fstatvfs(store.dir(), &disk) == 0)
    (void)sys::replace_file(store.dir(), kUsageFile,
                            print_note({.bytes = found.total.bytes,
                                        .disk_free = disk.f_bavail * disk.f_frsize,
                                        .when = now_ns()}),
                            sys::Durability::Lazy);
  return found;
}

Result<std::optional<std::string>> Engine::threshold_reached(std::uint64_t used) const {
  const store::Settings settings = TRY(store::load_settings(state_->store.dir()));
  const Budget room = TRY(budget(used));
  for (const unsigned percent : std::views::reverse(settings.warn))
    if (room.max > 0 && used >= room.max / 100 * percent)
      return fmt::format("the store takes {} of its budget of {}, more than {}%: tare df -v",
                         human_size(used), human_size(room.max), percent);
  return std::nullopt;
}

Result<std::vector<std::string>> Engine::admit_start() {
  constexpr UnixNanos kYoung = 60'000'000'000;
  const UsageNote known =
      parse_note(sys::load_file(state_->store.dir(), kUsageFile, 4096).value_or(std::string()));
  const Budget room = TRY(budget(known.bytes));
  // What the disk has filled by since the walk, whoever did it, may all be the store's.
  const std::uint64_t filled =
      known.when != 0 && known.disk_free > room.disk_free ? known.disk_free - room.disk_free : 0;
  const UnixNanos age = now_ns() - known.when;
  const bool is_young = age >= 0 && age < kYoung;
  const bool over = known.bytes + (is_young ? 0 : filled) > room.max;
  if (room.disk_free <= room.reserve || over) return admit(0, "the start of a container");
  std::vector<std::string> said;
  if (const auto reached = TRY(threshold_reached(known.bytes))) said.push_back(*reached);
  return said;
}

Result<RoomPlan> Engine::plan_room(std::uint64_t bytes) const {
  const Usage now = TRY(usage());
  RoomPlan plan{.budget = TRY(budget(now.store.total.bytes))};
  if (bytes <= plan.budget.available) return plan;
  const Candidates all = find_candidates(
      now, TRY(removed()), TRY(kept_of_builds(state_->store, state_->rootfs, now)), state_->spared);
  const Eviction chosen = choose_evictions(all.facts, all.parts, missing(plan.budget, bytes));
  for (const std::size_t i : chosen.chosen) plan.evictions.push_back(all.things[i].sentence);
  plan.would_give = chosen.bytes;
  plan.enough = chosen.enough;
  return plan;
}

// SECURITY: a size that is only announced removes nothing. tests/security/copy-hostile-registry.sh
Result<> Engine::bound_room() {
  if (state_->store.room() != store::Store::kAnySize) return {};
  Budget room = TRY(budget(0));
  const std::uint64_t of_disk = room.disk_free > room.reserve ? room.disk_free - room.reserve : 0;
  std::uint64_t of_budget = room.max;
  // What is damaged cannot be counted, and may be what is to come again: then the disk is the
  // bound.
  if (const auto plan = plan_room(room.max)) {
    const std::uint64_t used = plan->budget.used;
    const std::uint64_t most = room.max + plan->would_give;
    of_budget = most > used ? most - used : 0;
  }
  state_->store.set_room(std::min(of_disk, of_budget));
  return {};
}

Result<std::string> out_of_room(const Engine& engine) {
  const Budget room = TRY(engine.budget(0));
  if (room.disk_free <= room.reserve)
    return fmt::format("the disk has {} left, and the last {} of it are never used",
                       human_size(room.disk_free), human_size(room.reserve));
  const sys::Fd store = TRY(sys::open_path(engine.root(), O_PATH | O_DIRECTORY));
  const UsageNote known =
      parse_note(sys::load_file(store.get(), kUsageFile, 4096).value_or(std::string()));
  // As at a start: all that the disk has filled by may be the store's.
  const std::uint64_t filled =
      known.disk_free > room.disk_free ? known.disk_free - room.disk_free : 0;
  if (known.when != 0 && known.bytes + filled <= room.max) return std::string();
  const RoomPlan plan = TRY(engine.plan_room(1));
  if (plan.enough) return std::string();
  return fmt::format(
      "the store takes {} of its budget of {}, and removing everything unused would "
      "give {}",
      human_size(plan.budget.used), human_size(plan.budget.max), human_size(plan.would_give));
}

void Engine::settle(const Digest& image, const image::TransferProgress& progress) {
  state_->spared = image;
  const auto said = admit(0, "image " + image.short_hex());
  if (!said || !progress) return;  // It is here and right; the next load or start says it again.
  for (const std::string& sentence : *said) progress({"", sentence, 0, 0});
}

Result<std::vector<std::string>> Engine::admit(std::uint64_t bytes, const std::string& what) {
  const Usage now = TRY(usage());
  Budget room = TRY(budget(now.store.total.bytes));
  std::vector<std::string> said;
  // Nothing is known of its size: then only that there is any room at all.
  const std::uint64_t wanted = std::max<std::uint64_t>(bytes, 1);
  if (wanted > room.available) {
    const sys::Fd alone = TRY(state_->store.lock("bin"));
    const Candidates all =
        find_candidates(now, TRY(removed()),
                        TRY(kept_of_builds(state_->store, state_->rootfs, now)), state_->spared);
    image::Steps steps(state_->store, state_->rootfs);
    bool swept = true;
    const Eviction chosen = choose_evictions(all.facts, all.parts, missing(room, wanted));
    if (!chosen.enough) return no_room(room, bytes, what, chosen.bytes);
    for (const std::size_t i : chosen.chosen) {
      const Candidate& one = all.things[i];
      if (one.kind == Candidate::Kind::Binned)
        TRY(state_->forget({one.removed}), "make room");
      else if (one.kind == Candidate::Kind::Download)
        TRY(state_->store.discard(one.owner), "make room");
      else if (one.kind == Candidate::Kind::Step)
        TRY(steps.remove({one.step}), "make room");
      else if (one.kind == Candidate::Kind::Cache)
        (void)TRY(remove_unused_cache(state_->store, one.cache, store::Store::Removal::Now),
                  "make room");
      else
        TRY(remove_image(one.image.text(), {.all_names = true, .now = true}), "make room");
      swept = swept && one.kind != Candidate::Kind::Step;
      said.push_back("to make room for " + what + ", this was removed: " + one.sentence);
    }
    if (!swept) TRY(steps.sweep());
    room = TRY(budget(room.used > chosen.bytes ? room.used - chosen.bytes : 0));
  }
  state_->store.set_room(std::max(room.available, bytes));
  if (const auto reached = TRY(threshold_reached(room.used + bytes))) said.push_back(*reached);
  return said;
}

}  // namespace tare::engine
