// SPDX-License-Identifier: Apache-2.0
#include "sys/cgroup_apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "sys/cgroup_devices.h"
#include "sys/cgroup_files.h"
#include "sys/cgroup_writes.h"
#include "sys/ids.h"

namespace tare::sys::cgroups {
namespace {

using Writes = std::vector<Write>;

// In a user namespace the kernel refuses mknod(2) and every mount of ours is nodev: there are no
// devices to keep anybody from, and neither version lets us set rules. runc and crun skip them
// alike. [user_namespaces(7); mknod(2), EPERM]
bool can_filter_devices() { return in_initial_user_namespace(); }

class Applier {
 public:
  Applier(const CgroupHost& host, const std::vector<std::string>& directories,
          std::vector<std::string>* warnings)
      : host_(host), directories_(directories), warnings_(warnings) {}

  Result<> apply(const CgroupLimits& limits);

 private:
  Result<> set(const Controller& controller, const CgroupLimits& limits);
  Result<> run(const std::string& directory, std::string_view controller, const Writes& writes);
  Result<> write(const std::string& directory, std::string_view controller, const Write& write);
  Result<> set_devices(const std::vector<DeviceRule>& rules);
  void warn(const std::string& text) {
    if (warnings_ != nullptr) warnings_->push_back(text);
  }

  const CgroupHost& host_;
  const std::vector<std::string>& directories_;
  std::vector<std::string>* warnings_;
};

// Values that mean something only together with another one that is set already.
CgroupLimits with_current(const std::string& v2, CgroupLimits limits) {
  if (v2.empty()) return limits;
  if (limits.memory_swap_bytes && !limits.memory_bytes)
    if (const auto now = read_number(v2 + "/memory.max", kNoLimit); now != kNoLimit)
      limits.memory_bytes = now;
  if (limits.cpu_period_us && !limits.cpu_quota_us)
    if (const auto text = read_file(v2 + "/cpu.max"))
      limits.cpu_quota_us = number_of(std::string_view(*text).substr(0, text->find(' ')));
  return limits;
}

Result<> check_memory_in_use(const std::string& directory, const CgroupLimits& limits) {
  if (!limits.memory_check_before_update || !limits.memory_bytes || directory.empty()) return {};
  std::uint64_t usage = read_number(directory + "/memory.usage_in_bytes");
  usage = std::max(usage, read_number(directory + "/memory.current"));
  if (usage <= *limits.memory_bytes) return {};
  return fail(Kind::Invalid, fmt::format("a memory limit of {} bytes is below the {} that are in "
                                         "use, and was to be refused then",
                                         *limits.memory_bytes, usage));
}

Result<> Applier::write(const std::string& directory, std::string_view controller,
                        const Write& write) {
  if (!write.refused.empty())
    return fail(Kind::Unsupported,
                fmt::format("the {} limit cannot be enforced: {}", write.limit, write.refused));
  if (write.file.empty()) {
    warn(write.warning);
    return {};
  }
  auto written = write_file(directory + "/" + write.file, write.value);
  if (!written && written.error().errnum() == ENOENT && !write.other_file.empty())
    written = write_file(directory + "/" + write.other_file, write.other_value);
  if (written) return {};
  const int error = written.error().errnum();
  if (!write.warning.empty() && (error == ENOENT || error == EOPNOTSUPP || error == EINVAL)) {
    warn(write.warning);
    return {};
  }
  if (error == EOPNOTSUPP)
    return fail(Kind::Unsupported,
                fmt::format("the {} limit cannot be enforced: this kernel has no {}", write.limit,
                            write.file));
  if (error != ENOENT)
    return std::unexpected(
        std::move(written).error().wrap(fmt::format("set the {} limit", write.limit)));
  if (write.optional) return {};
  if (write.limit == "memory and swap")
    return cannot_limit(host_, write.limit,
                        "memory with swap accounting (boot with swapaccount=1)");
  return cannot_limit(host_, write.limit, controller);
}

// Some files take a value only when another was written before: memory is never above memory with
// swap, a burst never above a quota. Which goes first depends on the direction, so what was refused
// is tried again when the rest is written. [cgroup-v1/memory.rst, 2.4]
Result<> Applier::run(const std::string& directory, std::string_view controller,
                      const Writes& writes) {
  Writes again;
  for (const Write& each : writes) {
    auto written = write(directory, controller, each);
    if (written) continue;
    if (written.error().errnum() != EINVAL) return written;
    again.push_back(each);
  }
  for (const Write& each : again) {
    auto written = write(directory, controller, each);
    if (written) continue;
    if (each.file == "memory.limit_in_bytes")
      return std::unexpected(std::move(written).error().hint(
          "the limit of memory and swap together is lower: set both"));
    return written;
  }
  return {};
}

Result<> Applier::set(const Controller& controller, const CgroupLimits& limits) {
  const std::string v1 =
      controller.v1.empty() ? "" : v1_directory(host_, directories_, controller.v1);
  if (!v1.empty()) return run(v1, controller.v1, controller.writes(limits, Version::V1));
  const std::string v2 = controller.v2.empty() ? "" : v2_directory(host_, directories_);
  if (!v2.empty()) {
    const Writes writes = controller.writes(limits, Version::V2);
    // A controller of version 1 whose hierarchy is not there is what is missing, not a file of v2.
    if (!writes.empty() && host_.layout != CgroupLayout::V2 && !has_v2(host_, controller.v2) &&
        controller.v2 != "*")
      return cannot_limit(host_, writes.front().limit, controller.v1);
    return run(v2, controller.v2, writes);
  }
  const Version version = host_.layout == CgroupLayout::V2 ? Version::V2 : Version::V1;
  const Writes writes = controller.writes(limits, version);
  if (writes.empty()) return {};
  if (!writes.front().refused.empty()) return write("", controller.v1, writes.front());
  return cannot_limit(host_, writes.front().limit,
                      version == Version::V2 ? controller.v2 : controller.v1);
}

Result<> Applier::set_devices(const std::vector<DeviceRule>& rules) {
  if (rules.empty() || !can_filter_devices()) return {};
  const std::string v1 = v1_directory(host_, directories_, "devices");
  const auto writes = device_writes(rules);
  if (!v1.empty() && writes) return set_devices_v1(v1, *writes);
  const std::string v2 = v2_directory(host_, directories_);
  if (!v2.empty()) return attach_device_program(v2, rules);
  if (v1.empty()) return cannot_limit(host_, "device", "devices");
  return std::unexpected(
      Error(Kind::Unsupported,
            "the device rules cannot be enforced: a later one takes a part of an earlier one back, "
            "which version 1 of control groups cannot do")
          .hint("name the devices that are allowed one by one"));
}

Result<> Applier::apply(const CgroupLimits& limits) {
  const std::string v2 = v2_directory(host_, directories_);
  const std::string v1 = v1_directory(host_, directories_, "memory");
  TRY(check_memory_in_use(v1.empty() ? v2 : v1, limits));
  const CgroupLimits whole = with_current(v2, limits);
  for (const Controller& controller : controllers()) TRY(set(controller, whole));
  return set_devices(limits.devices);
}

}  // namespace

std::vector<std::string> needed_v1(const CgroupHost& host, const CgroupLimits& limits) {
  std::vector<std::string> names;
  for (const Controller& each : controllers())
    if (!each.v1.empty() && !v1_mount(host, each.v1).empty() &&
        !each.writes(limits, Version::V1).empty())
      names.emplace_back(each.v1);
  if (!limits.devices.empty() && can_filter_devices() && device_writes(limits.devices) &&
      !v1_mount(host, "devices").empty())
    names.emplace_back("devices");
  return names;
}

bool can_limit_v1(std::string_view controller) {
  if (controller == "devices") return true;
  const auto all = controllers();
  return std::ranges::find(all, controller, &Controller::v1) != all.end();
}

std::vector<std::string> needed_v2(const CgroupHost& host, const CgroupLimits& limits) {
  std::vector<std::string> names;
  for (const Controller& each : controllers())
    if (has_v2(host, each.v2) && !each.writes(limits, Version::V2).empty())
      names.emplace_back(each.v2);
  for (const auto& [file, value] : limits.unified)
    if (const std::string name = file.substr(0, file.find('.'));
        has_v2(host, name) && std::ranges::find(names, name) == names.end())
      names.push_back(name);
  return names;
}

std::string v1_directory(const CgroupHost& host, const std::vector<std::string>& directories,
                         std::string_view controller) {
  const std::string mount = v1_mount(host, controller);
  if (mount.empty()) return {};
  for (const std::string& directory : directories)
    if (directory.starts_with(mount + "/")) return directory;
  return {};
}

std::string v2_directory(const CgroupHost& host, const std::vector<std::string>& directories) {
  for (const std::string& directory : directories)
    if (is_in_v2(host, directory)) return directory;
  return {};
}

Result<> apply(const CgroupHost& host, const std::vector<std::string>& directories,
               const CgroupLimits& limits, std::vector<std::string>* warnings) {
  if (limits.empty()) return {};
  return Applier(host, directories, warnings).apply(limits);
}

}  // namespace tare::sys::cgroups
