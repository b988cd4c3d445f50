// SPDX-License-Identifier: Apache-2.0
// Versions of Debian packages. [deb-version(7)]
#pragma once

#include <string_view>

namespace tare::deb {

// [EPOCH:]UPSTREAM[-REVISION], of the characters that versions may have.
bool is_version(std::string_view text);

// Below 0, 0 or above 0: which is the later one. Of any text, in a total order.
int compare_versions(std::string_view left, std::string_view right);

}  // namespace tare::deb
