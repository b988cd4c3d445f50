// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>

#include <string_view>

#include "base/error.h"

namespace tare::sys {

// "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3". [signal(7)] Errors: Invalid, with the nearest
// name.
Result<int> parse_signal(std::string_view text);

// All signals wait while this lives: no handler of ours runs, nor in a process that is made then
// and shares our memory. Keeps errno.
class SignalsBlocked {
 public:
  SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked();

 private:
  sigset_t before_{};
};

}  // namespace tare::sys
