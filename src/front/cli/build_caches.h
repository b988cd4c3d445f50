// SPDX-License-Identifier: Apache-2.0
// --cache-from and --cache-to, as docker buildx build has them.
#pragma once

#include "build/builder.h"
#include "engine/build.h"
#include "front/cli/options.h"

namespace tare::cli {

// Sets `request.inline_cache`, too. Errors: Invalid; Unsupported (other types).
Result<engine::BuildCaches> build_caches(const Arguments& arguments, build::BuildRequest& request);

}  // namespace tare::cli
