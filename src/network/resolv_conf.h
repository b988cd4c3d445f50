// SPDX-License-Identifier: Apache-2.0
// The name servers of this machine. [resolv.conf(5)]
#pragma once

#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "network/address.h"

namespace tare::network::dns {

struct Server {
  Address address;
  std::uint32_t scope = 0;  // Of a link-local address: the index of the interface.

  // With port 53; `size` is the part that counts.
  sockaddr_storage socket_address(socklen_t& size) const;
  auto operator<=>(const Server&) const = default;
};

// The first three of "nameserver" lines, as the C library takes them; what is no address is left
// out.
std::vector<Server> parse_resolv_conf(std::string_view text);

// Domains of the last "search" or "domain" line.
std::vector<std::string> parse_search_domains(std::string_view text);

// Reads the first of its files that is there, and again when it has changed: by name, size, time or
// inode, links followed.
class HostServers {
 public:
  explicit HostServers(std::vector<std::string> paths) : paths_(std::move(paths)) {}
  // None when no file can be read: nobody is asked then.
  const std::vector<Server>& get();

 private:
  std::vector<std::string> paths_;
  std::string path_;
  struct stat seen_{};
  std::vector<Server> servers_;
};

}  // namespace tare::network::dns
