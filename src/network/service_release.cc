// SPDX-License-Identifier: Apache-2.0
#include "network/service_release.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "network/leases.h"
#include "sys/files.h"

namespace tare::network {
namespace {

constexpr std::size_t kMostBytes = 4 << 20;

bool is_later(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

std::string lease_path(const std::string& network, const std::string& address) {
  return network_path(network) + "/leases/" + address;
}

// A start takes its addresses before it writes its record, so what is younger than the record is a
// later start's, which has not written its own yet.
void release_older(int store, const Endpoint& endpoint, const timespec& written) {
  const auto leases = load_leases(store, endpoint.network);
  if (!leases) return;
  for (const Lease& lease : *leases) {
    if (lease.container != endpoint.container) continue;
    const std::string path = lease_path(endpoint.network, lease.address);
    struct stat status{};
    if (::fstatat(store, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        !is_later(status.st_mtim, written))
      ::unlinkat(store, path.c_str(), 0);
  }
}

}  // namespace

std::string process_start(int pid) {
  const auto stat = sys::load_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!stat) return "";
  const std::size_t name_end = stat->rfind(')');
  if (name_end == std::string::npos) return "";
  const std::vector<std::string> fields = split(stat->substr(name_end + 1), ' ');
  constexpr std::size_t kStartTime = 20;  // Counted from the state, which is behind the name.
  if (fields.size() <= kStartTime || fields[1] == "Z" || fields[1] == "X") return "";
  return fields[kStartTime];
}

void sweep_leases(int store) {
  const auto networks = load_networks(store);
  if (!networks) return;
  for (const Network& network : *networks) {
    const auto leases = load_leases(store, network.id);
    if (!leases) continue;
    for (const Lease& lease : *leases) {
      struct stat status{};
      const std::string path = endpoint_path(network.id, lease.container);
      if (::fstatat(store, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) continue;
      // Who starts it has its lock, and keeps it for as long as it runs.
      sys::Fd lock;
      if (auto opened = sys::open_at(store, "containers/" + lease.container + "/lock", O_RDWR))
        lock = std::move(*opened);
      if (lock && !sys::lock_file(lock.get(), sys::Lock::Exclusive, sys::Wait::No)) continue;
      // Its record may have come since we looked.
      if (::fstatat(store, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) continue;
      release_addresses(store, network.id, lease.container);
    }
  }
}

Result<Released> release_endpoint(int store, const Endpoint& endpoint) {
  const std::string path = endpoint_path(endpoint.network, endpoint.container);
  auto opened = sys::open_at(store, path, O_RDONLY);
  if (!opened && opened.error().kind() == Kind::NotFound) return Released::Gone;
  const sys::Fd file = TRY(std::move(opened));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail_errno("look at an endpoint's record");
  const std::string text = TRY(sys::read_all(file.get(), kMostBytes));
  const Endpoint found = TRY(parse_endpoint(text));
  if (found.pid != endpoint.pid || found.pid_start != endpoint.pid_start)
    return Released::StartedAgain;
  if (::unlinkat(store, path.c_str(), 0) != 0 && errno != ENOENT)
    return fail_errno("remove an endpoint's record");
  release_older(store, endpoint, status.st_mtim);
  return Released::Removed;
}

}  // namespace tare::network
