// SPDX-License-Identifier: Apache-2.0
// Control groups: on trees of ordinary files, and on the real ones where we may.
#include "sys/cgroup.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "sys/cgroup_test_tree.h"
#include "sys/ids.h"

namespace tare::sys {
namespace {

using cgroups::FakeTree;

template <typename T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message());
  return std::move(*result);
}
void must(const Result<>& result) {
  if (!result) FAIL(result.error().message());
}

bool has(const std::vector<std::string>& all, const std::string& one) {
  return std::ranges::find(all, one) != all.end();
}

TEST_CASE("cgroup: what a host has is found, whatever its layout") {
  SUBCASE("version 2") {
    FakeTree tree;
    tree.mount_v2("/cg", "cpuset cpu io memory hugetlb pids rdma misc");
    const CgroupHost host = tree.host();
    CHECK(host.layout == CgroupLayout::V2);
    CHECK(host.v2_mount == tree.path("/cg"));
    CHECK(host.v2_writable);
    CHECK(host.controllers ==
          std::vector<std::string>{"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"});
  }
  SUBCASE("version 1, with shared hierarchies and one that has only a name") {
    FakeTree tree;
    tree.mount_v1("/cg/cpu,cpuacct", "cpu,cpuacct");
    tree.mount_v1("/cg/memory", "memory");
    tree.mount_v1("/cg/systemd", "xattr,name=systemd");
    const CgroupHost host = tree.host();
    CHECK(host.layout == CgroupLayout::V1);
    CHECK(host.writable);
    CHECK(host.v1 == std::vector<CgroupHost::Place>{{"memory", tree.path("/cg/memory")},
                                                    {"cpu", tree.path("/cg/cpu,cpuacct")},
                                                    {"cpuacct", tree.path("/cg/cpu,cpuacct")},
                                                    {"name=systemd", tree.path("/cg/systemd")}});
  }
  SUBCASE("version 1 beside version 2") {
    FakeTree tree;
    tree.mount_v1("/cg/memory", "memory");
    tree.mount_v2("/cg/unified", "hugetlb");
    const CgroupHost host = tree.host();
    CHECK(host.layout == CgroupLayout::Hybrid);
    CHECK(host.controllers == std::vector<std::string>{"hugetlb", "memory"});
  }
  SUBCASE("none") {
    const CgroupHost host = FakeTree().host();
    CHECK(host.layout == CgroupLayout::None);
    CHECK(!host.writable);
    CHECK(host.why_not == "no cgroup file system is mounted");
  }
}

TEST_CASE("cgroup: groups are made in the hierarchies that need one, or in every one") {
  FakeTree tree;
  for (const char* name : {"memory", "cpu", "cpuacct", "pids", "blkio", "devices"})
    tree.mount_v1(std::string("/cg/") + name, name);
  tree.mount_v2("/cg/unified", "");
  const CgroupHost host = tree.host();
  const Cgroup few = must(Cgroup::create({.path = "tare/a"}, host));
  CHECK(few.directories() == std::vector<std::string>{tree.path("/cg/memory/tare/a"),
                                                      tree.path("/cg/pids/tare/a"),
                                                      tree.path("/cg/unified/tare/a")});
  CHECK(few.parents() == std::vector<std::string>{tree.path("/cg/memory/tare"),
                                                  tree.path("/cg/pids/tare"),
                                                  tree.path("/cg/unified/tare")});
  const Cgroup every =
      must(Cgroup::create({.path = "/pod/x/b", .reach = Cgroup::Reach::Every}, host));
  CHECK(every.directories().size() == 7);
  CHECK(has(every.directories(), tree.path("/cg/blkio/pod/x/b")));
  CHECK(every.parents().size() == 14);
  CHECK(Cgroup::open_at("/pod/x/b", host).directories() == every.directories());
  CHECK(every.directory_of("memory") == tree.path("/cg/memory/pod/x/b"));
  CHECK(every.directory_of("hugetlb").empty());
  CHECK(has(Cgroup::possible_directories("tare/a", host), tree.path("/cg/blkio/tare/a")));
  CHECK(!has(Cgroup::possible_directories("tare/a", host), tree.path("/cg/cpuacct/tare/a")));

  // What others use by then stays: "pod" has another container.
  const Cgroup neighbour = must(Cgroup::create({.path = "/pod/c"}, host));
  must(Cgroup::reopen(every.directories(), every.parents(), host).remove());
  CHECK(!cgroups::exists(tree.path("/cg/memory/pod/x")));
  CHECK(cgroups::exists(tree.path("/cg/memory/pod/c")));
  CHECK(!cgroups::exists(tree.path("/cg/blkio/pod")));
}

TEST_CASE("cgroup: a path that leads elsewhere is refused") {
  FakeTree tree;
  tree.mount_v1("/cg/memory", "memory");
  const CgroupHost host = tree.host();
  for (const char* path : {"", "/", "../x", "/a/../b", "a//b", "/a/./b", "/a/", "a\nb"}) {
    INFO(path);
    const auto made = Cgroup::create({.path = path}, host);
    REQUIRE(!made);
    CHECK(made.error().kind() == Kind::Invalid);
  }
  const auto made = Cgroup::create({.path = std::string("a\0b", 3)}, host);
  CHECK(!made);
}

TEST_CASE("cgroup: a group that others live in is not taken over, and not removed") {
  FakeTree tree;
  tree.mount_v1("/cg/memory", "memory");
  tree.mount_v1("/cg/pids", "pids");
  tree.put("/cg/pids/tare/a/cgroup.procs", "4711\n");
  const auto made = Cgroup::create({.path = "tare/a"}, tree.host());
  REQUIRE(!made);
  CHECK(made.error().kind() == Kind::Busy);
  CHECK(!made.error().hint().empty());
  CHECK(cgroups::exists(tree.path("/cg/pids/tare/a")));
  CHECK(!cgroups::exists(tree.path("/cg/memory/tare")));
}

TEST_CASE("cgroup: controllers of version 2 are handed down where they are not") {
  FakeTree tree;
  tree.mount_v2("/cg", "cpuset cpu io memory pids");
  const Cgroup group = must(Cgroup::create({.path = "tare/a"}, tree.host()));
  // An ordinary file keeps what was written over itself.
  CHECK(tree.get("/cg/cgroup.subtree_control").starts_with("+io"));
  CHECK(group.directories() == std::vector<std::string>{tree.path("/cg/tare/a")});
  tree.put("/cg/cgroup.subtree_control", "cpu io memory pids");
  must(Cgroup::create({.path = "tare/b"}, tree.host()).value().remove());
  CHECK(tree.get("/cg/cgroup.subtree_control") == "cpu io memory pids");
}

TEST_CASE("cgroup: events tell of killed processes (version 2)") {
  FakeTree tree;
  tree.mount_v2("/cg", "memory");
  tree.put("/cg/a/memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n");
  const CgroupHost host = tree.host();
  const Cgroup group = Cgroup::open_at("/a", host);
  CHECK(must(group.oom_kills()) == 1);
  OomWatch watch = must(group.watch_oom());
  pollfd poll{.fd = watch.fd(), .events = POLLIN, .revents = 0};
  CHECK(::poll(&poll, 1, 0) == 0);
  tree.put("/cg/a/memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 1\n");
  CHECK(::poll(&poll, 1, 1000) == 1);
  CHECK(!must(watch.happened()));  // It hit the limit, and nobody died.
  tree.put("/cg/a/memory.events", "low 0\nhigh 0\nmax 9\noom 2\noom_kill 2\n");
  CHECK(must(watch.happened()));
  CHECK(::unlink(tree.path("/cg/a/memory.events").c_str()) == 0);
  const auto gone = watch.happened();
  REQUIRE(!gone);
  CHECK(gone.error().kind() == Kind::NotFound);
}

// --- real groups

// A child that waits until it is killed.
class Sleeper {
 public:
  Sleeper() : pid_(::fork()) {
    REQUIRE(pid_ >= 0);
    while (pid_ == 0) ::pause();
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() { end(); }
  int pid() const { return pid_; }
  // The signal that ended it.
  int end() {
    if (pid_ == 0) return 0;
    ::kill(pid_, SIGKILL);
    return wait();
  }
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

 private:
  int pid_;
};

bool can_use_real(const char* controller) {
  const CgroupHost& host = cgroup_host();
  if (in_initial_user_namespace() && host.writable &&
      (*controller == '\0' || has(host.controllers, controller)))
    return true;
  MESSAGE("skipped: needs root and the controller " << controller);
  return false;
}
std::string real_name(const char* what) {
  return "test-" + std::string(what) + std::to_string(::getpid());
}

TEST_CASE("cgroup: real groups take a process, stop it, let it go on and kill it") {
  if (!can_use_real("")) return;
  const std::string name = real_name("life");
  const Cgroup group = must(Cgroup::create(name, {}));
  Sleeper sleeper;
  must(group.add(sleeper.pid()));
  CHECK(must(group.processes()) == std::vector<int>{sleeper.pid()});
  CHECK(!must(group.is_frozen()));
  must(group.freeze());
  CHECK(must(group.is_frozen()));
  must(group.thaw());
  CHECK(!must(group.is_frozen()));
  must(group.freeze());
  must(group.kill());
  CHECK(sleeper.wait() == SIGKILL);
  must(group.remove());
  CHECK(Cgroup::open(name).directories().empty());
}

TEST_CASE("cgroup: an update makes the groups that it needs, and moves who is there") {
  if (!can_use_real("cpuset")) return;
  const std::string name = real_name("late");
  Cgroup group = must(Cgroup::create(name, {}));
  Sleeper sleeper;
  must(group.add(sleeper.pid()));
  must(group.update({.cpuset_cpus = "0"}));
  const std::string directory = group.directory_of("cpuset");
  REQUIRE(!directory.empty());
  INFO(directory);
  CHECK(must(cgroups::read_file(directory + "/cpuset.cpus")) == "0\n");
  CHECK(must(cgroups::read_file(directory + "/cgroup.procs")) ==
        std::to_string(sleeper.pid()) + "\n");
  const auto possible = Cgroup::possible_directories(tare_group(name));
  CHECK(has(possible, directory));
  sleeper.end();
  must(Cgroup::open(name).remove());
  CHECK(!cgroups::exists(directory));
}

TEST_CASE("cgroup: real memory limits, in the order that the kernel takes them") {
  if (!can_use_real("memory")) return;
  Cgroup group = must(Cgroup::create(real_name("memory"), {.memory_bytes = 32 << 20}));
  for (const std::uint64_t megabytes : {64ULL, 16ULL, 128ULL}) {
    must(group.update({.memory_bytes = megabytes << 20, .memory_swap_bytes = megabytes << 20}));
    const CgroupStats stats = must(group.stats());
    REQUIRE(stats.memory);
    CHECK(stats.memory->limit == megabytes << 20);
  }
  const auto impossible = group.update({.memory_bytes = 1, .memory_check_before_update = true});
  CHECK((impossible || impossible.error().kind() == Kind::Invalid));
  must(group.remove());
}

TEST_CASE("cgroup: real lack of memory is told") {
  if (!can_use_real("memory")) return;
  const Cgroup group = must(
      Cgroup::create(real_name("oom"), {.memory_bytes = 8 << 20, .memory_swap_bytes = 8 << 20}));
  OomWatch watch = must(group.watch_oom());
  int go[2];
  REQUIRE(::pipe(go) == 0);
  const int pid = ::fork();
  if (pid == 0) {
    char byte = 0;
    (void)!::read(go[0], &byte, 1);
    constexpr std::size_t kSize = 64 << 20;
    void* memory =
        ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memset(memory, 1, kSize);
    ::_exit(0);
  }
  must(group.add(pid));
  REQUIRE(::write(go[1], "g", 1) == 1);
  pollfd poll{.fd = watch.fd(), .events = POLLIN, .revents = 0};
  CHECK(::poll(&poll, 1, 20'000) == 1);
  int status = 0;
  CHECK(::waitpid(pid, &status, 0) == pid);
  CHECK(WIFSIGNALED(status));
  CHECK(must(watch.happened()));
  CHECK(must(group.oom_kills()) >= 1);
  ::close(go[0]);
  ::close(go[1]);
  must(group.remove());
}

TEST_CASE("cgroup: groups in every real hierarchy, with directories of ours above") {
  if (!can_use_real("")) return;
  const std::string top = "/" + real_name("top");
  const Cgroup group = must(Cgroup::create({.path = top + "/in/deep",
                                            .reach = Cgroup::Reach::Every,
                                            .limits = {.devices = default_device_rules()}}));
  Sleeper sleeper;
  must(group.add(sleeper.pid()));
  const std::string own =
      must(cgroups::read_file("/proc/" + std::to_string(sleeper.pid()) + "/cgroup"));
  for (const std::string& line : split(trim(own), '\n')) {
    INFO(line);
    CHECK(line.ends_with(top + "/in/deep"));
  }
  sleeper.end();
  must(group.remove());
  for (const std::string& parent : group.parents()) CHECK(!cgroups::exists(parent));
}

}  // namespace
}  // namespace tare::sys
