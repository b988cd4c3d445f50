// SPDX-License-Identifier: Apache-2.0
#include "image/credentials.h"

namespace tare::image {

Result<Credentials> find_credentials(const std::string&, const std::string&) {
  return Credentials{};
}

}  // namespace tare::image
