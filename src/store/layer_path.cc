// SPDX-License-Identifier: Apache-2.0
#include "store/layer_path.h"

#include "base/text.h"

namespace tare::store {

Result<std::string> member_path(std::string_view name) {
  std::string path;
  for (const std::string& part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..")
      return fail(Kind::Invalid, "the name has '..' in it, which could lead out of the image");
    if (!path.empty()) path += '/';
    path += part;
  }
  if (path.find('\0') != std::string::npos)
    return fail(Kind::Invalid, "the name has a NUL byte in it");
  return path;
}

}  // namespace tare::store
