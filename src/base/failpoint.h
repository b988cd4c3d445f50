// SPDX-License-Identifier: Apache-2.0
// Named points between two steps that change something outside this process. A test ends the
// process at one of them and then looks whether the next command finds and cleans what is left
// (tests/scenario/killed-at-every-step.sh, which has to name each of them: tools/check-tests).
//
// Only programs that were compiled with TARE_FAILPOINTS have them; they are built for the tests and
// are never installed. In all others a point is nothing at all, not even a string: who can set a
// variable must not be able to stop an engine half way.
#pragma once

namespace tare {

#ifdef TARE_FAILPOINTS
// TARE_FAILPOINT=NAME: SIGKILL for this process. NAME:parent: for its parent, and it goes on.
// Every point that did so makes the file $TARE_FAILPOINT_HIT.
void failpoint(const char* name) noexcept;
#else
inline void failpoint(const char* /*name*/) noexcept {}
#endif

}  // namespace tare
