// SPDX-License-Identifier: Apache-2.0
// Indexes that the user puts together here from images in registries, before they are pushed:
// manifests/NAME of the store (docs/formats/manifests.md).
#pragma once

#include <string>
#include <vector>

#include "image/image.h"
#include "oci/manifest.h"

namespace tare::image {

class ManifestLists {
 public:
  // `root` is the store's. `options` are for what registries are asked.
  static Result<ManifestLists> open(const std::string& root, TransferOptions options);

  // Images in registries, by name; what each is for is read from its config. Errors: Exists, unless
  // `amend`; Unsupported (an index, an artifact); those of a pull.
  Result<> create(std::string_view name, const std::vector<std::string>& members, bool amend);
  // Says what a member is for; what is empty stays. Errors: NotFound (the list; the member).
  Result<> annotate(std::string_view name, std::string_view member, const oci::Platform& platform);
  // The index as it would be pushed. Errors: NotFound.
  Result<std::string> text(std::string_view name) const;
  // Members that are in other repositories are copied first. Gives the digest of the index.
  Result<Digest> push(std::string_view name, Images& images, const TransferProgress& progress);
  Result<> remove(std::string_view name);

 private:
  struct Member {
    Reference from;  // With a digest.
    oci::Descriptor descriptor;
  };
  struct List {
    Reference name;
    std::vector<Member> members;
  };
  ManifestLists(sys::Fd dir, TransferOptions options)
      : dir_(std::move(dir)), options_(std::move(options)) {}
  Result<List> load(const Reference& name) const;
  Result<> save(const List& list) const;
  static oci::Index index_of(const List& list);

  sys::Fd dir_;  // "manifests".
  TransferOptions options_;
};

}  // namespace tare::image
