// SPDX-License-Identifier: Apache-2.0
// The archives that we write: one layout for both formats. An OCI archive is oci-layout, index.json
// and blobs/; a docker-archive has manifest.json beside, pointing into blobs/, as Docker writes it
// since 25. So every digest survives, and the same content gives the same bytes. Private to the
// room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/stream.h"
#include "codec/tar.h"
#include "image/image.h"
#include "oci/manifest.h"

namespace tare::image {

// "blobs/sha256/HEX", the place of a blob in layouts and archives.
std::string layout_path(const Digest& digest);

class ArchiveWriter {
 public:
  explicit ArchiveWriter(codec::Sink& sink) : tar_(sink) {}

  // What comes before the blobs; `docker`: manifest.json, unless it is empty.
  Result<> begin(std::string_view index, std::string_view docker);
  // Verified on the way. Errors: Corrupt, and then the archive is of no use.
  Result<> add_blob(const Digest& digest, std::uint64_t size, codec::Source& source);
  Result<> finish() { return tar_.finish(); }

 private:
  Result<> add_text(const std::string& name, std::string_view text);
  Result<> add_directory(const std::string& name);
  tar::Writer tar_;
};

// One image of a docker-archive. `layers` are those of its manifest.
struct DockerItem {
  Digest config;
  std::vector<Digest> layers;
  std::vector<std::string> names;  // As people write them.
};
std::string print_docker_items(const std::vector<DockerItem>& items);

}  // namespace tare::image
