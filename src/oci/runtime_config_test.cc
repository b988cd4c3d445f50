// SPDX-License-Identifier: Apache-2.0
#include "oci/runtime_config.h"

#include <doctest/doctest.h>
#include <linux/mempolicy.h>
#include <sys/resource.h>

namespace tare::oci {
namespace {

using Strings = std::vector<std::string>;
using Numbers = std::vector<std::uint32_t>;

// A configuration with `more` members beside the required ones.
std::string config(const std::string& more) {
  return R"({"ociVersion":"1.2.0","root":{"path":"rootfs"})" + (more.empty() ? "" : "," + more) +
         "}";
}
std::string in_linux(const std::string& members) { return config(R"("linux":{)" + members + "}"); }

RuntimeConfig read(const std::string& text) {
  auto result = parse_runtime_config(text);
  REQUIRE_MESSAGE(result.has_value(), text, ": ", result.error().message());
  return *std::move(result);
}

// The message of the error, which is Invalid.
std::string refusal(const std::string& text) {
  const auto result = parse_runtime_config(text);
  if (result) return "accepted";
  CHECK(result.error().kind() == Kind::Invalid);
  return result.error().message();
}
std::string unsupported(const std::string& text) {
  const auto result = parse_runtime_config(text);
  if (result) return "accepted";
  CHECK(result.error().kind() == Kind::Unsupported);
  return result.error().message();
}
std::string refused_process(const std::string& members) {
  const auto result = parse_process("{" + members + "}");
  return result ? "accepted" : result.error().message();
}
std::string refused_resources(const std::string& members) {
  const auto result = parse_resources("{" + members + "}");
  return result ? "accepted" : result.error().message();
}

TEST_CASE("runtime config: the least there is, and what is unknown or null") {
  const RuntimeConfig least = read(config(""));
  CHECK(least.oci_version == "1.2.0");
  CHECK(least.root.path == "rootfs");
  CHECK_FALSE(least.root.readonly);
  CHECK_FALSE(least.process);
  CHECK_FALSE(least.has_seccomp);
  CHECK(least.resources == Resources());
  CHECK(read(config(R"("new":{"x":[1]},"mounts":null,"process":null,"linux":{"also":1})"))
            .mounts.empty());
  CHECK(refusal("[]") == "the document is not an object");
  CHECK(refusal("{") != "accepted");
  CHECK(refusal(R"({"root":{"path":"x"}})") == "ociVersion is missing");
  CHECK(refusal(R"({"ociVersion":"1.0.0"})") == "root is missing");
  CHECK(refusal(R"({"ociVersion":"1.0.0","root":{}})") == "root.path is missing");
  CHECK(refusal(R"({"ociVersion":"1.0.0","root":{"path":""}})") == "root.path is empty");
  CHECK(refusal(R"({"ociVersion":"1.0.0","root":{"path":"a\u0000b"}})") ==
        "root.path has a NUL byte in it");
}

TEST_CASE("runtime config: versions") {
  const auto version = [](const std::string& text) {
    return R"({"ociVersion":")" + text + R"(","root":{"path":"rootfs"}})";
  };
  for (const char* good :
       {"1.0.0", "1.0.2-dev", "1.0.0-rc5", "1.2.1+dev", "1.10.0-a.b+c.d", "1.9.9"})
    CHECK(refusal(version(good)) == "accepted");
  for (const char* bad : {"", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.x", "v1.0.0", "1.0.0-",
                          "1.0.0+", "1.0.0-a..b", "1.0.0-a_b", " 1.0.0", "-1.0.0"}) {
    CAPTURE(bad);
    CHECK(refusal(version(bad)).find("is no version like '1.3.0'") != std::string::npos);
  }
  CHECK(unsupported(version("2.0.0")) ==
        "ociVersion '2.0.0' is not supported: this runtime reads versions 1.x");
  CHECK(unsupported(version("0.1.0")).find("versions 1.x") != std::string::npos);
}

TEST_CASE("runtime config: other platforms are refused by name") {
  for (const char* platform : {"windows", "solaris", "vm", "zos", "freebsd"}) {
    CAPTURE(platform);
    const std::string name = platform;
    CHECK(unsupported(config('"' + name + R"(":{"a":1})")) ==
          name + " is not supported: this runtime makes containers of Linux only");
    CHECK(refusal(config('"' + name + R"(":{})")) == "accepted");
  }
  CHECK(unsupported(in_linux(R"("intelRdt":{})")) ==
        "linux.intelRdt is not supported: this runtime does not use resctrl");
}

TEST_CASE("runtime config: mounts") {
  const RuntimeConfig read_config = read(config(R"("mounts":[
      {"destination":"/tmp","type":"tmpfs","source":"tmpfs","options":["nosuid","size=64k"]},
      {"destination":"data","options":null},
      {"destination":"/m","uidMappings":[{"containerID":0,"hostID":1000,"size":1}],
       "gidMappings":[{"containerID":1,"hostID":4294967294,"size":1}]}])"));
  REQUIRE(read_config.mounts.size() == 3);
  CHECK(read_config.mounts[0].type == "tmpfs");
  CHECK(read_config.mounts[0].source == "tmpfs");
  CHECK(read_config.mounts[0].options == Strings{"nosuid", "size=64k"});
  CHECK(read_config.mounts[1].destination == "/data");
  CHECK(read_config.mounts[2].uid_mappings == std::vector<IdMapping>{{0, 1000, 1}});
  CHECK(read_config.mounts[2].gid_mappings == std::vector<IdMapping>{{1, 4294967294, 1}});
  CHECK(refusal(config(R"("mounts":{})")) == "mounts is not a list");
  CHECK(refusal(config(R"("mounts":[1])")) == "mounts[0] is not an object");
  CHECK(refusal(config(R"("mounts":[{}])")) == "mounts[0].destination is missing");
  CHECK(refusal(config(R"("mounts":[{"destination":""}])")) == "mounts[0].destination is empty");
  CHECK(refusal(
            config(R"("mounts":[{"destination":"/a"},{"destination":"/b","options":["x",3]}])")) ==
        "mounts[1].options[1] is not a string");
  CHECK(refusal(config(R"("mounts":[{"destination":"/a","options":[null]}])")) ==
        "mounts[0].options[0] is missing");
  CHECK(refusal(config(R"("mounts":[{"destination":"/a",
                          "uidMappings":[{"containerID":0,"hostID":0,"size":1}]}])")) ==
        "mounts[0] must have both uidMappings and gidMappings, or neither");
}

TEST_CASE("runtime config: process") {
  const auto process = parse_process(R"({"terminal":true,"consoleSize":{"height":25,"width":80},
      "user":{"uid":1,"gid":2,"umask":18,"additionalGids":[5,6]},"args":["sh","-c",""],
      "env":["A=b"],"cwd":"/root","capabilities":{"bounding":["CAP_KILL"],"ambient":[]},
      "rlimits":[{"type":"RLIMIT_NOFILE","hard":18446744073709551615,"soft":1024}],
      "noNewPrivileges":true,"apparmorProfile":"p","selinuxLabel":"s","oomScoreAdj":-500,
      "ioPriority":{"class":"IOPRIO_CLASS_IDLE","priority":4},
      "execCPUAffinity":{"initial":"7","final":"0-3,7"}})");
  REQUIRE(process);
  CHECK(process->console_size->height == 25);
  CHECK(process->console_size->width == 80);
  CHECK(process->user.uid == 1);
  CHECK(process->user.gid == 2);
  CHECK(process->user.umask == 022);
  CHECK(process->user.additional_gids == Numbers{5, 6});
  CHECK(process->args == Strings{"sh", "-c", ""});
  CHECK(process->env == Strings{"A=b"});
  CHECK(process->cwd == "/root");
  REQUIRE(process->capabilities);
  CHECK(process->capabilities->bounding == Strings{"CAP_KILL"});
  CHECK(process->capabilities->effective.empty());
  REQUIRE(process->rlimits.size() == 1);
  CHECK(process->rlimits[0].resource == RLIMIT_NOFILE);
  CHECK(process->rlimits[0].name == "RLIMIT_NOFILE");
  CHECK(process->rlimits[0].soft == 1024);
  CHECK(process->rlimits[0].hard == UINT64_MAX);
  CHECK(process->no_new_privileges);
  CHECK(process->apparmor_profile == "p");
  CHECK(process->selinux_label == "s");
  CHECK(process->oom_score_adj == -500);
  CHECK(process->io_priority->io_class == IoClass::Idle);
  CHECK(process->io_priority->priority == 4);
  CHECK(process->exec_cpu_affinity.initial == Numbers{7});
  CHECK(process->exec_cpu_affinity.final == Numbers{0, 1, 2, 3, 7});
}

TEST_CASE("runtime config: what a process leaves out is told apart from what is empty") {
  const auto process = parse_process(R"({"cwd":"/","consoleSize":{"height":"x"}})");
  REQUIRE(process);  // A console size without a terminal is to be ignored.
  CHECK_FALSE(process->terminal);
  CHECK_FALSE(process->console_size);
  CHECK_FALSE(process->user.umask);
  CHECK_FALSE(process->capabilities);
  CHECK_FALSE(process->oom_score_adj);
  CHECK_FALSE(process->scheduler);
  CHECK_FALSE(process->io_priority);
  CHECK(process->args.empty());
  CHECK(parse_process(R"({"cwd":"/","capabilities":{}})")->capabilities);
}

TEST_CASE("runtime config: processes that cannot be are refused by name") {
  const std::pair<const char*, const char*> cases[] = {
      {R"("args":["x"])", "process.cwd is missing"},
      {R"("cwd":"tmp")", "process.cwd 'tmp' is not an absolute path"},
      {R"("cwd":"")", "process.cwd '' is not an absolute path"},
      {R"("cwd":"/","args":"sh")", "process.args is not a list"},
      {R"("cwd":"/","env":["A\u0000"])", "process.env[0] has a NUL byte in it"},
      {R"("cwd":"/","terminal":1)", "process.terminal is neither true nor false"},
      {R"("cwd":"/","terminal":true,"consoleSize":{"height":1})",
       "process.consoleSize.width is missing"},
      {R"("cwd":"/","user":{"uid":1})", "process.user.gid is missing"},
      {R"("cwd":"/","user":{"uid":-1,"gid":0})",
       "process.user.uid is not between 0 and 4294967295"},
      {R"("cwd":"/","user":{"uid":4294967295,"gid":0})",
       "process.user.uid is 4294967295, which is no id"},
      {R"("cwd":"/","user":{"uid":0,"gid":0,"umask":512})",
       "process.user.umask is larger than 511 (octal 777)"},
      {R"("cwd":"/","user":{"uid":1.0,"gid":0})", "process.user.uid is not an integer"},
      {R"("cwd":"/","rlimits":[{"type":"RLIMIT_TEST","hard":1,"soft":1}])",
       "process.rlimits[0].type 'RLIMIT_TEST' is not one of RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, "
       "RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_LOCKS, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE, "
       "RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_RSS, RLIMIT_RTPRIO, RLIMIT_RTTIME, RLIMIT_SIGPENDING, "
       "RLIMIT_STACK"},
      {R"("cwd":"/","rlimits":[{"type":"RLIMIT_AS","hard":1,"soft":2}])",
       "process.rlimits[0] has a soft limit (2) above its hard one (1)"},
      {R"("cwd":"/","rlimits":[{"type":"RLIMIT_AS","hard":1,"soft":1},
          {"type":"RLIMIT_AS","hard":1,"soft":1}])",
       "process.rlimits[1].type is in the list twice"},
      {R"("cwd":"/","rlimits":[{"type":"RLIMIT_AS","hard":1}])",
       "process.rlimits[0].soft is missing"},
      {R"("cwd":"/","oomScoreAdj":1001)", "process.oomScoreAdj is not between -1000 and 1000"},
      {R"("cwd":"/","ioPriority":{"class":"X","priority":1})",
       "process.ioPriority.class 'X' is not one of IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, "
       "IOPRIO_CLASS_IDLE"},
      {R"("cwd":"/","ioPriority":{"class":"IOPRIO_CLASS_BE","priority":8})",
       "process.ioPriority.priority is not between 0 and 7"},
      {R"("cwd":"/","execCPUAffinity":{"final":"3-1"})",
       "process.execCPUAffinity.final: '3-1' runs backwards"},
      {R"("cwd":"/","commandLine":"x")", "process.commandLine is for Windows only"},
  };
  for (const auto& [members, message] : cases) {
    CAPTURE(members);
    CHECK(refused_process(members) == message);
  }
}

TEST_CASE("runtime config: scheduler") {
  const auto read_scheduler = [](const std::string& members) {
    return parse_process(R"({"cwd":"/","scheduler":{)" + members + "}}");
  };
  const auto fifo = read_scheduler(
      R"("policy":"SCHED_FIFO","priority":10,"flags":["SCHED_FLAG_RESET_ON_FORK","SCHED_FLAG_RECLAIM"])");
  REQUIRE(fifo);
  CHECK(fifo->scheduler->policy == 1);
  CHECK(fifo->scheduler->priority == 10);
  CHECK(fifo->scheduler->flags == 3);
  CHECK(read_scheduler(R"("policy":"SCHED_BATCH","nice":-20)")->scheduler->nice == -20);
  CHECK(read_scheduler(R"("policy":"SCHED_DEADLINE","runtime":1,"deadline":2,"period":3)"));
  for (const char* bad :
       {R"("nice":1)", R"("policy":"SCHED_NEW")", R"("policy":"SCHED_OTHER","nice":20)",
        R"("policy":"SCHED_OTHER","priority":1)", R"("policy":"SCHED_RR")",
        R"("policy":"SCHED_OTHER","flags":["X"])", R"("policy":"SCHED_IDLE","runtime":1)",
        R"("policy":"SCHED_DEADLINE","runtime":2,"deadline":1)", R"("policy":"SCHED_DEADLINE")"}) {
    CAPTURE(bad);
    const auto result = read_scheduler(bad);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind() == Kind::Invalid);
    CHECK(result.error().message().starts_with("process.scheduler"));
  }
  CHECK(read_scheduler(R"("policy":"SCHED_ISO")").error().kind() == Kind::Unsupported);
}

TEST_CASE("runtime config: hooks") {
  const RuntimeConfig hooked = read(config(R"("hooks":{"prestart":[{"path":"/a"}],
      "createRuntime":[{"path":"/b","args":["b","x"],"env":["K=v"],"timeout":5}],
      "createContainer":[{"path":"/c"},{"path":"/d"}],"startContainer":[{"path":"/e"}],
      "poststart":[{"path":"/f"}],"poststop":[{"path":"/g"}]})"));
  CHECK(hooked.hooks.prestart.at(0).path == "/a");
  CHECK_FALSE(hooked.hooks.prestart.at(0).timeout_s);
  CHECK(hooked.hooks.create_runtime.at(0).args == Strings{"b", "x"});
  CHECK(hooked.hooks.create_runtime.at(0).env == Strings{"K=v"});
  CHECK(hooked.hooks.create_runtime.at(0).timeout_s == 5);
  CHECK(hooked.hooks.create_container.at(1).path == "/d");
  CHECK(hooked.hooks.start_container.at(0).path == "/e");
  CHECK(hooked.hooks.poststart.at(0).path == "/f");
  CHECK(hooked.hooks.poststop.at(0).path == "/g");
  CHECK(refusal(config(R"("hooks":{"poststop":[{"path":"a"}]})")) ==
        "hooks.poststop[0].path 'a' is not an absolute path");
  CHECK(refusal(config(R"("hooks":{"poststop":[{}]})")) == "hooks.poststop[0].path is missing");
  for (const char* timeout : {"0", "-1"})
    CHECK(refusal(config(R"("hooks":{"poststop":[{"path":"/a","timeout":)" + std::string(timeout) +
                         "}]}")) == "hooks.poststop[0].timeout is not greater than zero");
}

TEST_CASE("runtime config: annotations") {
  CHECK(read(config(R"("annotations":{"a.b":"c","d":""})")).annotations ==
        std::map<std::string, std::string>{{"a.b", "c"}, {"d", ""}});
  CHECK(refusal(config(R"("annotations":{"":"c"})")) == "annotations has a key that is empty");
  CHECK(refusal(config(R"("annotations":{"a":1})")) == "annotations.a is not a string");
  CHECK(refusal(config(R"("annotations":{"\u001b[2J":1})")) ==
        "annotations.\\x1b[2J is not a string");
}

TEST_CASE("runtime config: namespaces and what needs them") {
  const RuntimeConfig spaces =
      read(config(R"("hostname":"h","domainname":"d","linux":{"namespaces":[{"type":"pid"},
        {"type":"network","path":"/run/n"},{"type":"mount"},{"type":"ipc"},{"type":"uts"},
        {"type":"user"},{"type":"cgroup"},{"type":"time"}],
        "uidMappings":[{"containerID":0,"hostID":1000,"size":32000}],
        "gidMappings":[{"containerID":0,"hostID":1000,"size":32000}],
        "timeOffsets":{"monotonic":{"secs":-5,"nanosecs":7},"boottime":{}},
        "netDevices":{"eth0":{"name":"c%d"},"eth1":{}}})"));
  CHECK(spaces.namespaces.size() == kNamespaceTypes);
  CHECK(spaces.find_namespace(NamespaceType::Network)->path == "/run/n");
  CHECK(spaces.find_namespace(NamespaceType::Pid)->path.empty());
  CHECK(namespace_name(NamespaceType::Time) == "time");
  CHECK(spaces.uid_mappings == std::vector<IdMapping>{{0, 1000, 32000}});
  CHECK(spaces.monotonic_offset->seconds == -5);
  CHECK(spaces.monotonic_offset->nanoseconds == 7);
  CHECK(spaces.boottime_offset->seconds == 0);
  REQUIRE(spaces.net_devices.size() == 2);
  CHECK(spaces.net_devices[0].host_name == "eth0");
  CHECK(spaces.net_devices[0].name == "c%d");
  CHECK(spaces.net_devices[1].name == "eth1");
  CHECK(read(in_linux(R"("namespaces":[{"type":"pid"}])")).find_namespace(NamespaceType::User) ==
        nullptr);
}

TEST_CASE("runtime config: namespaces that cannot be are refused by name") {
  const std::string map = R"([{"containerID":0,"hostID":0,"size":1}])";
  const std::pair<std::string, std::string> cases[] = {
      {R"("namespaces":[{"type":"net"}])",
       "linux.namespaces[0].type 'net' is not one of pid, network, mount, ipc, uts, user, cgroup, "
       "time"},
      {R"("namespaces":[{}])", "linux.namespaces[0].type is missing"},
      {R"("namespaces":[{"type":"pid"},{"type":"pid"}])",
       "linux.namespaces[1].type 'pid' is in the list twice"},
      {R"("namespaces":[{"type":"pid","path":"x"}])",
       "linux.namespaces[0].path 'x' is not an absolute path"},
      {R"("uidMappings":)" + map, "linux has id mappings, but no user namespace"},
      {R"("namespaces":[{"type":"user"}],"gidMappings":[{"containerID":0,"hostID":1,"size":0}])",
       "linux.gidMappings[0] has a size of 0"},
      {R"("namespaces":[{"type":"user"}],
          "gidMappings":[{"containerID":0,"hostID":1,"size":4294967295}])",
       "linux.gidMappings[0] passes the largest id, 4294967294"},
      {R"("timeOffsets":{"monotonic":{}})",
       "linux.timeOffsets is set, but there is no time namespace"},
      {R"("namespaces":[{"type":"time","path":"/t"}],"timeOffsets":{"monotonic":{}})",
       "linux.timeOffsets is set, but the time namespace is an existing one"},
      {R"("namespaces":[{"type":"time"}],"timeOffsets":{"realtime":{}})",
       "linux.timeOffsets.realtime is no clock with an offset: those are monotonic and boottime"},
      {R"("namespaces":[{"type":"time"}],"timeOffsets":{"boottime":{"nanosecs":1000000000}})",
       "linux.timeOffsets.boottime.nanosecs is a second or more"},
      {R"("netDevices":{"eth0":{}})", "linux.netDevices is set, but there is no network namespace"},
      {R"("namespaces":[{"type":"network"}],"netDevices":{"eth0":{"name":"a/b"}})",
       "linux.netDevices.eth0 names 'a/b', which no network device can be called"},
      {R"("namespaces":[{"type":"network"}],"netDevices":{"eth0":{"name":"%dx"}})",
       "linux.netDevices.eth0 names '%dx', where % may only stand in a last %d"},
      {R"("namespaces":[{"type":"network"}],"netDevices":{"a234567890123456":{}})",
       "linux.netDevices.a234567890123456 names 'a234567890123456', which no network device can be "
       "called"},
  };
  for (const auto& [members, message] : cases) {
    CAPTURE(members);
    CHECK(refusal(in_linux(members)) == message);
  }
  CHECK(refusal(config(R"("hostname":"h")")) ==
        "hostname is set, but there is no uts namespace in linux.namespaces");
  CHECK(refusal(config(R"("domainname":"h")")) ==
        "domainname is set, but there is no uts namespace in linux.namespaces");
}

TEST_CASE("runtime config: devices, paths and the rest of linux") {
  const RuntimeConfig all = read(in_linux(R"("devices":[
        {"path":"/dev/fuse","type":"c","major":10,"minor":229,"fileMode":8630,"uid":1,"gid":2},
        {"path":"/dev/p","type":"p"},{"path":"/dev/u","type":"u","major":4095,"minor":1048575}],
      "cgroupsPath":"/a/b","rootfsPropagation":"rslave","maskedPaths":["/proc/kcore"],
      "readonlyPaths":["/proc/sys"],"mountLabel":"l","sysctl":{"net.core.somaxconn":"256"},
      "personality":{"domain":"LINUX32","flags":[]},
      "memoryPolicy":{"mode":"MPOL_INTERLEAVE","nodes":"2-3","flags":["MPOL_F_STATIC_NODES"]},
      "seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"args":[{"value":18446744073709551615}]}]})"));
  REQUIRE(all.devices.size() == 3);
  CHECK(all.devices[0].path == "/dev/fuse");
  CHECK(all.devices[0].major == 10);
  CHECK(all.devices[0].minor == 229);
  CHECK(all.devices[0].file_mode == 0666);
  CHECK(all.devices[0].uid == 1);
  CHECK(all.devices[0].gid == 2);
  CHECK(all.devices[1].type == 'p');
  CHECK_FALSE(all.devices[1].file_mode);
  CHECK(all.devices[2].type == 'c');
  CHECK(all.cgroups_path == "/a/b");
  CHECK(all.rootfs_propagation->type == Propagation::Slave);
  CHECK(all.rootfs_propagation->recursive);
  CHECK(all.masked_paths == Strings{"/proc/kcore"});
  CHECK(all.readonly_paths == Strings{"/proc/sys"});
  CHECK(all.mount_label == "l");
  CHECK(all.sysctl.at(0) == std::pair<std::string, std::string>{"net.core.somaxconn", "256"});
  CHECK(all.personality == PersonalityDomain::Linux32);
  CHECK(all.memory_policy->mode == MPOL_INTERLEAVE);
  CHECK(all.memory_policy->flags == unsigned{MPOL_F_STATIC_NODES});
  CHECK(all.memory_policy->nodes == Numbers{2, 3});
  CHECK(all.has_seccomp);
  CHECK(all.seccomp["syscalls"].as_array().at(0)["args"].as_array().at(0)["value"].as_uint() ==
        UINT64_MAX);
}

TEST_CASE("runtime config: wrong members of linux are refused by name") {
  const std::pair<const char*, const char*> cases[] = {
      {R"("seccomp":[])", "linux.seccomp is not an object"},
      {R"("devices":[{"path":"dev","type":"c","major":1,"minor":1}])",
       "linux.devices[0].path 'dev' is not an absolute path"},
      {R"("devices":[{"path":"/d","type":"x","major":1,"minor":1}])",
       "linux.devices[0].type 'x' is not one of c, b, u and p"},
      {R"("devices":[{"path":"/d","type":"c","major":1}])", "linux.devices[0].minor is missing"},
      {R"("devices":[{"path":"/d","type":"c","major":4096,"minor":1}])",
       "linux.devices[0].major is no device number"},
      {R"("cgroupsPath":"a/../../b")", "linux.cgroupsPath has '..' in it"},
      {R"("rootfsPropagation":"up")",
       "linux.rootfsPropagation 'up' is not one of private, slave, shared, unbindable, rprivate, "
       "rslave, rshared, runbindable"},
      {R"("maskedPaths":["/a","b"])", "linux.maskedPaths[1] 'b' is not an absolute path"},
      {R"("readonlyPaths":[""])", "linux.readonlyPaths[0] '' is not an absolute path"},
      {R"("sysctl":{"net..x":"1"})", "linux.sysctl.net..x is not named as a kernel parameter is"},
      {R"("sysctl":{"/etc/x":"1"})", "linux.sysctl./etc/x is not named as a kernel parameter is"},
      {R"("sysctl":{"net.x":1})", "linux.sysctl.net.x is not a string"},
      {R"("personality":{})", "linux.personality.domain is missing"},
      {R"("personality":{"domain":"LINUX","flags":["x"]})",
       "linux.personality.flags has a flag, and the specification defines none"},
      {R"("memoryPolicy":{"mode":"MPOL_DEFAULT","nodes":"0"})",
       "linux.memoryPolicy.nodes must be empty with MPOL_DEFAULT and MPOL_LOCAL"},
      {R"("memoryPolicy":{"mode":"MPOL_BIND"})",
       "linux.memoryPolicy has no nodes, which its mode needs"},
      {R"("memoryPolicy":{"mode":"MPOL_BIND","nodes":"0",
          "flags":["MPOL_F_STATIC_NODES","MPOL_F_RELATIVE_NODES"]})",
       "linux.memoryPolicy.flags has both MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES"},
      {R"("resources":{"memory":{"limit":"1g"}})",
       "linux.resources.memory.limit is not an integer"},
  };
  for (const auto& [members, message] : cases) {
    CAPTURE(members);
    CHECK(refusal(in_linux(members)) == message);
  }
}

TEST_CASE("resources: all members") {
  const auto all = parse_resources(R"({"devices":[{"allow":false,"access":"rwm"},
      {"allow":true,"type":"c","major":10,"minor":229,"access":"rw"},
      {"allow":true,"type":"b","major":8,"minor":-1}],
      "memory":{"limit":1,"reservation":2,"swap":-1,"kernel":3,"kernelTCP":4,"swappiness":0,
                "disableOOMKiller":false,"useHierarchy":true,"checkBeforeUpdate":true},
      "cpu":{"shares":1024,"quota":-1,"burst":5,"period":6,"realtimeRuntime":7,"realtimePeriod":8,
             "cpus":"2-3","mems":"0","idle":1},
      "pids":{"limit":0},
      "blockIO":{"weight":10,"leafWeight":11,
        "weightDevice":[{"major":8,"minor":0,"weight":500,"leafWeight":300}],
        "throttleReadBpsDevice":[{"major":8,"minor":1,"rate":600}],
        "throttleWriteBpsDevice":[{"major":8,"minor":2,"rate":601}],
        "throttleReadIOPSDevice":[{"major":8,"minor":3,"rate":602}],
        "throttleWriteIOPSDevice":[{"major":8,"minor":4,"rate":18446744073709551615}]},
      "hugepageLimits":[{"pageSize":"2MB","limit":209715200}],
      "network":{"classID":1048577,"priorities":[{"name":"eth0","priority":500}]},
      "rdma":{"mlx5_1":{"hcaHandles":3}},
      "unified":{"memory.high":"10","hugetlb.1GB.max":"1073741824"}})");
  REQUIRE(all);
  CHECK(all->devices == std::vector<DeviceRule>{{false, 'a', {}, {}, true, true, true},
                                                {true, 'c', 10, 229, true, true, false},
                                                {true, 'b', 8, {}, true, true, true}});
  CHECK(all->memory == MemoryLimits{1, 2, -1, 3, 4, 0, false, true, true});
  CHECK(all->cpu == CpuLimits{1024, -1, 5, 6, 7, 8, "2-3", "0", 1});
  CHECK(all->pids_limit == 0);
  CHECK(all->block_io == BlockIoLimits{10,
                                       11,
                                       {{8, 0, 500, 300}},
                                       {{8, 1, 600}},
                                       {{8, 2, 601}},
                                       {{8, 3, 602}},
                                       {{8, 4, UINT64_MAX}}});
  CHECK(all->hugepage_limits == std::vector<HugepageLimit>{{"2MB", 209715200}});
  CHECK(all->network == NetworkClass{1048577, {{"eth0", 500}}});
  CHECK(all->rdma == std::map<std::string, RdmaLimit>{{"mlx5_1", {3, {}}}});
  REQUIRE(all->unified.size() == 2);
  CHECK(all->unified[1].first == "hugetlb.1GB.max");
  CHECK(all->unified[1].second == "1073741824");
  CHECK(*parse_resources(R"({"memory":{},"cpu":{},"pids":{},"blockIO":{},"network":{}})") ==
        Resources());
}

TEST_CASE("resources: wrong values are refused by name") {
  const std::pair<const char*, const char*> cases[] = {
      {R"("devices":[{"access":"r"}])", "resources.devices[0].allow is missing"},
      {R"("devices":[{"allow":true,"access":"rx"}])",
       "resources.devices[0].access 'rx' has other letters than r, w and m"},
      {R"("devices":[{"allow":true,"type":"p"}])",
       "resources.devices[0].type 'p' is not one of a, c and b"},
      {R"("devices":[{"allow":true,"major":-2}])",
       "resources.devices[0].major is no device number"},
      {R"("memory":{"limit":-2})", "resources.memory.limit is below -1 (which is \"no limit\")"},
      {R"("memory":{"limit":9223372036854775808})",
       "resources.memory.limit is not between -9223372036854775808 and 9223372036854775807"},
      {R"("memory":{"swappiness":101})", "resources.memory.swappiness is not between 0 and 100"},
      {R"("memory":[])", "resources.memory is not an object"},
      {R"("cpu":{"quota":10,"burst":11})", "resources.cpu.burst is larger than the quota"},
      {R"("cpu":{"shares":-1})", "resources.cpu.shares is not between 0 and 18446744073709551615"},
      {R"("cpu":{"cpus":"a"})", "resources.cpu.cpus: 'a' is no number"},
      {R"("pids":{"limit":1e3})", "resources.pids.limit is not an integer"},
      {R"("pids":7)", "resources.pids is not an object"},
      {R"("blockIO":{"weight":65536})", "resources.blockIO.weight is not between 0 and 65535"},
      {R"("blockIO":{"weightDevice":[{"major":1,"minor":2}]})",
       "resources.blockIO.weightDevice[0] has neither weight nor leafWeight"},
      {R"("blockIO":{"throttleReadBpsDevice":[{"major":1,"minor":2}]})",
       "resources.blockIO.throttleReadBpsDevice[0].rate is missing"},
      {R"("hugepageLimits":[{"pageSize":"../2MB","limit":1}])",
       "resources.hugepageLimits[0].pageSize '../2MB' is no page size like '2MB'"},
      {R"("network":{"classID":4294967296})",
       "resources.network.classID is not between 0 and 4294967295"},
      {R"("rdma":{"x":{}})", "resources.rdma.x has neither hcaHandles nor hcaObjects"},
      {R"("unified":{"../cgroup.procs":"1"})",
       "resources.unified.../cgroup.procs is not named as a file of a cgroup is"},
      {R"("unified":{"memory.high":1})", "resources.unified.memory.high is not a string"},
  };
  for (const auto& [members, message] : cases) {
    CAPTURE(members);
    CHECK(refused_resources(members) == message);
  }
}

TEST_CASE("number lists") {
  CHECK(*parse_number_list("0-3,7") == Numbers{0, 1, 2, 3, 7});
  CHECK(*parse_number_list("7,1-2,2-3,7") == Numbers{1, 2, 3, 7});
  CHECK(parse_number_list("0-8191")->size() == 8192);
  std::string long_list = "0-8191";
  for (int i = 0; i < 2000; ++i) long_list += ",0-8191";
  CHECK(parse_number_list(long_list)->size() == 8192);
  for (const char* bad :
       {"", ",", "1,", "-", "1-", "-1", "a", "1-2-3", "8192", "2-1", "1 ", "+1"}) {
    CAPTURE(bad);
    const auto result = parse_number_list(bad);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind() == Kind::Invalid);
  }
}

}  // namespace
}  // namespace tare::oci
