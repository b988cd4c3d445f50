// SPDX-License-Identifier: Apache-2.0
// Users and passwords of registries, in the files that docker and podman have. Private to the room.
#pragma once

#include <string>

#include "base/error.h"

namespace tare::image {

struct Credentials {
  std::string user;
  std::string password;
  std::string identity_token;
  bool empty() const { return user.empty() && identity_token.empty(); }
};

// What is known for a repository of a registry; empty when nothing is. Errors: Invalid, naming the
// file and never what is in it.
Result<Credentials> find_credentials(const std::string& host, const std::string& repository);

}  // namespace tare::image
