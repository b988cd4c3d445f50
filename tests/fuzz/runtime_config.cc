// SPDX-License-Identifier: Apache-2.0
// Runtime configurations, bare processes, bare resources and mount options: what is accepted keeps
// the promises that isolate builds on.
#include "oci/runtime_config.h"

#include <linux/mount.h>

#include <algorithm>

#include "fuzz/fuzz.h"
#include "oci/mount_options.h"
#include "oci/runtime_state.h"

using namespace tare;

namespace {

template <typename T>
bool fails_well(const Result<T>& result) {
  if (result) return false;
  FUZZ_CHECK(!result.error().message().empty());
  FUZZ_CHECK(result.error().kind() == Kind::Invalid || result.error().kind() == Kind::Unsupported);
  return true;
}

bool absolute(const std::string& path) {
  return path.starts_with('/') && path.find('\0') == std::string::npos;
}

void check_attributes(const oci::MountAttributes& attributes) {
  FUZZ_CHECK((attributes.set & attributes.clear & ~std::uint64_t{MOUNT_ATTR__ATIME}) == 0);
  if ((attributes.set & MOUNT_ATTR__ATIME) != 0)
    FUZZ_CHECK((attributes.clear & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME);
}

void check_options(std::span<const std::string> words) {
  const auto options = oci::parse_mount_options(words);
  if (fails_well(options)) return;
  check_attributes(options->own);
  check_attributes(options->recursive);
  for (const auto& [key, value] : options->superblock) FUZZ_CHECK(!key.empty());
}

void check_process(const oci::Process& process) {
  FUZZ_CHECK(absolute(process.cwd));
  FUZZ_CHECK(process.user.uid != UINT32_MAX && process.user.gid != UINT32_MAX);
  FUZZ_CHECK(process.terminal || !process.console_size);
  for (const oci::Rlimit& limit : process.rlimits) FUZZ_CHECK(limit.soft <= limit.hard);
  FUZZ_CHECK(std::ranges::is_sorted(process.exec_cpu_affinity.final));
}

void check_resources(const oci::Resources& resources) {
  for (const auto& [file, text] : resources.unified)
    FUZZ_CHECK(!file.empty() && file[0] != '.' && file.find('/') == std::string::npos);
  for (const oci::HugepageLimit& limit : resources.hugepage_limits)
    FUZZ_CHECK(limit.page_size.find_first_of("./") == std::string::npos);
  FUZZ_CHECK(resources.memory.limit.value_or(0) >= -1);
}

void check_config(const oci::RuntimeConfig& config) {
  FUZZ_CHECK(config.oci_version.starts_with("1."));
  FUZZ_CHECK(!config.root.path.empty());
  FUZZ_CHECK(config.namespaces.size() <= oci::kNamespaceTypes);
  FUZZ_CHECK(config.has_seccomp == config.seccomp.is_object());
  if (config.process) check_process(*config.process);
  check_resources(config.resources);
  for (const oci::Mount& mount : config.mounts) {
    FUZZ_CHECK(absolute(mount.destination));
    FUZZ_CHECK(mount.uid_mappings.empty() == mount.gid_mappings.empty());
    check_options(mount.options);
  }
  for (const auto* paths : {&config.masked_paths, &config.readonly_paths})
    for (const std::string& path : *paths) FUZZ_CHECK(absolute(path));
  for (const oci::DeviceNode& device : config.devices) FUZZ_CHECK(absolute(device.path));
  for (const auto* hooks : {&config.hooks.prestart, &config.hooks.start_container})
    for (const oci::Hook& hook : *hooks) FUZZ_CHECK(absolute(hook.path));
  // A state with these annotations is JSON for every hook.
  const oci::State state{.id = "x", .bundle = "/", .annotations = config.annotations};
  FUZZ_CHECK(json::parse(oci::print_state(state), {.bytes = SIZE_MAX}).has_value());
}

}  // namespace

TARE_FUZZER(runtime_config) {
  const auto config = oci::parse_runtime_config(bytes);
  if (!fails_well(config)) check_config(*config);
  const auto process = oci::parse_process(bytes);
  if (!fails_well(process)) check_process(*process);
  const auto resources = oci::parse_resources(bytes);
  if (!fails_well(resources)) check_resources(*resources);
  const std::vector<std::string> words = {std::string(bytes)};
  check_options(words);
}
