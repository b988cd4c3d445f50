// SPDX-License-Identifier: Apache-2.0
// The `erofs` backend: rootfs/erofs/HEX.erofs over the packs of the layers. docs/formats/erofs.md
#pragma once

#include "store/image_tree.h"
#include "store/seals.h"
#include "store/store.h"

namespace tare::store {

class ErofsBackend : public RootfsBackend {
 public:
  enum class Source : std::uint8_t { File, Loop };
  ErofsBackend(Store& store, Source source) : store_(store), source_(source) {}

  // Whether it works here, by mounting an image of its own. Errors say why not.
  Result<> try_it();

  std::string name() const override { return source_ == Source::File ? "erofs" : "erofs-loop"; }
  Contents contents() const override { return Contents::Packs; }
  Result<> prepare(const Digest& image, const std::vector<Layer>& layers, const sys::IdMap& ids,
                   const Progress& progress) override;
  Result<sys::Fd> mount(const Digest& image, const std::vector<Layer>& layers,
                        const sys::IdMap& ids, int container_dir, bool read_only) override;
  Result<> remove(const Digest& image) override;
  Result<std::vector<Digest>> prepared() const override;
  Result<std::uint64_t> disk_usage(const Digest& image) const override;
  Result<> verify(const Digest& image, const std::vector<Layer>& layers) override;

 private:
  // The files of an image, open.
  struct Files {
    sys::Fd image;
    std::vector<Digest> layers;  // Of the packs.
    std::vector<sys::Fd> packs;
  };
  Result<Files> open_files(const Digest& image) const;
  Result<> verify_pack(const Digest& layer) const;
  Result<> check_seals(const Digest& image, const std::vector<Layer>& layers, const Files& files);
  Result<sys::Fd> mount_image(const Files& files) const;
  Result<> write_image(const Digest& image, const ImageTree& tree);

  Store& store_;
  Source source_;
};

}  // namespace tare::store
