// SPDX-License-Identifier: Apache-2.0
// Whether others can change what a path leads to.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/error.h"

namespace tare::sys {

// Whether the mode lets others than the owner write: everybody, or a group that is not the
// caller's own.
bool is_writable_by_others(const struct stat& info);

// That nobody but the caller and root can exchange anything on the way to `path`, which is absolute
// and without links. In a user namespace those that it has no ids for count as root: nobody can
// tell. Errors: Denied, with the directory.
Result<> check_way(const std::string& path);

}  // namespace tare::sys
