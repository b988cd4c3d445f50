// SPDX-License-Identifier: Apache-2.0
// Putting a layer in the place of a damaged one, when others use its contents.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "store/layers.h"
#include "sys/files.h"

namespace tare::store {
namespace {

constexpr std::size_t kMaxIndexFile = 1ull << 30;

// By where it starts in the pack.
struct Wanted {
  RawDigest digest{};
  std::uint64_t size = 0;
};
using Places = std::map<std::uint64_t, Wanted>;

// What `index` finds in the pack of `diff_id`.
Result<> collect(const LayerIndex& index, const Digest& diff_id, Places& places) {
  const auto& references = index.references();
  const auto at = std::ranges::find(references, diff_id);
  if (at == references.end()) return {};
  const auto number = static_cast<std::uint16_t>(at - references.begin() + 1);
  return index.each([&](const IndexEntry& entry) -> Result<> {
    if (entry.content.pack == number)
      places[entry.content.offset] = {.digest = entry.content.digest, .size = entry.size};
    return {};
  });
}

Result<Places> wanted_by_others(const Store& store, const Digest& diff_id) {
  Places places;
  for (const std::string& name : TRY(sys::list_directory(store.dir(), "layers"))) {
    if (!name.ends_with(".index")) continue;
    const auto other = Digest::parse("sha256:" + name.substr(0, name.size() - 6));
    if (!other || *other == diff_id) continue;
    // One that is damaged itself is taken in again, and then finds its contents anew.
    if (const auto index = load_layer(store, *other)) TRY(collect(*index, diff_id, places));
  }
  return places;
}

Result<> copy_range(int from, std::uint64_t source, int to, std::uint64_t target,
                    std::uint64_t size) {
  auto in = static_cast<off_t>(source);
  auto out = static_cast<off_t>(target);
  char buffer[64 << 10];
  while (size > 0) {
    const ssize_t count = ::pread(from, buffer, std::min<std::uint64_t>(size, sizeof buffer), in);
    if (count < 0) return fail_errno("read the contents of a layer");
    if (count == 0) return fail(Kind::Corrupt, "the contents of a layer end too early");
    for (ssize_t done = 0; done < count;) {
      const ssize_t written =
          ::pwrite(to, buffer + done, static_cast<std::size_t>(count - done), out + done);
      if (written < 0) return fail_errno("write the contents of a layer");
      done += written;
    }
    in += count;
    out += count;
    size -= static_cast<std::uint64_t>(count);
  }
  return {};
}

// The same index for a pack whose contents start `base` further on.
Result<std::string> moved_index(const LayerIndex& index, std::uint64_t base) {
  IndexWriter writer;
  TRY(index.each([&](IndexEntry entry) -> Result<> {
    if (entry.content.pack == 0) entry.content.offset += base;
    return writer.add(entry);
  }));
  std::vector<Sum> sums(index.sums().begin(), index.sums().end());
  for (Sum& sum : sums) sum.offset += base;
  IndexSummary summary = index.summary();
  summary.pack_bytes += base;
  return writer.finish(summary, index.references(), std::move(sums));
}

Result<> move_behind(int place, const LayerIndex& index, const Places& wanted,
                     const std::map<RawDigest, std::uint64_t>& found) {
  const auto& [last, what] = *wanted.rbegin();
  const std::uint64_t base = (last + what.size + kPackAlign - 1) / kPackAlign * kPackAlign;
  const sys::Fd pack = TRY(sys::open_at(place, "pack", O_RDONLY));
  const sys::Fd file = TRY(sys::open_at(place, "moved", O_RDWR | O_CREAT | O_EXCL, 0400));
  TRY(copy_range(pack.get(), 0, file.get(), base, index.summary().pack_bytes));
  for (const auto& [offset, content] : wanted)
    if (const auto at = found.find(content.digest); at != found.end())
      TRY(copy_range(pack.get(), at->second, file.get(), offset, content.size));
  if (::ftruncate(file.get(), static_cast<off_t>(base + index.summary().pack_bytes)) != 0)
    return fail_errno("set the size of a layer's pack");
  if (::renameat(place, "moved", place, "pack") != 0) return fail_errno("name a layer's pack");
  return sys::replace_file(place, "index", TRY(moved_index(index, base)), sys::Durability::Lazy);
}

}  // namespace

Result<> keep_shared_contents(const Store& store, int place, const Digest& diff_id) {
  const Places wanted = TRY(wanted_by_others(store, diff_id));
  if (wanted.empty()) return {};
  std::string bytes = TRY(sys::load_file(place, "index", kMaxIndexFile));
  const LayerIndex index = TRY(LayerIndex::parse(std::move(bytes)));
  std::map<RawDigest, std::uint64_t> found;
  std::map<std::uint64_t, RawDigest> at;
  TRY(index.each([&](const IndexEntry& entry) -> Result<> {
    if (entry.content.pack != 0) return {};
    found.emplace(entry.content.digest, entry.content.offset);
    at.emplace(entry.content.offset, entry.content.digest);
    return {};
  }));
  const bool all_there = std::ranges::all_of(wanted, [&](const auto& one) {
    const auto here = at.find(one.first);
    return here != at.end() && here->second == one.second.digest;
  });
  return all_there ? Result<>() : move_behind(place, index, wanted, found);
}

}  // namespace tare::store
