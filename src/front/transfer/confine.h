// SPDX-License-Identifier: Apache-2.0
// What a program that speaks with strangers and writes to descriptors that it was given can do
// without: every capability, new privileges, all files but those that name hosts and
// certificates, and most system calls. [security rule: work on bytes from strangers happens where
// little can be done]
#pragma once

#include "base/error.h"

namespace tare::front_transfer {

struct Room {
  int last_descriptor;     // Those behind it are closed.
  int directory = -1;      // Whose files it may read (borrowed); -1: none.
  bool may_write = false;  // And make, and remove.
  int parent = -1;         // Who started it, with whom it ends.
};

// This process, for ever. Where the kernel has no Landlock the files stay in reach; all else is
// needed. Errors: Denied and others of the calls.
Result<> confine(const Room& room);

}  // namespace tare::front_transfer
