// SPDX-License-Identifier: Apache-2.0
// Hears requests on the socket and runs them, until the socket ends.
#pragma once

#include "base/error.h"

namespace tare::front_transfer {

// Returns when the other side is gone. Errors: Invalid (it does not speak our language), Internal.
Result<> serve(int socket);

}  // namespace tare::front_transfer
