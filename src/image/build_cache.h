// SPDX-License-Identifier: Apache-2.0
// Caches of builds elsewhere: in a registry, in an image layout, or with an image itself.
// docs/formats/build-cache.md
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/image.h"
#include "image/steps.h"

namespace tare::image {

inline constexpr const char* kBuildCacheType = "application/vnd.tare.build-cache.v1+json";
inline constexpr const char* kBuildCacheAnnotation = "dev.tare.build-cache.v1";

// The steps as JSON, in their order.
std::string print_build_cache(const std::vector<Step>& steps);
// Errors: Corrupt, Unsupported, Invalid (too many steps).
Result<std::vector<Step>> parse_build_cache(std::string_view text);

// SECURITY: whoever writes a cache decides what a step that is found in it has made, as if it were
// the author of the Dockerfile. Nothing else is believed: a layer is what its digest says.
class BuildCache {
 public:
  virtual ~BuildCache() = default;
  // `place`: "docker://NAME" or "oci:DIR:TAG". Both must outlive the object. Errors: NotFound;
  // Invalid (no cache is there); those of the registry.
  static Result<std::unique_ptr<BuildCache>> open(store::Store& store, store::RootfsBackend& rootfs,
                                                  const std::string& place,
                                                  const TransferOptions& options,
                                                  const TransferProgress& progress);
  // What it has for a key, kept in the store now; nothing when it has not. Whoever calls holds
  // Steps::hold(). Errors: Corrupt; those of the registry.
  virtual Result<std::optional<Step>> take(const Digest& key) = 0;
};

// Writes a cache of steps whose layers are in the store to `place`. Errors: those of
// Images::copy().
Result<> write_build_cache(store::Store& store, store::RootfsBackend& rootfs,
                           const std::vector<Step>& steps, const std::string& place,
                           const TransferOptions& options, const TransferProgress& progress);

}  // namespace tare::image
