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
std::uint32_t contiguous_from_one(const std::vector<sys::IdRange>& available) {
  std::uint32_t next = 1;
  bool grown = true;
  while (grown) {
    grown = false;
    for (const sys::IdRange& range : available) {
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
  const sys::IdMap available = TRY(sys::available_ids());
  const std::uint32_t ids = std::min(contiguous_from_one(available.ranges),
                                     contiguous_from_one(available.groups().ranges));
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

std::uint64_t end_of(const IdClaim& claim) { return std::uint64_t{claim.first} + claim.count; }

bool overlap(const IdClaim& a, const IdClaim& b) {
  return a.first < end_of(b) && b.first < end_of(a);
}

// "1073741824" has root's usual number of ids, "1+2048" says it.
std::string claim_name(const IdClaim& claim) {
  const std::string first = std::to_string(claim.first);
  return claim.count == kRootSize ? first : first + "+" + std::to_string(claim.count);
}

std::optional<IdClaim> parse_claim(std::string_view name) {
  const auto parts = split_once(name, '+');
  const auto first = parse_u64(parts ? parts->first : name);
  const auto count = parts ? parse_u64(parts->second) : Result<std::uint64_t>(kRootSize);
  constexpr std::uint64_t kHighest = 0xFFFFFFFF;
  if (!first || !count || *first > kHighest || *count > kHighest - *first) return std::nullopt;
  return IdClaim{.first = static_cast<std::uint32_t>(*first),
                 .count = static_cast<std::uint32_t>(*count)};
}

bool is_stale(int dir, const std::string& name) {
  const auto owner = sys::load_file(dir, name, 8192);
  if (!owner) return owner.error().kind() == Kind::NotFound;
  const std::string path(trim(*owner));
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 || errno != ENOENT) return false;
  // A removed container keeps its ids for as long as it can be brought back.
  const std::size_t room = path.rfind("/containers/");
  if (room == std::string::npos) return true;
  const std::string binned = path.substr(0, room) + "/bin" + path.substr(room);
  return ::stat(binned.c_str(), &info) != 0 && errno == ENOENT;
}

struct Claims {
  sys::Fd dir;
  sys::Fd lock;
};

Result<Claims> open_claims(const std::string& directory) {
  TRY(sys::make_directories(directory, 0700));
  for (;;) {
    Claims claims;
    claims.dir = TRY(sys::open_path(directory, O_RDONLY | O_DIRECTORY));
    claims.lock = TRY(sys::open_at(claims.dir.get(), ".lock", O_RDWR | O_CREAT));
    TRY(sys::lock_file(claims.lock.get(), sys::Lock::Exclusive, sys::Wait::Yes));
    // The store that they lie in may have been moved while we waited.
    if (sys::leads_to(directory, claims.dir.get())) return claims;
  }
}

// All that have been made, by their first ids.
Result<std::vector<IdClaim>> taken_ids(int dir) {
  std::vector<IdClaim> taken;
  for (const std::string& name : TRY(sys::list_directory(dir)))
    if (const auto claim = parse_claim(name)) taken.push_back(*claim);
  std::ranges::sort(taken, {}, &IdClaim::first);
  return taken;
}

// The first `count` ids of the pool, at one of its steps, that are not in `taken`.
std::optional<IdClaim> find_gap(const Pool& pool, const std::vector<IdClaim>& taken,
                                std::uint64_t count) {
  std::uint64_t next = pool.first;
  for (const IdClaim& claim : taken) {
    if (end_of(claim) <= next) continue;
    if (claim.first >= next + count) break;
    const std::uint64_t steps = (end_of(claim) - pool.first + pool.size - 1) / pool.size;
    next = pool.first + steps * pool.size;
  }
  if (next + count > pool.first + std::uint64_t{pool.size} * pool.count) return std::nullopt;
  return IdClaim{.first = static_cast<std::uint32_t>(next),
                 .count = static_cast<std::uint32_t>(count)};
}

// Takes what is free, or was somebody's who is gone. Exists: it is somebody's.
Result<> take(int dir, const IdClaim& claim, const std::vector<IdClaim>& taken,
              const std::string& owner) {
  for (const IdClaim& other : taken)
    if (overlap(claim, other) && !is_stale(dir, claim_name(other)))
      return fail(Kind::Exists, "id range " + claim_name(other) + " is in use");
  for (const IdClaim& other : taken)
    if (overlap(claim, other)) ::unlinkat(dir, claim_name(other).c_str(), 0);
  return sys::create_file(dir, claim_name(claim), owner + "\n", sys::Durability::Lazy);
}

}  // namespace

Result<IdClaim> IdRanges::claim(const std::string& owner, std::uint32_t wanted) {
  const Pool pool = TRY(find_pool());
  const std::uint64_t steps =
      std::max<std::uint64_t>(1, (std::uint64_t{wanted} + pool.size - 1) / pool.size);
  if (steps > pool.count)
    return std::unexpected(
        Error(Kind::Unsupported, std::to_string(wanted) + " ids are more than the " +
                                     std::to_string(std::uint64_t{pool.size} * pool.count) +
                                     " that there are")
            .hint("ask for fewer (--userns auto:size=N), or give this user more subordinate ids "
                  "(usermod --add-subuids)"));
  Claims claims = TRY(open_claims(directory_), "claim an id range");
  const std::vector<IdClaim> taken = TRY(taken_ids(claims.dir.get()));
  std::optional<IdClaim> found = find_gap(pool, taken, steps * pool.size);
  if (!found) {
    // Stale claims are looked for only when no other is free: it costs a read for each.
    std::vector<IdClaim> living = taken;
    std::erase_if(living, [&](const IdClaim& claim) {
      return is_stale(claims.dir.get(), claim_name(claim));
    });
    found = find_gap(pool, living, steps * pool.size);
  }
  if (!found)
    return std::unexpected(
        Error(Kind::Unavailable, "all " + std::to_string(pool.count) +
                                     " id ranges are in use by containers" +
                                     (steps > 1 ? ", or not enough of them in a row" : ""))
            .hint("remove containers that are no longer needed (tare rm), or give "
                  "this user more subordinate ids (usermod --add-subuids)"));
  TRY(take(claims.dir.get(), *found, taken, owner), "claim an id range");
  return *found;
}

Result<> IdRanges::confirm(const IdClaim& claim, const std::string& owner) {
  if (claim.count == 0) return {};
  Claims claims = TRY(open_claims(directory_), "confirm an id range");
  const std::string name = claim_name(claim);
  const auto holder = sys::load_file(claims.dir.get(), name, 8192);
  if (holder && trim(*holder) == owner) return {};
  auto taken = take(claims.dir.get(), claim, TRY(taken_ids(claims.dir.get())), owner);
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
  sys::remove_temporaries(claims->dir.get());
  for (const std::string& name : *names) {
    const auto owner = sys::load_file(claims->dir.get(), name, 8192);
    if (owner && owner->starts_with(owners) && is_stale(claims->dir.get(), name))
      ::unlinkat(claims->dir.get(), name.c_str(), 0);
  }
}

void IdRanges::release(const IdClaim& claim, const std::string& owner) {
  if (claim.count == 0) return;
  auto claims = open_claims(directory_);
  if (!claims) return;  // A stale claim is found by the next allocation.
  const std::string name = claim_name(claim);
  const auto holder = sys::load_file(claims->dir.get(), name, 8192);
  if (holder && trim(*holder) == owner) ::unlinkat(claims->dir.get(), name.c_str(), 0);
}

sys::IdMap usual_map(const IdClaim& claim) {
  if (claim.count > kNobody) return {{{.inside = 0, .outside = claim.first, .count = claim.count}}};
  const std::uint32_t rest = claim.count - 1;
  return {{{.inside = 0, .outside = claim.first, .count = rest},
           {.inside = kNobody, .outside = claim.first + rest, .count = 1}}};
}

Result<bool> is_for_containers(const sys::IdRange& ids) {
  const Pool pool = TRY(find_pool());
  const std::uint64_t end = pool.first + std::uint64_t{pool.size} * pool.count;
  return ids.outside < end && pool.first < std::uint64_t{ids.outside} + ids.count;
}

}  // namespace tare::engine
