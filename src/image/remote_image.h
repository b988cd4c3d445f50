// SPDX-License-Identifier: Apache-2.0
// From a name to the one image behind it that is wanted: manifest or index, platform, config; each
// document verified. Private to the room.
#pragma once

#include <string>

#include "image/plan.h"
#include "image/registry.h"

namespace tare::image {

struct RemoteImage {
  Digest named;  // Of what the name stands for: the manifest, or the index around it.
  Digest manifest;
  PlannedImage plan;  // PlannedLayer::path is the digest as text.
};

// "linux/arm64", "linux/arm/v7", "arm64". Errors: Invalid.
Result<oci::Platform> parse_platform(std::string_view text);
// Whether an image for `has` is what is wanted; empty: for this machine.
bool matches(const oci::Platform& has, const oci::Platform& wanted);
std::unexpected<Error> no_such_platform(const oci::Platform& wanted,
                                        const std::vector<std::string>& others);
// Errors: Unsupported for what is no image, or has layers that are elsewhere or no file systems.
Result<> check_is_image(const oci::Manifest& manifest);
// The image of `tag_or_digest` at `site` for `platform` (empty: this machine's). Errors: NotFound;
// Unsupported (no image for the platform; an artifact; a layer that has to be got elsewhere);
// Corrupt.
Result<RemoteImage> find_remote(Registry& registry, const Site& site,
                                const std::string& tag_or_digest, const oci::Platform& platform);

}  // namespace tare::image
