// SPDX-License-Identifier: Apache-2.0
// Logging in to registries and out: for the fronts. No store is needed.
#pragma once

#include <optional>
#include <string>

#include "image/transfers.h"

namespace tare::image {

struct LoginRequest {
  std::string server;  // "" and "docker.io": Docker Hub.
  std::string user;
  std::string password;
  TransferOptions options;
};
struct LoginResult {
  std::string file;       // Where the password is, readable for this user...
  bool is_plain = false;  // ...and for anybody who gets the file. False: a helper keeps it.
};
// Tries the password at the registry, and keeps it when it is right. Errors: Denied, Unavailable.
Result<LoginResult> login(const LoginRequest& request);
// False: there was nothing to forget.
Result<bool> logout(const std::string& server);
// The user that is kept for a server, without the password.
Result<std::string> known_user(const std::string& server);
// "docker.io" for "", "https://index.docker.io/v1/"; "host:port" for "https://host:port/v2/".
std::string server_host(const std::string& server);

}  // namespace tare::image
