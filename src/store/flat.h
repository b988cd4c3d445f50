// SPDX-License-Identifier: Apache-2.0
// The `flat` backend: rootfs/flat/KEY/tree is an ordinary directory.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "store/store.h"

namespace tare::store {

class FlatBackend : public RootfsBackend {
 public:
  // With `shifted`, every id map has a tree of its own even where mounts can be id-mapped (tests).
  explicit FlatBackend(Store& store, bool shifted = false) : store_(store), shifted_(shifted) {}

  std::string name() const override { return "flat"; }
  Result<> prepare(const Digest& image, const std::vector<Layer>& layers, const sys::IdMap& ids,
                   const Progress& progress) override;
  Result<sys::Fd> mount(const Digest& image, const sys::IdMap& ids, int container_dir,
                        bool read_only) override;
  Result<> remove(const Digest& image) override;
  Result<std::vector<Digest>> prepared() const override;
  Result<std::uint64_t> disk_usage(const Digest& image) const override;

 private:
  // Whether mounts of the store's file system can be id-mapped by us: tried once per boot.
  bool can_idmap();
  std::string key(const Digest& image, const sys::IdMap& ids);
  Result<std::vector<std::string>> keys_of(const Digest& image) const;
  Result<sys::Fd> mount_overlay(sys::Fd lower, const struct stat& root, const sys::IdMap& ids,
                                int container_dir);

  Store& store_;
  bool shifted_;
  std::optional<bool> can_idmap_;
};

}  // namespace tare::store
