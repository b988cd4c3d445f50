// SPDX-License-Identifier: Apache-2.0
// What the engine says to the network service: one message is one packet, with descriptors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tare::network {

// What tare-net inherits: its listening socket. Its log is the standard error, its only argument
// the path of the store.
inline constexpr int kServiceListener = 3;

// Below SCM_MAX_FD (253) in any case.
inline constexpr std::size_t kMostDescriptors = 200;

struct ServiceMessage {
  enum class Type : std::uint8_t { Endpoint, Changed };
  Type type = Type::Changed;
  std::string network;
  std::string container;
  // What comes with it, in this order: both sockets of the resolver or none, then those of ports.
  bool has_resolver = false;
  // For which of Endpoint::ports there is one each.
  std::vector<std::uint32_t> ports;

  std::size_t descriptors() const { return (has_resolver ? 2 : 0) + ports.size(); }
  bool operator==(const ServiceMessage&) const = default;
};

std::string print_message(const ServiceMessage& message);
// Errors: Invalid.
Result<ServiceMessage> parse_message(std::string_view text);

}  // namespace tare::network
