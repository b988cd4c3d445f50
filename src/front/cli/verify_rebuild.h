// SPDX-License-Identifier: Apache-2.0
// `tare verify --rebuild IMAGE [CONTEXT]`.
#pragma once

#include "front/cli/context.h"
#include "front/cli/options.h"

namespace tare::cli {

// The exit status: 1 when the image does not come from its recipe, which is told.
Result<int> verify_rebuild(Context& context, const Arguments& arguments);

}  // namespace tare::cli
