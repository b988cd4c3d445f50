// SPDX-License-Identifier: Apache-2.0
// How a new process comes into being: it shares our memory, so that nothing is copied, does no more
// than wait for us and become root of its user namespace, and runs the helper program.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "child/plan.h"
#include "sys/fd.h"

namespace tare::isolate {

// What the new process knows, and its stack. It has to stay as it is until that process has run the
// helper or has ended.
struct Cradle {
  int channel = -1;     // Its end...
  int parent_end = -1;  // ...and ours, which it closes: else nobody would see that we are gone.
  int helper = -1;
  bool waits = false;            // For a byte at the channel before anything else: for its id maps.
  bool root = false;             // Becomes root of the user namespace that it was born in.
  bool groups = false;           // May call setgroups(2) there.
  std::uint64_t namespaces = 0;  // CLONE_NEW* that the helper makes before it says that it runs.
  char numbers[2][12] = {};      // The channel's and those, for the helper's command line.
  alignas(16) std::byte stack[4096] = {};
};

struct Birth {
  std::uint64_t flags = 0;  // CLONE_NEW*
  int cgroup = -1;          // Directory of the v2 group to be born in.
  bool share_memory = true;
};

// As clone3(2): the process's number, or -1 and errno.
long bear(const Birth& birth, Cradle& cradle, int& pidfd);

}  // namespace tare::isolate
