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

Result<KnownSums> KnownSums::load(const Store& store) {
  KnownSums known;
  for (const std::string& name : TRY(sys::list_directory(store.dir(), "layers"))) {
    if (!name.ends_with(".index")) continue;
    const auto diff_id = Digest::parse("sha256:" + name.substr(0, name.size() - 6));
    const auto file = sys::open_at(store.dir(), "layers/" + name, O_RDONLY | O_NOFOLLOW);
    if (diff_id && file) known.add(file->get(), *diff_id);
  }
  return known;
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
