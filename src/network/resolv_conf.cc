// SPDX-License-Identifier: Apache-2.0
#include "network/resolv_conf.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>

#include "base/text.h"
#include "sys/fd.h"

namespace tare::network::dns {
namespace {

constexpr std::size_t kMostServers = 3;  // [resolv.conf(5), MAXNS]
constexpr std::size_t kMostBytes = 1 << 20;
constexpr std::uint16_t kPort = 53;

bool is_same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

sockaddr_storage Server::socket_address(socklen_t& size) const {
  sockaddr_storage storage{};
  if (address.is_v6) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(kPort);
    v6.sin6_scope_id = scope;
    address.raw().copy(reinterpret_cast<char*>(&v6.sin6_addr), 16);
    size = sizeof v6;
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(kPort);
    address.raw().copy(reinterpret_cast<char*>(&v4.sin_addr), 4);
    size = sizeof v4;
  }
  return storage;
}

std::vector<Server> parse_resolv_conf(std::string_view text) {
  constexpr std::string_view kKeyword = "nameserver";
  std::vector<Server> servers;
  for (const std::string& line : split(text, '\n')) {
    std::string_view rest = line;
    if (!rest.starts_with(kKeyword)) continue;
    rest.remove_prefix(kKeyword.size());
    if (rest.empty() || (rest[0] != ' ' && rest[0] != '\t')) continue;
    rest = trim(rest);
    rest = rest.substr(0, rest.find_first_of(" \t#;"));
    const auto parts = split_once(rest, '%');
    const auto address = Address::parse(parts ? parts->first : rest);
    if (!address || servers.size() == kMostServers) continue;
    Server server{.address = *address};
    if (parts) server.scope = ::if_nametoindex(std::string(parts->second).c_str());
    servers.push_back(server);
  }
  return servers;
}

std::vector<std::string> parse_search_domains(std::string_view text) {
  std::vector<std::string> domains;
  for (std::string line : split(text, '\n')) {
    std::ranges::replace(line, '\t', ' ');
    if (!line.starts_with("search ") && !line.starts_with("domain ")) continue;
    domains = split(line.substr(0, line.find_first_of("#;")), ' ');
    std::erase(domains, "");
    domains.erase(domains.begin());
  }
  return domains;
}

const std::vector<Server>& HostServers::get() {
  for (const std::string& path : paths_) {
    struct stat now{};
    if (::stat(path.c_str(), &now) != 0 || !S_ISREG(now.st_mode)) continue;
    if (path == path_ && is_same(now, seen_)) return servers_;
    const auto file = sys::open_path(path, O_RDONLY | O_NONBLOCK);
    if (!file) continue;
    const auto text = sys::read_all(file->get(), kMostBytes);
    if (!text) continue;
    path_ = path;
    seen_ = now;
    servers_ = parse_resolv_conf(*text);
    return servers_;
  }
  path_.clear();
  servers_.clear();
  return servers_;
}

}  // namespace tare::network::dns
