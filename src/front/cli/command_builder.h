// SPDX-License-Identifier: Apache-2.0
// What programs ask of docker buildx before they build.
#pragma once

#include "front/cli/context.h"
#include "front/cli/options.h"

namespace tare::cli {

Result<int> cmd_builders(Context& context, const Arguments& arguments);
Result<int> cmd_builder_inspect(Context& context, const Arguments& arguments);
Result<int> cmd_builder_create(Context& context, const Arguments& arguments);
Result<int> cmd_builder_use(Context& context, const Arguments& arguments);
Result<int> cmd_builder_version(Context& context, const Arguments& arguments);
Result<int> cmd_builder_bake(Context& context, const Arguments& arguments);  // command_bake.cc
Result<int> cmd_builder_usage(Context& context, const Arguments& arguments);

}  // namespace tare::cli
