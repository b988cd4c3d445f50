// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "build/arguments.h"
#include "build/stages.h"

namespace tare::build {

// A sentence when there are --build-arg that no ARG of the Dockerfile, nor of triggers of its
// bases, asks for; proxies, platforms and what is for the builder itself are always known.
// [BuildKit frontend, "One or more build-args ... were not consumed"]
std::vector<std::string> unused_arguments(const StageGraph& graph, const BuildOptions& options);

}  // namespace tare::build
