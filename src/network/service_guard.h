// SPDX-License-Identifier: Apache-2.0
// A process that does nothing but wait for the end of another, to take its place.
#pragma once

#include "sys/fd.h"

namespace tare::network {

// Makes a child of ours that keeps nothing of what we have open but `kept` and the standard error.
// When we end, however, it executes our program anew with `words`; not at once when we ended soon
// after our begin. Returns its pidfd. Single-threaded callers only.
Result<sys::Fd> start_guard(char* const* words, int kept);
// Ends it if it has not ended, and buries it. To be called before we end on purpose.
void dismiss(const sys::Fd& guard);

}  // namespace tare::network
