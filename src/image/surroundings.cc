// SPDX-License-Identifier: Apache-2.0
#include "image/surroundings.h"

#include <cstdlib>

namespace tare::image {

std::string surroundings(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace tare::image
