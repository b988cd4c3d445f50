// SPDX-License-Identifier: Apache-2.0
// Paths as text: nothing is looked up.
#pragma once

#include <string>
#include <string_view>

namespace tare {

// Without "." and "..", "//" and a '/' at the end; "" gives ".". A ".." that leads above "/" is
// left out, above a relative path it stays. [Go path.Clean]
std::string clean_path(std::string_view path);

}  // namespace tare
