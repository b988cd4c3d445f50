// SPDX-License-Identifier: Apache-2.0
#include "sys/cgroup_stats.h"

#include "sys/cgroup_apply.h"
#include "sys/cgroup_test_tree.h"

namespace tare::sys::cgroups {
namespace {

constexpr const char* kPressure =
    "some avg10=1.50 avg60=0.25 avg300=0.00 total=1234\n"
    "full avg10=0.75 avg60=0.00 avg300=0.00 total=99\n";

TEST_CASE("cgroup stats: version 2") {
  FakeTree tree;
  tree.mount_v2("/cg", "cpu memory io pids hugetlb");
  tree.put("/cg/a/cpu.stat",
           "usage_usec 5000\nuser_usec 3000\nsystem_usec 2000\nnr_periods 7\nnr_throttled 3\n"
           "throttled_usec 44\n");
  tree.put("/cg/a/memory.current", "4096\n");
  tree.put("/cg/a/memory.max", "max\n");
  tree.put("/cg/a/memory.peak", "8192\n");
  tree.put("/cg/a/memory.swap.current", "512\n");
  tree.put("/cg/a/memory.swap.max", "1024\n");
  tree.put("/cg/a/memory.events", "low 0\nhigh 0\nmax 5\noom 2\noom_kill 1\noom_group_kill 0\n");
  tree.put("/cg/a/memory.stat", "anon 100\nfile 200\nkernel 30\ninactive_file 50\n");
  tree.put("/cg/a/pids.current", "3\n");
  tree.put("/cg/a/pids.max", "10\n");
  tree.put("/cg/a/io.stat",
           "8:16 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n8:0 \n253:0 rbytes=5\n");
  tree.put("/cg/a/hugetlb.2MB.current", "2097152\n");
  tree.put("/cg/a/hugetlb.2MB.events", "max 4\n");
  for (const char* file : {"cpu", "memory", "io"})
    tree.put(std::string("/cg/a/") + file + ".pressure", kPressure);
  const CgroupStats stats = read_stats(tree.host(), {tree.path("/cg/a")});
  REQUIRE(stats.cpu);
  CHECK(stats.cpu->total_ns == 5'000'000);
  CHECK(stats.cpu->user_ns == 3'000'000);
  CHECK(stats.cpu->system_ns == 2'000'000);
  CHECK(stats.cpu->throttled_periods == 3);
  CHECK(stats.cpu->throttled_ns == 44'000);
  REQUIRE(stats.memory);
  CHECK(stats.memory->usage == 4096);
  CHECK(stats.memory->limit == kNoLimit);
  CHECK(stats.memory->max_usage == 8192);
  CHECK(stats.memory->swap_usage == 512);
  CHECK(stats.memory->swap_limit == 1024);
  CHECK(stats.memory->failures == 5);
  CHECK(stats.memory->oom_kills == 1);
  CHECK(stats.memory->rss == 100);
  CHECK(stats.memory->cache == 200);
  CHECK(stats.memory->inactive_file == 50);
  CHECK(stats.memory->stat.size() == 4);
  REQUIRE(stats.pids);
  CHECK(stats.pids->current == 3);
  CHECK(stats.pids->limit == 10);
  REQUIRE(stats.io);
  REQUIRE(stats.io->size() == 3);
  CHECK((*stats.io)[0].read_bytes == 10);
  CHECK((*stats.io)[0].writes == 2);
  CHECK((*stats.io)[2].device == BlockDevice{.major = 253, .minor = 0});
  REQUIRE(stats.hugepages.contains("2MB"));
  CHECK(stats.hugepages.at("2MB").usage == 2097152);
  CHECK(stats.hugepages.at("2MB").failures == 4);
  REQUIRE(stats.memory_pressure);
  CHECK(stats.memory_pressure->some.avg10 == 1.5);
  CHECK(stats.memory_pressure->full.total_us == 99);
  CHECK(stats.cpu_pressure);
  CHECK(stats.io_pressure);
}

TEST_CASE("cgroup stats: version 1") {
  FakeTree tree;
  for (const char* name : {"cpu", "cpuacct", "memory", "pids", "blkio", "hugetlb"})
    tree.mount_v1(std::string("/") + name, name);
  tree.put("/cpuacct/a/cpuacct.usage", "5000\n");
  tree.put("/cpuacct/a/cpuacct.stat", "user 2\nsystem 1\n");
  tree.put("/cpuacct/a/cpuacct.usage_percpu", "2000 3000 \n");
  tree.put("/cpu/a/cpu.stat", "nr_periods 7\nnr_throttled 3\nthrottled_time 44\n");
  tree.put("/memory/a/memory.usage_in_bytes", "4096\n");
  tree.put("/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
  tree.put("/memory/a/memory.failcnt", "6\n");
  tree.put("/memory/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
  tree.put("/memory/a/memory.stat", "cache 1\ntotal_cache 2\ntotal_rss 3\ntotal_inactive_file 1\n");
  tree.put("/pids/a/pids.current", "1\n");
  tree.put("/pids/a/pids.max", "max\n");
  tree.put("/blkio/a/blkio.throttle.io_service_bytes_recursive",
           "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:0 Total 30\nTotal 30\n");
  tree.put("/blkio/a/blkio.throttle.io_serviced_recursive", "8:0 Read 1\n8:0 Write 2\nTotal 3\n");
  tree.put("/hugetlb/a/hugetlb.1GB.usage_in_bytes", "7\n");
  std::vector<std::string> directories;
  const CgroupHost host = tree.host();
  for (const auto& [name, mount] : host.v1) directories.push_back(mount + "/a");
  const CgroupStats stats = read_stats(host, directories);
  REQUIRE(stats.cpu);
  CHECK(stats.cpu->total_ns == 5000);
  CHECK(stats.cpu->user_ns == 20'000'000);  // Ticks of 10 ms.
  CHECK(stats.cpu->per_cpu_ns == std::vector<std::uint64_t>{2000, 3000});
  CHECK(stats.cpu->throttled_ns == 44);
  REQUIRE(stats.memory);
  CHECK(stats.memory->limit == kNoLimit);
  CHECK(stats.memory->failures == 6);
  CHECK(stats.memory->oom_kills == 2);
  CHECK(stats.memory->cache == 2);
  CHECK(stats.memory->inactive_file == 1);
  REQUIRE(stats.pids);
  CHECK(stats.pids->limit == kNoLimit);
  REQUIRE(stats.io);
  REQUIRE(stats.io->size() == 1);
  CHECK(stats.io->front().read_bytes == 10);
  CHECK(stats.io->front().writes == 2);
  CHECK(stats.hugepages.at("1GB").usage == 7);
  CHECK(!stats.cpu_pressure);
}

TEST_CASE("cgroup stats: version 1 beside version 2, and files that say nothing sensible") {
  FakeTree tree;
  tree.mount_v1("/memory", "memory");
  tree.mount_v2("/unified", "");
  tree.put("/memory/a/memory.usage_in_bytes", "what\n");
  tree.put("/memory/a/memory.stat", "\n \nx\ncache -5\n");
  tree.put("/unified/a/cpu.stat", "usage_usec 5\nuser_usec\n");
  tree.put("/unified/a/io.pressure", "some avg10=x avg60 total=\n");
  const CgroupStats stats =
      read_stats(tree.host(), {tree.path("/memory/a"), tree.path("/unified/a")});
  REQUIRE(stats.memory);
  CHECK(stats.memory->usage == 0);
  REQUIRE(stats.cpu);  // Without a controller, too.
  CHECK(stats.cpu->total_ns == 5000);
  CHECK(!stats.pids);
  CHECK(!stats.io);
  CHECK(stats.io_pressure);
}

}  // namespace
}  // namespace tare::sys::cgroups
