// SPDX-License-Identifier: Apache-2.0
// From a container's configuration to what the kernel is asked for.
#pragma once

#include <linux/filter.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/container_networks.h"
#include "engine/engine.h"
#include "isolate/isolate.h"
#include "store/store.h"

namespace tare::engine {

// The seccomp filter of a configuration for a process with these capabilities; empty only with the
// seccomp-off grant. Errors: Invalid (the profile).
Result<std::vector<sock_filter>> seccomp_filter(const CreateRequest& config,
                                                std::uint64_t capabilities);
// "nofile" and "1024:2048" to numbers. Errors: Invalid with the nearest name.
Result<std::vector<isolate::Rlimit>> parse_ulimits(
    const std::vector<std::pair<std::string, std::string>>& ulimits);

// Everything of the Spec but `init`, for a container whose root file system is mounted at `root`
// (taken over). Reads the container's user database from it. Errors: NotFound (a volume is gone).
Result<isolate::Spec> make_spec(const Container& container, sys::Fd root, const store::Store& store,
                                const StartingNetworks& networks);

// A process as exec starts it in that container.
Result<isolate::Process> make_exec_process(const Container& container, int root,
                                           const ExecRequest& request);

// A sentence for every limit that is lower than asked for, because this process may not raise it.
std::vector<std::string> clamped_ulimits(const CreateRequest& config);

}  // namespace tare::engine
