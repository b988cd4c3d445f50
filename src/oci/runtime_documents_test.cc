// SPDX-License-Identifier: Apache-2.0
#include "oci/runtime_documents.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "oci/mount_options.h"
#include "oci/runtime_config.h"
#include "oci/runtime_state.h"

namespace tare::oci {
namespace {

const Mount* mount_at(const RuntimeConfig& config, std::string_view destination) {
  const auto found = std::ranges::find(config.mounts, destination, &Mount::destination);
  return found != config.mounts.end() ? &*found : nullptr;
}

TEST_CASE("default runtime config: reads back as what it says") {
  const auto config = parse_runtime_config(json::print(default_runtime_config(false)));
  REQUIRE(config);
  REQUIRE(config->process);
  CHECK(config->oci_version == kRuntimeSpecVersion);
  CHECK(config->process->terminal);
  CHECK(config->process->args == std::vector<std::string>{"sh"});
  CHECK(config->process->no_new_privileges);
  CHECK(config->process->capabilities->bounding.size() == 3);
  CHECK(config->process->capabilities->ambient.empty());
  CHECK(config->process->rlimits.at(0).hard == 1024);
  CHECK(config->root.readonly);
  CHECK(config->mounts.size() == 7);
  CHECK(config->masked_paths.size() == 10);
  CHECK(config->readonly_paths.size() == 5);
  CHECK(config->resources.devices ==
        std::vector<DeviceRule>{{false, 'a', {}, {}, true, true, true}});
  for (const NamespaceType type : {NamespaceType::Pid, NamespaceType::Network, NamespaceType::Ipc,
                                   NamespaceType::Uts, NamespaceType::Mount, NamespaceType::Cgroup})
    CHECK(config->find_namespace(type) != nullptr);
  CHECK(config->find_namespace(NamespaceType::User) == nullptr);
  CHECK(mount_at(*config, "/dev/pts")->options.back() == "gid=5");
  CHECK(mount_at(*config, "/sys")->type == "sysfs");
}

TEST_CASE("default runtime config: for an ordinary user") {
  const auto config = parse_runtime_config(json::print(default_runtime_config(true, 1000, 1001)));
  REQUIRE(config);
  CHECK(config->find_namespace(NamespaceType::User) != nullptr);
  CHECK(config->find_namespace(NamespaceType::Network) == nullptr);
  CHECK(config->uid_mappings == std::vector<IdMapping>{{0, 1000, 1}});
  CHECK(config->gid_mappings == std::vector<IdMapping>{{0, 1001, 1}});
  CHECK(config->resources == Resources());
  CHECK(std::ranges::find(mount_at(*config, "/dev/pts")->options, "gid=5") ==
        mount_at(*config, "/dev/pts")->options.end());
  const auto sys = parse_mount_options(mount_at(*config, "/sys")->options);
  CHECK(sys->bind_recursive);
}

TEST_CASE("features: what the specification asks for") {
  const RuntimeFeatures facts{.capabilities = {"CAP_CHOWN"},
                              .seccomp_architectures = {"SCMP_ARCH_X86_64"},
                              .seccomp_flags = {"SECCOMP_FILTER_FLAG_LOG", "X"},
                              .seccomp_flags_supported = {"SECCOMP_FILTER_FLAG_LOG"},
                              .systemd = true,
                              .apparmor = true,
                              .net_devices = true,
                              .annotations = {{"a", "b"}},
                              .unsafe_annotations = {"run.oci."}};
  const json::Value document = features_document(facts);
  CHECK(document["ociVersionMin"].as_string() == "1.0.0");
  CHECK(document["ociVersionMax"].as_string() == "1.3.0");
  CHECK(document["hooks"].as_strings().size() == 6);
  CHECK(document["mountOptions"].as_strings() == known_mount_options());
  CHECK(document["annotations"]["a"].as_string() == "b");
  CHECK(document["potentiallyUnsafeConfigAnnotations"].as_strings().size() == 1);
  const json::Value& part = document["linux"];
  CHECK(part["namespaces"].as_strings() == std::vector<std::string>{"cgroup", "ipc", "mount",
                                                                    "network", "pid", "time",
                                                                    "user", "uts"});
  CHECK(part["capabilities"].as_strings() == facts.capabilities);
  CHECK(json::print(part["cgroup"]) ==
        R"({"v1":true,"v2":true,"systemd":true,"systemdUser":false,"rdma":false})");
  CHECK(part["seccomp"]["enabled"].as_bool());
  CHECK(part["seccomp"]["actions"].as_strings().size() == 9);
  CHECK(part["seccomp"]["operators"].as_strings().size() == 7);
  CHECK(part["seccomp"]["archs"].as_strings() == facts.seccomp_architectures);
  CHECK(part["seccomp"]["knownFlags"].as_strings() == facts.seccomp_flags);
  CHECK(part["seccomp"]["supportedFlags"].as_strings() == facts.seccomp_flags_supported);
  CHECK(json::print(part["apparmor"]) == R"({"enabled":true})");
  CHECK(json::print(part["selinux"]) == R"({"enabled":false})");
  CHECK(json::print(part["intelRdt"]) == R"({"enabled":false})");
  CHECK(json::print(part["mountExtensions"]) == R"({"idmap":{"enabled":true}})");
  CHECK(json::print(part["netDevices"]) == R"({"enabled":true})");
  CHECK(part["memoryPolicy"]["modes"].as_strings().size() == 7);
  CHECK(part["memoryPolicy"]["flags"].as_strings().size() == 3);
}

TEST_CASE("state: as callers, hooks and seccomp agents get it") {
  State state{.id = "c1", .status = Status::Created, .pid = 42, .bundle = "/b"};
  CHECK(print_state(state) ==
        R"({"ociVersion":"1.3.0","id":"c1","status":"created","pid":42,"bundle":"/b"})");
  state.annotations = {{"k", "v"}};
  state.pid = 0;
  state.status = Status::Stopped;
  CHECK(
      print_state(state) ==
      R"({"ociVersion":"1.3.0","id":"c1","status":"stopped","bundle":"/b","annotations":{"k":"v"}})");
  CHECK(print_process_state({.id = "c", .pid = 7, .bundle = "/"}, 7, "m") ==
        R"({"ociVersion":"1.3.0","fds":["seccompFd"],"pid":7,"metadata":"m","state":)"
        R"({"ociVersion":"1.3.0","id":"c","status":"creating","pid":7,"bundle":"/"}})");
  CHECK(status_name(Status::Running) == "running");
  CHECK(status_name(Status::Paused) == "paused");
}

}  // namespace
}  // namespace tare::oci
