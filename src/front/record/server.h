// SPDX-License-Identifier: Apache-2.0
// The proxy of one RUN. Private to the program.
#pragma once

#include "base/error.h"

namespace tare::front_record {

// With the descriptors of transfer/recording.h; until it is killed.
Result<> serve(int parent);

}  // namespace tare::front_record
