// SPDX-License-Identifier: Apache-2.0
// Private to the room: what profiles of Docker's format have beyond those of OCI.
#pragma once

#include <span>
#include <string>

#include "policy/policy.h"
#include "policy/tables.h"

namespace tare::policy {

// compile_oci_seccomp on a machine of the ABI `native`. `also_known`: calls that the author of the
// profile knew, though no entry for them counts here.
Result<CompiledSeccomp> compile_profile(const oci::SeccompProfile& profile, Abi native,
                                        std::span<const std::string> also_known);

}  // namespace tare::policy
