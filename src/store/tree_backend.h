// SPDX-License-Identifier: Apache-2.0
// The backends `flat` and `redirect`: rootfs/NAME/KEY/tree is a directory. docs/formats/trees.md
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "store/store.h"

namespace tare::store {

class TreeBackend : public RootfsBackend {
 public:
  enum class Form : std::uint8_t {
    Flat,
    FlatShifted,  // Every id map has a tree of its own even where mounts can be id-mapped (tests).
    Redirect,     // Large files are objects below a tree of metadata.
  };
  TreeBackend(Store& store, Form form) : store_(store), form_(form) {}

  // Whether it works here, by mounting a tree of its own. Errors say why not.
  Result<> try_it();

  std::string name() const override { return form_ == Form::Redirect ? "redirect" : "flat"; }
  Contents contents() const override { return Contents::Objects; }
  Result<> prepare(const Digest& image, const std::vector<Layer>& layers, const sys::IdMap& ids,
                   const Progress& progress) override;
  Result<sys::Fd> mount(const Digest& image, const std::vector<Layer>& layers,
                        const sys::IdMap& ids, int container_dir, bool read_only) override;
  Result<> remove(const Digest& image) override;
  Result<std::vector<Digest>> prepared() const override;
  Result<std::uint64_t> disk_usage(const Digest& image) const override;
  Result<> verify(const Digest& image, const std::vector<Layer>& layers) override;

 private:
  // Whether mounts of the store's file system can be id-mapped by us: tried once per boot.
  bool can_idmap();
  std::string room() const { return "rootfs/" + name(); }
  std::string key(const Digest& image, const sys::IdMap& ids);
  Result<std::vector<std::string>> keys_of(const Digest& image) const;
  Result<sys::Fd> mount_redirect(sys::Fd lower) const;
  Result<sys::Fd> clone_objects() const;

  Store& store_;
  Form form_;
  std::optional<bool> can_idmap_;
};

}  // namespace tare::store
