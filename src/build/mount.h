// SPDX-License-Identifier: Apache-2.0
// The value of RUN --mount=... [BuildKit frontend 1.20, reference.md "RUN --mount"]
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "build/expansion.h"
#include "build/instruction.h"

namespace tare::build {

struct Mount {
  enum class Type : std::uint8_t { Bind, Cache, Tmpfs, Secret, Ssh };
  enum class Sharing : std::uint8_t { Shared, Private, Locked };

  Type type = Type::Bind;
  std::string from;    // A stage, an image or a named context; "" is the build context.
  std::string source;  // Of a bind or a cache, a path in `from`.
  std::string
      target;  // May be empty for secrets and agents, and relative to the working directory.
  bool read_only = true;
  std::uint64_t size_bytes = 0;       // Of a tmpfs; 0: no limit.
  std::string id;                     // Of a cache, a secret or an agent; "" takes the default.
  Sharing sharing = Sharing::Shared;  // Of a cache.
  bool required = false;              // Of a secret or an agent.
  std::optional<std::string> env;     // The variable that a secret goes to.
  std::optional<std::uint32_t> mode;  // Of what is made: a cache directory, a secret, a socket.
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
};

// Comma-separated fields, a field with commas in double quotes. [RFC 4180 2, one record]
// Errors: Invalid, a quote out of place.
Result<std::vector<std::string>> split_csv(std::string_view text);

// The words expand after they were cut, so a value cannot bring in another field.
// Errors: Invalid, without a place.
Result<Mount> parse_mount(std::string_view text, const Lookup& lookup, char escape);
// Only "from", which may have no variables. Errors: Invalid, without a place.
Result<std::string> mount_from(std::string_view text);

// The default of --mount=type=secret: id or source, else the last part of target.
std::string secret_id(const Mount& mount);
// Where it goes: target, else /run/secrets/ID unless it goes to a variable only.
std::string secret_target(const Mount& mount);

}  // namespace tare::build
