// SPDX-License-Identifier: Apache-2.0
// What is left of an endpoint whose container has ended.
#pragma once

#include <string>

#include "network/records.h"

namespace tare::network {

// Field 22 of /proc/PID/stat; empty when there is no such process any more, or only its remains.
std::string process_start(int pid);

enum class Released : std::uint8_t { Removed, Gone, StartedAgain };
// Removes the record of this start and the addresses that were taken for it. Of a later start,
// which may be under way, nothing is touched. `store`: its open directory.
Result<Released> release_endpoint(int store, const Endpoint& endpoint);

// Addresses of starts that were killed before they had a record. `store`: its open directory.
void sweep_leases(int store);

}  // namespace tare::network
