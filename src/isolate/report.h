// SPDX-License-Identifier: Apache-2.0
// From {step, errno, detail} to a sentence for the operator.
#pragma once

#include "isolate/plan.h"

namespace tare::isolate {

LaunchError explain_failure(const child::Message& message, const PlanMemory& memory);

}  // namespace tare::isolate
