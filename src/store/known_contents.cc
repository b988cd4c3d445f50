// SPDX-License-Identifier: Apache-2.0
#include "store/known_contents.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "store/layers.h"
#include "sys/files.h"

namespace tare::store {

KnownSums::~KnownSums() {
  for (const auto& [address, size] : maps_) ::munmap(address, size);
}

Result<KnownSums> KnownSums::load(const Store& store, const std::vector<Digest>& like) {
  KnownSums known;
  for (const std::string& name : TRY(sys::list_directory(store.dir(), "layers"))) {
    if (!name.ends_with(".index")) continue;
    const auto diff_id = Digest::parse("sha256:" + name.substr(0, name.size() - 6));
    const auto file = sys::open_at(store.dir(), "layers/" + name, O_RDONLY | O_NOFOLLOW);
    if (diff_id && file) known.add(file->get(), *diff_id);
  }
  // What is not there or not right is not shared: that is no duty.
  for (const Digest& layer : like) (void)known.add_small(store, layer);
  return known;
}

namespace {

constexpr std::uint64_t kMostSmall = 300'000;  // Each is told of in a line.

bool is_small(const IndexEntry& entry) {
  return entry.type == tar::Type::Regular && entry.size > 0 && entry.size <= kShareAbove &&
         entry.content.pack <= kMaxReferences;
}

// Whether a pack is worth being kept for a layer like `like`: it has a good part of that one's
// little files, and not much else. So a layer that is made again and again with a few changes does
// not need all those before it, and no great pack stays for a few files.
bool is_worth(const Store& store, const Digest& layer, std::uint64_t count, std::uint64_t all) {
  constexpr std::uint64_t kPart = 4;
  struct stat info{};
  const auto pack = open_pack(store, layer);
  if (!pack || ::fstat(pack->get(), &info) != 0) return false;
  return count * kPart >= all && 2 * count * kPackAlign >= static_cast<std::uint64_t>(info.st_size);
}

}  // namespace

std::size_t KnownSums::number_of(const Digest& layer) {
  auto& layers = contents_.layers;
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (layers[i].first == layer) return i;
  layers.emplace_back(layer, std::span<const Sum>());
  return layers.size() - 1;
}

Result<> KnownSums::add_small(const Store& store, const Digest& like) {
  const LayerIndex index = TRY(load_layer(store, like));
  std::vector<Digest> packs = {like};
  packs.insert(packs.end(), index.references().begin(), index.references().end());
  std::vector<std::uint64_t> counts(packs.size());
  std::uint64_t all = 0;
  TRY(index.each([&](const IndexEntry& entry) -> Result<> {
    if (!is_small(entry) || entry.content.pack >= packs.size()) return {};
    ++counts[entry.content.pack];
    ++all;
    return {};
  }));
  std::vector<std::optional<std::size_t>> numbers(packs.size());
  if (all + contents_.small.size() > kMostSmall) return {};
  for (std::size_t i = 0; i < packs.size(); ++i)
    if (counts[i] > 0 && is_worth(store, packs[i], counts[i], all))
      numbers[i] = number_of(packs[i]);
  return index.each([&](const IndexEntry& entry) -> Result<> {
    if (!is_small(entry) || entry.content.pack >= packs.size()) return {};
    if (const auto number = numbers[entry.content.pack])
      contents_.small.try_emplace(
          entry.content.digest,
          KnownContents::Small{.place = {.layer = *number, .offset = entry.content.offset},
                               .size = entry.size});
    return {};
  });
}

// What is not a whole index is left out: sharing is no duty.
void KnownSums::add(int file, const Digest& diff_id) {
  struct stat info{};
  if (::fstat(file, &info) != 0 || info.st_size < 104) return;
  const auto size = static_cast<std::size_t>(info.st_size);
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (address == MAP_FAILED) return;
  maps_.emplace_back(address, size);
  const auto sums = LayerIndex::sums_of({static_cast<const char*>(address), size});
  if (!sums.empty()) contents_.layers.emplace_back(diff_id, sums);
}

Result<ContentFinder> ContentFinder::open(const Store& store) {
  const auto objects = sys::list_directory(store.dir(), "objects");
  return ContentFinder(store, TRY(KnownSums::load(store)), objects && !objects->empty());
}

bool ContentFinder::has_object(const Digest& digest, std::uint64_t size) const {
  struct stat info{};
  return size > kObjectAbove &&
         ::fstatat(store_->dir(), object_path(digest).c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(info.st_mode) && static_cast<std::uint64_t>(info.st_size) == size;
}

bool ContentFinder::has(const Digest& digest, std::uint64_t size) const {
  return known_.contents().find(raw_digest(digest), size).has_value() || has_object(digest, size);
}

Result<ContentFinder::Opened> ContentFinder::open(const Digest& digest, std::uint64_t size) const {
  if (const auto place = known_.contents().find(raw_digest(digest), size))
    return Opened{.file = TRY(open_pack(*store_, known_.contents().layers[place->layer].first)),
                  .offset = place->offset};
  return Opened{
      .file = TRY(sys::open_at(store_->dir(), object_path(digest), O_RDONLY | O_NOFOLLOW)),
      .offset = 0};
}

}  // namespace tare::store
