// SPDX-License-Identifier: Apache-2.0
#include "engine/devices.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

constexpr std::size_t kMostDevices = 4096;
constexpr int kMostLevels = 8;

// Made for every container, or the host's own matter. [moby: container/devices, "getDevices"]
bool is_left_out(std::string_view path) {
  constexpr std::array<std::string_view, 14> kUsual{
      "/dev/null", "/dev/zero", "/dev/full",    "/dev/random",   "/dev/urandom",
      "/dev/tty",  "/dev/pts",  "/dev/shm",     "/dev/mqueue",   "/dev/fd",
      "/dev/ptmx", "/dev/core", "/dev/console", "/dev/hugepages"};
  return std::ranges::find(kUsual, path) != kUsual.end();
}

isolate::Device make_device(const std::string& source, std::string target,
                            const struct stat& info) {
  return {.path = std::move(target),
          .source = source,
          .mode = (info.st_mode & S_IFMT) | 0666,
          .major = major(info.st_rdev),
          .minor = minor(info.st_rdev)};
}

// All devices in a directory. What cannot be looked at is passed over, links too: they lead to what
// is found anyway.
void find_in(std::vector<isolate::Device>& found, const std::string& source,
             const std::string& target, int level) {
  const auto dir = sys::open_path(source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const auto names = dir ? sys::list_directory(dir->get()) : std::vector<std::string>();
  if (!names || level > kMostLevels) return;
  for (const std::string& name : *names) {
    const std::string path = source + "/" + name;
    struct stat info{};
    if (is_left_out(path) || found.size() >= kMostDevices) continue;
    if (::fstatat(dir->get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(info.st_mode)) find_in(found, path, target + "/" + name, level + 1);
    if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode))
      found.push_back(make_device(path, target + "/" + name, info));
  }
}

Result<std::vector<isolate::Device>> find_one(const DeviceRequest& request) {
  struct stat info{};
  if (::stat(request.source.c_str(), &info) != 0)
    return fail_errno("device " + quoted(request.source));
  std::vector<isolate::Device> found;
  if (S_ISDIR(info.st_mode)) find_in(found, request.source, request.target, 0);
  if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode))
    found.push_back(make_device(request.source, request.target, info));
  if (found.empty())
    return std::unexpected(
        Error(Kind::Invalid, quoted(request.source) + " is not a device, and has none in it")
            .hint("files and directories are mounted with -v"));
  return found;
}

bool is_unlimited(const DeviceRequest& device) {
  return std::ranges::all_of(std::string_view("rwm"), [&device](char c) {
    return device.permissions.find(c) != std::string::npos;
  });
}

}  // namespace

Result<std::vector<isolate::Device>> find_devices(const CreateRequest& config) {
  std::vector<isolate::Device> found;
  for (const DeviceRequest& request : config.devices)
    for (isolate::Device& device : TRY(find_one(request))) {
      device.given = true;
      found.push_back(std::move(device));
    }
  if (config.privileged && config.devices.empty()) find_in(found, "/dev", "/dev", 0);
  return found;
}

Result<std::vector<sys::DeviceRule>> device_rules(const CreateRequest& config) {
  // Who has no user namespace of its own may make nodes in its /dev with the capability for it.
  const bool could_make =
      config.userns == "host" && !config.privileged && sys::in_initial_user_namespace();
  if (config.device_cgroup_rules.empty() && !could_make &&
      std::ranges::all_of(config.devices, is_unlimited))
    return std::vector<sys::DeviceRule>();
  std::vector<sys::DeviceRule> rules = sys::default_device_rules();
  for (const DeviceRequest& request : config.devices)
    for (const isolate::Device& device : TRY(find_one(request)))
      rules.push_back(TRY(
          sys::parse_device_rule(fmt::format("{} {}:{} {}", S_ISBLK(device.mode) ? 'b' : 'c',
                                             device.major, device.minor, request.permissions))));
  for (const std::string& rule : config.device_cgroup_rules)
    rules.push_back(TRY(sys::parse_device_rule(rule)));
  return rules;
}

}  // namespace tare::engine
