// SPDX-License-Identifier: Apache-2.0
// build --at and --shell-on-error: the user's terminal in the state of a step.
#pragma once

#include "engine/build.h"
#include "front/cli/build_view.h"
#include "front/cli/context.h"

namespace tare::cli {

// All must outlive it. `view` stops before the shell begins. What goes wrong is reported; `status`
// gets the exit status of the shell.
engine::BuildShell build_shell(Context& context, engine::Engine& engine, BuildView& view,
                               int& status);

}  // namespace tare::cli
