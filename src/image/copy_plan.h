// SPDX-License-Identifier: Apache-2.0
// What belongs to what a name stands for. Private to the room.
#pragma once

#include "image/copy_ends.h"

namespace tare::image {

struct CopyChoice {
  oci::Platform platform;  // Empty: this machine's.
  bool all = false;        // The whole of an index.
  bool referrers = false;
};
// Errors: NotFound, Corrupt; Unsupported (no image for the platform); Invalid (too much of it).
Result<CopyPlan> plan_copy(CopySource& source, const CopyChoice& choice);

}  // namespace tare::image
