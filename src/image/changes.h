// SPDX-License-Identifier: Apache-2.0
// The Dockerfile instructions that change a config only: docker import --change, docker commit
// --change. [Dockerfile reference]
#pragma once

#include <string>
#include <vector>

#include "oci/image_config.h"

namespace tare::image {

// CMD, ENTRYPOINT, ENV, USER, WORKDIR, EXPOSE, VOLUME, LABEL, STOPSIGNAL, HEALTHCHECK, ONBUILD, one
// a string, in order. Errors: Invalid, with the instruction that was meant as hint.
Result<> apply_changes(oci::ImageConfig& config, const std::vector<std::string>& changes);

}  // namespace tare::image
