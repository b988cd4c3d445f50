// SPDX-License-Identifier: Apache-2.0
// PRIVILEGED. Other circumstances for a program: directories that list their names in another
// order, and files with other numbers of inodes.
#pragma once

#include "sys/fd.h"

namespace tare::store {

// In a container's directory: its mounts have them.
inline constexpr const char* kOtherOrder = "other-order";
bool has_other_order(int container_dir);

// A detached tmpfs with the names of `lower` (a detached mount, borrowed): its directories, and
// empty files for all else. An overlay lists what its lowest layer has in that one's order, and
// takes everything else from the layers above. In directories of tmpfs the order is that of making;
// names are made in one that is neither that of the alphabet nor a file system's. Errors: of the
// kernel.
Result<sys::Fd> make_other_order(int lower);

}  // namespace tare::store
