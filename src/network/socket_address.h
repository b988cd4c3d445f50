// SPDX-License-Identifier: Apache-2.0
// An address and a port as bind(2) and connect(2) take them. Private to this room.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

#include "network/address.h"

namespace tare::network {

class SocketAddress {
 public:
  SocketAddress() = default;
  SocketAddress(const Address& address, std::uint16_t port) {
    if (address.is_v6) {
      sockaddr_in6 v6{};
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(port);
      std::memcpy(&v6.sin6_addr, address.bytes.data(), sizeof v6.sin6_addr);
      std::memcpy(&storage_, &v6, sizeof v6);
      size_ = sizeof v6;
    } else {
      sockaddr_in v4{};
      v4.sin_family = AF_INET;
      v4.sin_port = htons(port);
      std::memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
      std::memcpy(&storage_, &v4, sizeof v4);
      size_ = sizeof v4;
    }
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

// Of an AF_INET or AF_INET6 one; 0.0.0.0 of any other.
inline Address address_of(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &storage, sizeof v6);
    return Address::of_bytes({reinterpret_cast<const char*>(&v6.sin6_addr), sizeof v6.sin6_addr});
  }
  if (storage.ss_family != AF_INET) return {};
  sockaddr_in v4;
  std::memcpy(&v4, &storage, sizeof v4);
  return Address::of_bytes({reinterpret_cast<const char*>(&v4.sin_addr), sizeof v4.sin_addr});
}

}  // namespace tare::network
