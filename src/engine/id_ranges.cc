// SPDX-License-Identifier: Apache-2.0
#include "engine/id_ranges.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

constexpr std::uint32_t kRootFirst = 0x40000000;
constexpr std::uint32_t kRootSize = 65536;
constexpr std::uint32_t kRootCount = 12288;
constexpr std::uint32_t kUserSize = 2048;
constexpr std::uint32_t kNobody = 65534;

// How this process's ids are divided.
struct Pool {
  std::uint32_t first = 0;
  std::uint32_t size = 0;
  std::uint32_t count = 0;
};

// Ids of `available` from 1 on that lie without a gap; 0 is the user itself and never given away.
std::uint32_t contiguous_from_one(const sys::IdMap& available) {
  std::uint32_t next = 1;
  bool grown = true;
  while (grown) {
    grown = false;
    for (const sys::IdRange& range : available.ranges) {
      const std::uint64_t end = std::uint64_t{range.inside} + range.count;
      if (range.inside <= next && end > next) {
        next = static_cast<std::uint32_t>(std::min<std::uint64_t>(end, kRootFirst));
        grown = next < kRootFirst;
      }
    }
  }
  return next - 1;
}

Result<Pool> find_pool() {
  if (sys::in_initial_user_namespace())
    return Pool{.first = kRootFirst, .size = kRootSize, .count = kRootCount};
  const std::uint32_t ids = contiguous_from_one(TRY(sys::available_ids()));
  if (ids < kUserSize)
    return std::unexpected(
        Error(Kind::Unsupported, "this user has " + std::to_string(ids) +
                                     " subordinate ids, a container needs " +
                                     std::to_string(kUserSize))
            .hint("give the user a range: usermod --add-subuids 100000-165535 --add-subgids "
                  "100000-165535 USER"));
  const std::uint32_t size = ids >= 4 * kRootSize ? kRootSize : kUserSize;
  return Pool{.first = 1, .size = size, .count = ids / size};
}

sys::IdMap map_of(const Pool& pool, std::uint32_t slot) {
  const std::uint32_t base = pool.first + slot * pool.size;
  if (pool.size == kRootSize) return {{{.inside = 0, .outside = base, .count = pool.size}}};
  return {{{.inside = 0, .outside = base, .count = pool.size - 1},
           {.inside = kNobody, .outside = base + pool.size - 1, .count = 1}}};
}

// The first id of the slot, which names the claim: with a caller-id grant the first range is the
// caller's, so the second one tells.
std::string claim_name(const sys::IdMap& map) {
  std::uint32_t first = 0;
  for (const sys::IdRange& range : map.ranges)
    if (range.outside != 0 && (first == 0 || range.outside < first)) first = range.outside;
  // Ranges start at multiples of their size (plus one for ordinary users), whatever the map took.
  if (first >= kRootFirst) return std::to_string(first / kRootSize * kRootSize);
  const std::uint32_t size = map.ranges.size() > 1 ? kUserSize : kRootSize;
  return std::to_string((first - 1) / size * size + 1);
}

bool is_stale(int dir, const std::string& name) {
  const auto owner = sys::load_file(dir, name, 8192);
  if (!owner) return owner.error().kind() == Kind::NotFound;
  struct stat info{};
  return ::stat(std::string(trim(*owner)).c_str(), &info) != 0 && errno == ENOENT;
}

// Takes the claim file; a stale one is removed first. Both under the directory's lock.
Result<> take(int dir, const std::string& name, const std::string& owner) {
  if (is_stale(dir, name)) ::unlinkat(dir, name.c_str(), 0);
  return sys::create_file(dir, name, owner + "\n", sys::Durability::Lazy);
}

struct Claims {
  sys::Fd dir;
  sys::Fd lock;
};

Result<Claims> open_claims(const std::string& directory) {
  TRY(sys::make_directories(directory, 0700));
  Claims claims;
  claims.dir = TRY(sys::open_path(directory, O_RDONLY | O_DIRECTORY));
  claims.lock = TRY(sys::open_at(claims.dir.get(), ".lock", O_RDWR | O_CREAT));
  TRY(sys::lock_file(claims.lock.get(), sys::Lock::Exclusive, sys::Wait::Yes));
  return claims;
}

}  // namespace

Result<sys::IdMap> IdRanges::claim(const std::string& owner) {
  const Pool pool = TRY(find_pool());
  Claims claims = TRY(open_claims(directory_), "claim an id range");
  const std::vector<std::string> taken = TRY(sys::list_directory(claims.dir.get()));
  const auto try_slots = [&](bool also_taken) -> Result<std::optional<sys::IdMap>> {
    for (std::uint32_t slot = 0; slot < pool.count; ++slot) {
      const sys::IdMap map = map_of(pool, slot);
      const std::string name = claim_name(map);
      const bool is_taken = std::binary_search(taken.begin(), taken.end(), name);
      if (is_taken && !(also_taken && is_stale(claims.dir.get(), name))) continue;
      TRY(take(claims.dir.get(), name, owner), "claim an id range");
      return std::optional(map);
    }
    return std::optional<sys::IdMap>();
  };
  // Stale claims are looked for only when no other is free: it costs a read for each.
  for (const bool also_taken : {false, true})
    if (const std::optional<sys::IdMap> map = TRY(try_slots(also_taken))) return *map;
  return std::unexpected(Error(Kind::Unavailable, "all " + std::to_string(pool.count) +
                                                      " id ranges are in use by containers")
                             .hint("remove containers that are no longer needed (tare rm), or give "
                                   "this user more subordinate ids (usermod --add-subuids)"));
}

Result<> IdRanges::confirm(const sys::IdMap& map, const std::string& owner) {
  Claims claims = TRY(open_claims(directory_), "confirm an id range");
  const std::string name = claim_name(map);
  const auto holder = sys::load_file(claims.dir.get(), name, 8192);
  if (holder && trim(*holder) == owner) return {};
  auto taken = take(claims.dir.get(), name, owner);
  if (!taken && taken.error().kind() == Kind::Exists)
    return std::unexpected(
        Error(Kind::Exists, "id range " + name + " belongs to another container")
            .hint("create the container again: tare create gives it a new range"));
  return taken;
}

void IdRanges::sweep(const std::string& owners) const {
  auto claims = open_claims(directory_);
  const auto names = claims ? sys::list_directory(claims->dir.get()) : std::vector<std::string>();
  if (!claims || !names) return;
  for (const std::string& name : *names) {
    const auto owner = sys::load_file(claims->dir.get(), name, 8192);
    if (owner && owner->starts_with(owners) && is_stale(claims->dir.get(), name))
      ::unlinkat(claims->dir.get(), name.c_str(), 0);
  }
}

void IdRanges::release(const sys::IdMap& map, const std::string& owner) {
  auto claims = open_claims(directory_);
  if (!claims) return;  // A stale claim is found by the next allocation.
  const std::string name = claim_name(map);
  const auto holder = sys::load_file(claims->dir.get(), name, 8192);
  if (holder && trim(*holder) == owner) ::unlinkat(claims->dir.get(), name.c_str(), 0);
}

}  // namespace tare::engine
