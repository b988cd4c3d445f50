// SPDX-License-Identifier: Apache-2.0
// The store's budget: looked at before something large comes, and what is not used makes room.
#include "engine/budget.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "engine/bin.h"
#include "engine/engine.h"
#include "engine/state.h"
#include "store/settings.h"

namespace tare::engine {
namespace {

struct Candidate {
  enum class Kind : std::uint8_t { Binned, Download, Image } kind = Kind::Binned;
  Removed removed;    // Binned.
  std::string owner;  // Download.
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

std::string name_of(const std::vector<std::string>& names, const std::string& id) {
  return names.empty() ? id : names[0];
}

// In the order in which they go: the bin, oldest first, then downloads that were begun, then images
// without containers, those first that were used least recently.
Candidates find_candidates(const Usage& usage, std::vector<Removed> bin) {
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
  std::vector<const ImageUsage*> unused;
  for (const ImageUsage& image : usage.images)
    if (!image.removed && image.containers == 0) unused.push_back(&image);
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
      Error(
          Kind::Unavailable,
          fmt::format("{} needs {}, {} free of the budget of {}; removing everything unused would "
                      "give {}",
                      what, human_size(bytes), human_size(budget.available), human_size(budget.max),
                      human_size(would_give)))
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

Result<std::vector<std::string>> Engine::admit(std::uint64_t bytes, const std::string& what) {
  const Usage now = TRY(usage());
  Budget room = TRY(budget(now.store.total.bytes));
  std::vector<std::string> said;
  // Nothing is known of its size: then only that there is any room at all.
  const std::uint64_t wanted = std::max<std::uint64_t>(bytes, 1);
  if (wanted > room.available) {
    const sys::Fd alone = TRY(state_->store.lock("bin"));
    const Candidates all = find_candidates(now, TRY(removed()));
    const Eviction chosen = choose_evictions(all.facts, all.parts, missing(room, wanted));
    if (!chosen.enough) return no_room(room, bytes, what, chosen.bytes);
    for (const std::size_t i : chosen.chosen) {
      const Candidate& one = all.things[i];
      if (one.kind == Candidate::Kind::Binned)
        TRY(state_->forget({one.removed}), "make room");
      else if (one.kind == Candidate::Kind::Download)
        TRY(state_->store.discard(one.owner), "make room");
      else
        TRY(remove_image(one.image.text(), {.all_names = true, .now = true}), "make room");
      said.push_back("to make room for " + what + ", this was removed: " + one.sentence);
    }
    room = TRY(budget(room.used > chosen.bytes ? room.used - chosen.bytes : 0));
  }
  state_->store.set_room(std::max(room.available, bytes));
  constexpr std::uint64_t kWarning = 80;
  if (room.max > 0 && (room.used + bytes) / (room.max / 100 + 1) >= kWarning)
    said.push_back(fmt::format("the store takes {} of its budget of {} with {}",
                               human_size(room.used + bytes), human_size(room.max), what));
  return said;
}

}  // namespace tare::engine
