// SPDX-License-Identifier: Apache-2.0
#include "sys/cgroup_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"

namespace tare::sys::cgroups {
namespace {

constexpr std::size_t kFileLimit = 1 << 20;
constexpr std::uint64_t kUnlimited = 1ULL << 62;

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const Fd file = TRY(open_path(path, O_RDONLY));
  return read_all(file.get(), kFileLimit);
}

Result<> write_file(const std::string& path, std::string_view value) {
  const Fd file = TRY(open_path(path, O_WRONLY));
  if (::write(file.get(), value.data(), value.size()) < 0)
    return fail_errno("write " + quoted(value) + " to " + path);
  return {};
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::uint64_t number_of(std::string_view text) {
  const std::string_view word = trim(text);
  if (word == "max") return kNoLimit;
  const auto number = parse_u64(word);
  if (!number) return 0;
  // Version 1 rounds its highest number down to whole pages.
  return *number >= kUnlimited ? kNoLimit : *number;
}

std::uint64_t read_number(const std::string& path, std::uint64_t otherwise) {
  const auto text = read_file(path);
  return text ? number_of(*text) : otherwise;
}

std::uint64_t keyed(std::string_view text, std::string_view key, std::uint64_t otherwise) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
      return number_of(line.substr(key.size() + 1));
    at = end + 1;
  }
  return otherwise;
}

std::string v1_number(std::uint64_t value) {
  return value >= kUnlimited ? "-1" : std::to_string(value);
}
std::string v2_number(std::uint64_t value) {
  return value >= kUnlimited ? "max" : std::to_string(value);
}

std::string v2_base(const CgroupHost& host) {
  return host.v2_mount + (host.own_v2_path == "/" ? "" : host.own_v2_path);
}

std::string v1_mount(const CgroupHost& host, std::string_view controller) {
  const auto found = std::ranges::find(host.v1, controller, &CgroupHost::Place::first);
  return found == host.v1.end() ? "" : found->second;
}

bool has_v2(const CgroupHost& host, std::string_view controller) {
  return std::ranges::find(host.v2_controllers, controller) != host.v2_controllers.end();
}

bool is_in_v2(const CgroupHost& host, const std::string& directory) {
  return !host.v2_mount.empty() && directory.starts_with(host.v2_mount + "/");
}

std::unexpected<Error> cannot_limit(const CgroupHost& host, std::string_view limit,
                                    std::string_view controller) {
  // The reason of this controller, where there is one of its own.
  const auto closed = std::ranges::find(host.read_only, controller, &CgroupHost::Place::first);
  const bool v2 = host.layout == CgroupLayout::V2;
  std::string why = v2 ? host.why_not : "";
  if (closed != host.read_only.end()) why = closed->second + " is not writable for this user";
  if (why.empty()) why = fmt::format("the cgroup controller {} is not available here", controller);
  return std::unexpected(
      Error(Kind::Unsupported, fmt::format("the {} limit cannot be enforced: {}", limit, why))
          .hint(v2 ? "start without that limit, or have the controller delegated: "
                     "systemctl edit user@.service, [Service] Delegate=cpu cpuset io memory pids"
                   : "start without that limit, or as root: control groups of version 1 cannot be "
                     "delegated to users"));
}

}  // namespace tare::sys::cgroups
