// SPDX-License-Identifier: Apache-2.0
// Names of archive members.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::store {

// The path of an archive member below the root: "/a//b/", "./a/b" and "a/b" are all "a/b"; the root
// itself is "". Errors: Invalid for ".." anywhere, which no honest tool writes.
Result<std::string> member_path(std::string_view name);

}  // namespace tare::store
