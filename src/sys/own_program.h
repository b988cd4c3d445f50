// SPDX-License-Identifier: Apache-2.0
// The file that this process runs from.
#pragma once

#include <span>

#include "base/error.h"

namespace tare::sys {

// Whether nobody can write to it: it is a sealed copy.
bool runs_sealed();

// Runs this program again, from a sealed copy in memory, with the same arguments (without the
// program's name) and environment. Returns only when it runs from such a copy already, or on
// failure. SECURITY: a process that enters a container takes a reference to its program with it,
// and a container can have that program executed again by the name /proc/self/exe; where the
// container's root owns the file outside, it could be overwritten. [CVE-2019-5736]
Result<> run_sealed(std::span<const char* const> arguments);

// Runs this program again, with the same arguments and environment, through a read-only mount of
// its own that is part of no mount namespace, so that nobody can make it writable again. No copy is
// made; the caller needs CAP_SYS_ADMIN. Returns only when it runs so already, or on failure.
// SECURITY: as run_sealed(), where the container's root is the host's. [CVE-2019-5736]
Result<> run_read_only(std::span<const char* const> arguments);

// Where a program that runs sealed finds the path that it was copied from; means nothing elsewhere.
inline constexpr const char* kOriginVariable = "TARE_PROGRAM";

}  // namespace tare::sys
