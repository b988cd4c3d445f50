// SPDX-License-Identifier: Apache-2.0
#include "front/record/machine.h"

#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "front/transfer/url.h"
#include "sys/fd.h"

namespace tare::front_record {
namespace {

struct Bytes {
  const unsigned char* at = nullptr;
  std::size_t size = 0;
};

Bytes bytes_of(const sockaddr& address) {
  if (address.sa_family == AF_INET)
    return {.at = reinterpret_cast<const unsigned char*>(
                &reinterpret_cast<const sockaddr_in&>(address).sin_addr),
            .size = 4};
  if (address.sa_family != AF_INET6) return {};
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  // One of IPv4 within.
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return {.at = v6.s6_addr + 12, .size = 4};
  return {.at = v6.s6_addr, .size = 16};
}

// By its driver, which needs no file system of devices, as that may be of another namespace.
// [netdevice(7); linux/ethtool.h, ETHTOOL_GDRVINFO] What cannot be asked counts as one.
bool is_bridge(const char* device) {
  const sys::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  ifreq request{};
  std::strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&driver);
  if (!socket) return true;
  if (::ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return errno != EOPNOTSUPP;
  return std::string_view(driver.driver) == "bridge";
}

bool is_multicast(const Bytes& address) {
  return address.size == 4 ? address.at[0] >= 224 : address.at[0] == 0xff;
}

bool is_near(const Bytes& address, const ifaddrs& device) {
  if (device.ifa_addr == nullptr) return false;
  const Bytes own = bytes_of(*device.ifa_addr);
  if (own.size != address.size) return false;
  if (std::memcmp(own.at, address.at, own.size) == 0) return true;
  if (device.ifa_netmask == nullptr || !is_bridge(device.ifa_name)) return false;
  const Bytes mask = bytes_of(*device.ifa_netmask);
  if (mask.size != own.size) return false;
  for (std::size_t i = 0; i < own.size; ++i)
    if (((own.at[i] ^ address.at[i]) & mask.at[i]) != 0) return false;
  return true;
}

}  // namespace

bool is_of_this_machine(const sockaddr& address) {
  const Bytes bytes = bytes_of(address);
  if (bytes.size == 0 || is_multicast(bytes)) return true;
  std::array<char, NI_MAXHOST> host{};
  const socklen_t size = address.sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (::getnameinfo(&address, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0 ||
      front_transfer::is_local(host.data()))
    return true;
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return true;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> devices(raw, &::freeifaddrs);
  for (const ifaddrs* device = devices.get(); device != nullptr; device = device->ifa_next)
    if (is_near(bytes, *device)) return true;
  return false;
}

}  // namespace tare::front_record
