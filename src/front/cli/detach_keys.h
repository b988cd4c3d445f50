// SPDX-License-Identifier: Apache-2.0
// The sequence of keys that ends a session and leaves the container running.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::cli {

class DetachKeys {
 public:
  DetachKeys() = default;  // No keys: nothing detaches.

  // "ctrl-p,ctrl-q", "a", "ctrl-@,x": keys with commas between. Empty: the default, ctrl-p,ctrl-q.
  // Errors: Invalid. [docker attach reference, --detach-keys]
  static Result<DetachKeys> parse(std::string_view text);

  struct Typed {
    std::string bytes;      // For the container.
    bool detached = false;  // What was typed behind the sequence is dropped.
  };
  // Bytes as they were typed. The start of a sequence is held back until it is clear that it is
  // not one.
  Typed feed(std::string_view bytes);

 private:
  std::string keys_;
  std::size_t matched_ = 0;
};

}  // namespace tare::cli
