// SPDX-License-Identifier: Apache-2.0
// Builds what bake has planned. Each target becomes the command line of a build, so that there is
// one place that understands those.
#pragma once

#include "front/cli/bake_targets.h"
#include "front/cli/context.h"

namespace tare::cli {

// One target behind the other, up to the first that fails: its exit status. `arguments`: those of
// bake that are no changes of targets. Errors: Denied (what --allow does not grant), and a build's.
Result<int> build_bake(Context& context, const Arguments& arguments, const BakePlan& plan);

}  // namespace tare::cli
