// SPDX-License-Identifier: Apache-2.0
// Which backend: by trying, never by version.
#include <fcntl.h>

#include <algorithm>

#include "base/text.h"
#include "store/erofs_backend.h"
#include "store/settings.h"
#include "store/store.h"
#include "store/tree_backend.h"
#include "sys/files.h"

namespace tare::store {
namespace {

constexpr const char* kNames[] = {"erofs", "erofs-loop", "redirect", "flat"};  // Best first.
constexpr const char* kRooms[] = {"erofs", "redirect", "flat"};  // Each a directory below rootfs/.
constexpr const char* kChosenFile = "backend";                   // In rootfs: "BOOT-ID NAME".

Result<> try_backend(Store& store, const std::string& name) {
  if (name == "erofs") return ErofsBackend(store, ErofsBackend::Source::File).try_it();
  if (name == "erofs-loop") return ErofsBackend(store, ErofsBackend::Source::Loop).try_it();
  if (name == "redirect") return TreeBackend(store, TreeBackend::Form::Redirect).try_it();
  return {};
}

std::string find_backend(Store& store) {
  const std::string boot = sys::boot_id();
  const auto known = sys::load_file(store.dir(), "rootfs/" + std::string(kChosenFile), 256);
  if (known && !boot.empty() && known->starts_with(boot + " ")) {
    const std::string name = known->substr(boot.size() + 1);
    if (make_backend(store, name)) return name;
  }
  for (const char* name : kNames) {
    if (!try_backend(store, name)) continue;
    // Not remembered: tried again next time.
    if (const auto room = sys::open_at(store.dir(), "rootfs", O_RDONLY | O_DIRECTORY))
      (void)sys::replace_file(room->get(), kChosenFile, boot + " " + name, sys::Durability::Lazy);
    return name;
  }
  return "flat";
}

}  // namespace

Result<std::unique_ptr<RootfsBackend>> make_backend(Store& store, const std::string& name) {
  if (name == "erofs") return std::make_unique<ErofsBackend>(store, ErofsBackend::Source::File);
  if (name == "erofs-loop")
    return std::make_unique<ErofsBackend>(store, ErofsBackend::Source::Loop);
  if (name == "redirect") return std::make_unique<TreeBackend>(store, TreeBackend::Form::Redirect);
  if (name == "flat") return std::make_unique<TreeBackend>(store, TreeBackend::Form::Flat);
  return std::unexpected(
      Error(Kind::Invalid, "there is no backend " + quoted(name) + " for root file systems")
          .hint("there are erofs, erofs-loop, redirect and flat"));
}

Result<RootfsBackend*> ChosenBackend::chosen() const {
  if (backend_) return backend_.get();
  if (const std::string forced = forced_backend(); !forced.empty()) {
    auto backend = TRY(make_backend(store_, forced), "TARE_ROOTFS");
    TRY(try_backend(store_, forced), "TARE_ROOTFS: " + forced + " does not work here");
    backend_ = std::move(backend);
  } else {
    backend_ = TRY(make_backend(store_, find_backend(store_)));
  }
  return backend_.get();
}

std::string ChosenBackend::name() const {
  const auto backend = chosen();
  return backend ? (*backend)->name() : "none";
}

Contents ChosenBackend::contents() const {
  const auto backend = chosen();
  return backend ? (*backend)->contents() : Contents::Packs;
}

Result<> ChosenBackend::prepare(const Digest& image, const std::vector<Layer>& layers,
                                const sys::IdMap& ids, const Progress& progress) {
  return TRY(chosen())->prepare(image, layers, ids, progress);
}

Result<sys::Fd> ChosenBackend::mount(const Digest& image, const std::vector<Layer>& layers,
                                     const sys::IdMap& ids, int container_dir, bool read_only) {
  return TRY(chosen())->mount(image, layers, ids, container_dir, read_only);
}

Result<> ChosenBackend::verify(const Digest& image, const std::vector<Layer>& layers) {
  return TRY(chosen())->verify(image, layers);
}

Result<> ChosenBackend::remove(const Digest& image) {
  for (const char* name : kRooms) {
    const auto backend = TRY(make_backend(store_, name));
    TRY(backend->remove(image));
  }
  return {};
}

Result<std::vector<Digest>> ChosenBackend::prepared() const {
  std::vector<Digest> all;
  for (const char* name : kRooms) {
    const auto backend = TRY(make_backend(store_, name));
    const std::vector<Digest> own = TRY(backend->prepared());
    all.insert(all.end(), own.begin(), own.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

Result<std::uint64_t> ChosenBackend::disk_usage(const Digest& image) const {
  std::uint64_t total = 0;
  for (const char* name : kRooms) {
    const auto backend = TRY(make_backend(store_, name));
    total += TRY(backend->disk_usage(image));
  }
  return total;
}

std::vector<BackendTrial> try_backends(Store& store) {
  std::vector<BackendTrial> trials;
  for (const char* name : kNames) {
    const Result<> tried = try_backend(store, name);
    trials.push_back({.name = name, .why_not = tried ? "" : tried.error().message()});
  }
  return trials;
}

}  // namespace tare::store
