// SPDX-License-Identifier: Apache-2.0
#include "base/path.h"

#include <utility>
#include <vector>

#include "base/text.h"

namespace tare {

std::string clean_path(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string> parts;
  for (std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(std::move(part));
    else if (!parts.empty() && parts.back() != "..")
      parts.pop_back();
    else if (!absolute)
      parts.push_back(std::move(part));
  }
  const std::string joined = join(parts, "/");
  if (absolute) return "/" + joined;
  return joined.empty() ? "." : joined;
}

}  // namespace tare
