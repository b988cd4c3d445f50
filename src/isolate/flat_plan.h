// SPDX-License-Identifier: Apache-2.0
// A launch plan as the helper program takes it (src/child/plan.h, Handover): one run of bytes whose
// pointers hold where it is mapped, and the descriptors that it names by index.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "child/plan.h"
#include "sys/fd.h"

namespace tare::isolate {

struct FlatPlan {
  std::string bytes;
  std::vector<int> descriptors;  // Borrowed from the plan.
};

// A deep copy. Invalid when there are more descriptors than can be handed over.
Result<FlatPlan> flatten(const child::Plan& plan);

// Hands it over at `channel`, with a file of its bytes.
Result<> hand_over(int channel, const FlatPlan& plan);

}  // namespace tare::isolate
