// SPDX-License-Identifier: Apache-2.0
#include "sys/cgroup_writes.h"

#include "sys/cgroup_apply.h"
#include "sys/cgroup_test_tree.h"

namespace tare::sys::cgroups {
namespace {

void must(const Result<>& result) {
  if (!result) FAIL(result.error().message());
}

TEST_CASE("cgroup limits: every one lands in its file of version 2") {
  FakeTree tree;
  tree.mount_v2("/cg", "cpuset cpu io memory hugetlb pids rdma");
  for (const char* file :
       {"memory.max", "memory.swap.max", "memory.low", "memory.high", "cpu.weight", "cpu.max",
        "cpu.max.burst", "cpu.idle", "cpuset.cpus", "cpuset.mems", "pids.max", "io.bfq.weight",
        "hugetlb.2MB.max", "hugetlb.2MB.rsvd.max", "rdma.max"})
    tree.put(std::string("/cg/a/") + file);
  const CgroupHost host = tree.host();
  const std::vector<std::string> directories{tree.path("/cg/a")};
  CgroupLimits limits{.memory_bytes = 100,
                      .memory_swap_bytes = 250,
                      .memory_reservation_bytes = 50,
                      .memory_kernel_bytes = 7,
                      .oom_kill_disable = false,
                      .memory_use_hierarchy = true,
                      .cpu_quota_us = 20000,
                      .cpu_period_us = 40000,
                      .cpu_burst_us = 500,
                      .cpu_shares = 1024,
                      .cpu_realtime_runtime_us = 0,
                      .cpu_idle = 0,
                      .cpuset_cpus = "0-1",
                      .cpuset_mems = "0",
                      .pids = kNoLimit,
                      .block_weight = 500,
                      .hugepages = {{.page_size = "2MB", .bytes = 4096}},
                      .rdma = {{.device = "mlx5_1", .handles = 3, .objects = {}}},
                      .unified = {{"memory.high", "90"}}};
  std::vector<std::string> warnings;
  must(apply(host, directories, limits, &warnings));
  CHECK(tree.get("/cg/a/memory.max") == "100");
  CHECK(tree.get("/cg/a/memory.swap.max") == "150");
  CHECK(tree.get("/cg/a/memory.low") == "50");
  CHECK(tree.get("/cg/a/memory.high") == "90");
  CHECK(tree.get("/cg/a/cpu.weight") == "39");
  CHECK(tree.get("/cg/a/cpu.max") == "20000 40000");
  CHECK(tree.get("/cg/a/cpu.max.burst") == "500");
  CHECK(tree.get("/cg/a/cpu.idle") == "0");
  CHECK(tree.get("/cg/a/cpuset.cpus") == "0-1");
  CHECK(tree.get("/cg/a/cpuset.mems") == "0");
  CHECK(tree.get("/cg/a/pids.max") == "max");
  CHECK(tree.get("/cg/a/io.bfq.weight") == "500");
  CHECK(tree.get("/cg/a/hugetlb.2MB.max") == "4096");
  CHECK(tree.get("/cg/a/hugetlb.2MB.rsvd.max") == "4096");
  CHECK(tree.get("/cg/a/rdma.max") == "mlx5_1 hca_handle=3");
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("kernel memory") != std::string::npos);
}

TEST_CASE("cgroup limits: throttles of disks, and weights without BFQ, of version 2") {
  FakeTree tree;
  tree.mount_v2("/cg", "io");
  tree.put("/cg/a/io.max");
  tree.put("/cg/a/io.weight");
  const CgroupHost host = tree.host();
  const BlockDevice disk{.major = 8, .minor = 16};
  const auto set = [&](const CgroupLimits& limits) {
    must(apply(host, {tree.path("/cg/a")}, limits, nullptr));
  };
  set({.read_bps = {{disk, 1000}}});
  CHECK(tree.get("/cg/a/io.max") == "8:16 rbps=1000");
  set({.write_bps = {{disk, 1001}}});
  CHECK(tree.get("/cg/a/io.max") == "8:16 wbps=1001");
  set({.read_iops = {{disk, 1002}}});
  CHECK(tree.get("/cg/a/io.max") == "8:16 riops=1002");
  set({.write_iops = {{disk, 0}}});
  CHECK(tree.get("/cg/a/io.max").starts_with("8:16 wiops=max"));
  set({.block_weight = 1000});
  CHECK(tree.get("/cg/a/io.weight") == "10000");
  set({.block_weights = {{.device = disk, .weight = 10, .leaf_weight = {}}}});
  CHECK(tree.get("/cg/a/io.weight").starts_with("8:16 1"));
}

TEST_CASE("cgroup limits: what an update leaves out stays as it is") {
  FakeTree tree;
  tree.mount_v2("/cg", "cpu memory");
  tree.put("/cg/a/cpu.max", "30000 100000\n");
  tree.put("/cg/a/memory.max", "1000\n");
  tree.put("/cg/a/memory.swap.max");
  const CgroupHost host = tree.host();
  must(apply(host, {tree.path("/cg/a")}, {.memory_swap_bytes = 1500, .cpu_period_us = 50000},
             nullptr));
  CHECK(tree.get("/cg/a/cpu.max").starts_with("30000 50000"));
  CHECK(tree.get("/cg/a/memory.swap.max") == "500");
}

TEST_CASE("cgroup limits: every one lands in its file of version 1") {
  FakeTree tree;
  for (const char* name :
       {"memory", "cpu", "cpuset", "pids", "blkio", "hugetlb", "net_cls", "net_prio"})
    tree.mount_v1(std::string("/") + name, name);
  for (const char* file : {"/memory/a/memory.limit_in_bytes",
                           "/memory/a/memory.memsw.limit_in_bytes",
                           "/memory/a/memory.soft_limit_in_bytes",
                           "/memory/a/memory.swappiness",
                           "/memory/a/memory.oom_control",
                           "/memory/a/memory.kmem.tcp.limit_in_bytes",
                           "/cpu/a/cpu.shares",
                           "/cpu/a/cpu.cfs_quota_us",
                           "/cpu/a/cpu.cfs_period_us",
                           "/cpu/a/cpu.cfs_burst_us",
                           "/cpu/a/cpu.rt_runtime_us",
                           "/cpu/a/cpu.rt_period_us",
                           "/cpu/a/cpu.idle",
                           "/cpuset/a/cpuset.cpus",
                           "/cpuset/a/cpuset.mems",
                           "/pids/a/pids.max",
                           "/blkio/a/blkio.weight",
                           "/blkio/a/blkio.leaf_weight",
                           "/blkio/a/blkio.weight_device",
                           "/blkio/a/blkio.throttle.read_bps_device",
                           "/blkio/a/blkio.throttle.write_bps_device",
                           "/blkio/a/blkio.throttle.read_iops_device",
                           "/blkio/a/blkio.throttle.write_iops_device",
                           "/hugetlb/a/hugetlb.1GB.limit_in_bytes",
                           "/net_cls/a/net_cls.classid",
                           "/net_prio/a/net_prio.ifpriomap"})
    tree.put(file);
  const CgroupHost host = tree.host();
  std::vector<std::string> directories;
  for (const auto& [name, mount] : host.v1) directories.push_back(mount + "/a");
  const BlockDevice disk{.major = 8, .minor = 0};
  const CgroupLimits limits{.memory_bytes = 100,
                            .memory_swap_bytes = kNoLimit,
                            .memory_reservation_bytes = 50,
                            .memory_kernel_tcp_bytes = 60,
                            .memory_swappiness = 10,
                            .oom_kill_disable = true,
                            .cpu_quota_us = kNoLimit,
                            .cpu_period_us = 40000,
                            .cpu_burst_us = 1,
                            .cpu_shares = 2,
                            .cpu_realtime_runtime_us = 3,
                            .cpu_realtime_period_us = 4,
                            .cpu_idle = 1,
                            .cpuset_cpus = "1",
                            .cpuset_mems = "0",
                            .pids = 5,
                            .block_weight = 600,
                            .block_leaf_weight = 700,
                            .block_weights = {{.device = disk, .weight = 20, .leaf_weight = {}}},
                            .read_bps = {{disk, 1}},
                            .write_bps = {{disk, 2}},
                            .read_iops = {{disk, 3}},
                            .write_iops = {{disk, 4}},
                            .hugepages = {{.page_size = "1GB", .bytes = 1 << 30}},
                            .network_class = 0x100001,
                            .network_priorities = {{.name = "eth0", .priority = 5}}};
  std::vector<std::string> warnings;
  must(apply(host, directories, limits, &warnings));
  CHECK(warnings.empty());
  CHECK(tree.get("/memory/a/memory.limit_in_bytes") == "100");
  CHECK(tree.get("/memory/a/memory.memsw.limit_in_bytes") == "-1");
  CHECK(tree.get("/memory/a/memory.soft_limit_in_bytes") == "50");
  CHECK(tree.get("/memory/a/memory.kmem.tcp.limit_in_bytes") == "60");
  CHECK(tree.get("/memory/a/memory.swappiness") == "10");
  CHECK(tree.get("/memory/a/memory.oom_control") == "1");
  CHECK(tree.get("/cpu/a/cpu.cfs_quota_us") == "-1");
  CHECK(tree.get("/cpu/a/cpu.cfs_period_us") == "40000");
  CHECK(tree.get("/cpu/a/cpu.cfs_burst_us") == "1");
  CHECK(tree.get("/cpu/a/cpu.shares") == "2");
  CHECK(tree.get("/cpu/a/cpu.rt_runtime_us") == "3");
  CHECK(tree.get("/cpu/a/cpu.rt_period_us") == "4");
  CHECK(tree.get("/cpu/a/cpu.idle") == "1");
  CHECK(tree.get("/cpuset/a/cpuset.cpus") == "1");
  CHECK(tree.get("/pids/a/pids.max") == "5");
  CHECK(tree.get("/blkio/a/blkio.weight") == "600");
  CHECK(tree.get("/blkio/a/blkio.leaf_weight") == "700");
  CHECK(tree.get("/blkio/a/blkio.weight_device") == "8:0 20");
  CHECK(tree.get("/blkio/a/blkio.throttle.read_bps_device") == "8:0 1");
  CHECK(tree.get("/blkio/a/blkio.throttle.write_bps_device") == "8:0 2");
  CHECK(tree.get("/blkio/a/blkio.throttle.read_iops_device") == "8:0 3");
  CHECK(tree.get("/blkio/a/blkio.throttle.write_iops_device") == "8:0 4");
  CHECK(tree.get("/hugetlb/a/hugetlb.1GB.limit_in_bytes") == "1073741824");
  CHECK(tree.get("/net_cls/a/net_cls.classid") == "1048577");
  CHECK(tree.get("/net_prio/a/net_prio.ifpriomap") == "eth0 5");
}

// Nothing is dropped silently: what a host cannot do is an error with the limit's name.
TEST_CASE("cgroup limits: one that cannot be enforced is refused by name") {
  FakeTree v2;
  v2.mount_v2("/cg", "memory");
  v2.put("/cg/a/memory.max");
  FakeTree hybrid;
  hybrid.mount_v1("/memory", "memory");
  hybrid.put("/memory/a/memory.limit_in_bytes");
  hybrid.mount_v2("/unified", "");
  hybrid.put("/unified/a/cgroup.procs");
  struct Row {
    const char* name;
    CgroupLimits limits;
  };
  const std::vector<Row> rows{
      {"swap", {.memory_swap_bytes = 1}},
      {"CPU", {.cpu_quota_us = 1000}},
      {"CPU", {.cpu_period_us = 1000}},
      {"CPU share", {.cpu_shares = 5}},
      {"real-time", {.cpu_realtime_runtime_us = 5}},
      {"processor", {.cpuset_cpus = "0"}},
      {"process", {.pids = 5}},
      {"disk", {.block_weight = 100}},
      {"disk", {.block_leaf_weight = 100}},
      {"disk", {.read_bps = {{{.major = 8, .minor = 0}, 5}}}},
      {"huge page", {.hugepages = {{.page_size = "2MB", .bytes = 5}}}},
      {"RDMA", {.rdma = {{.device = "x", .handles = 1, .objects = {}}}}},
      {"network class", {.network_class = 5}},
      {"network priority", {.network_priorities = {{.name = "lo", .priority = 1}}}},
      {"memory.high", {.unified = {{"memory.high", "5"}}}},
      {"../cgroup.procs", {.unified = {{"../cgroup.procs", "5"}}}},
      {"cgroup.freeze", {.unified = {{"cgroup.freeze", "1"}}}},
      {"memory", {.memory_use_hierarchy = false}}};
  for (const Row& row : rows) {
    INFO(row.name);
    for (const FakeTree* tree : {&v2, &hybrid}) {
      const bool pure = tree == &v2;
      const auto done =
          apply(tree->host(),
                pure ? std::vector<std::string>{tree->path("/cg/a")}
                     : std::vector<std::string>{tree->path("/memory/a"), tree->path("/unified/a")},
                row.limits, nullptr);
      INFO(pure);
      REQUIRE(!done);
      CHECK(done.error().kind() == Kind::Unsupported);
      INFO(done.error().message());
      CHECK(done.error().message().find(row.name) != std::string::npos);
    }
  }
  for (const CgroupLimits& limits :
       {CgroupLimits{.memory_swappiness = 5}, CgroupLimits{.oom_kill_disable = true}}) {
    const auto done = apply(v2.host(), {v2.path("/cg/a")}, limits, nullptr);
    REQUIRE(!done);
    CHECK(done.error().kind() == Kind::Unsupported);
  }
}

TEST_CASE("cgroup limits: none is none") {
  CHECK(CgroupLimits{}.empty());
  CHECK(!CgroupLimits{.devices = default_device_rules()}.empty());
  CHECK(!CgroupLimits{.unified = {{"a.b", "c"}}}.empty());
  CHECK(weight_of_shares(2) == 1);
  CHECK(weight_of_shares(262144) == 10000);
  CHECK(io_weight(10) == 1);
  CHECK(io_weight(1000) == 10000);
}

}  // namespace
}  // namespace tare::sys::cgroups
