// SPDX-License-Identifier: Apache-2.0
// Users and passwords of registries, in the files that docker and podman have: auths, credHelpers
// and credsStore of ~/.docker/config.json; auth.json. [docker-login(1), containers-auth.json(5)]
// Private to the room.
#pragma once

#include <string>

#include "base/error.h"
#include "codec/json.h"
#include "image/login.h"

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
Result<LoginResult> store_credentials(const std::string& host, const Credentials& credentials);
Result<bool> erase_credentials(const std::string& host);

// Docker's config.json; empty when there is none. Errors: Invalid, naming the file.
Result<json::Value> load_docker_config();

// The programs docker-credential-NAME: a request on standard input, JSON or a sentence on standard
// output. [docker/docker-credential-helpers, README "Development"] Errors: Invalid (the name),
// NotFound (the program), Unavailable (what it said).
Result<Credentials> helper_get(const std::string& name, const std::string& server);
Result<> helper_store(const std::string& name, const std::string& server,
                      const Credentials& credentials);
Result<> helper_erase(const std::string& name, const std::string& server);

}  // namespace tare::image
