// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "codec/json.h"
#include "sys/cgroup_stats.h"

namespace tare::front_oci {

// As runc's "events" prints them, which engines read: cpu, memory, pids, blkio, hugetlb, with
// pressure beside them. [runc types/events.go]
json::Value stats_document(const sys::CgroupStats& stats);

}  // namespace tare::front_oci
