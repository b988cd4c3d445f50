// SPDX-License-Identifier: Apache-2.0
// Real containers: busybox in a temporary directory. Run it as root, as root of a user namespace
// and as an ordinary user (who then becomes the second). Without a static /bin/busybox it is
// skipped.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "isolate/isolate.h"
#include "sys/files.h"
#include "sys/mounts.h"
#include "sys/user_namespace.h"

namespace tare::isolate {
namespace {

template <typename T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message());
  return std::move(*result);
}
void must(const Result<>& result) {
  if (!result) FAIL(result.error().message());
}

// A root file system with nothing but busybox, removed at the end.
class Root {
 public:
  Root() {
    char name[] = "/tmp/tare-isolate-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
    REQUIRE(::chmod(name, 0755) == 0);
    for (const char* directory : {"/bin", "/etc", "/tmp", "/home"})
      REQUIRE(::mkdir((path_ + directory).c_str(), 0755) == 0);
    copy_busybox();
    for (const char* applet :
         {"sh",  "cat",  "id",    "ls",   "env",  "pwd",  "mount", "sleep", "true",  "hostname",
          "tty", "stty", "touch", "stat", "echo", "grep", "wc",    "cut",   "mkdir", "readlink"})
      REQUIRE(::symlink("busybox", (path_ + "/bin/" + applet).c_str()) == 0);
    write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nweb:x:33:44:web:/home:/bin/sh\n");
  }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;
  ~Root() {
    const sys::Fd top = must(sys::open_path("/tmp", O_RDONLY | O_DIRECTORY));
    must(sys::remove_tree(top.get(), path_.substr(5)));
  }

  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& content, unsigned mode = 0644) const {
    const sys::Fd file = must(sys::open_path(path_ + name, O_CREAT | O_WRONLY | O_TRUNC, mode));
    must(sys::write_all(file.get(), content));
  }

 private:
  void copy_busybox() const {
    const sys::Fd from = must(sys::open_path("/bin/busybox", O_RDONLY));
    const std::string bytes = must(sys::read_all(from.get(), 16 << 20));
    write("/bin/busybox", bytes, 0755);
    REQUIRE(::chmod((path_ + "/bin/busybox").c_str(), 0755) == 0);
  }
  std::string path_;
};

sys::IdMap map_of(std::uint32_t outside) { return {.ranges = {{0, outside, 65536}}}; }

Spec make_spec(const Root& root, std::vector<std::string> argv) {
  Spec spec;
  spec.hostname = "box";
  // Real root shows its files through an id map; root of a user namespace may not make one, and
  // uses its own ids.
  const bool initial = sys::in_initial_user_namespace();
  const sys::IdMap map =
      initial ? map_of(1'000'000) : sys::IdMap{.ranges = {{0, 0, 1}, {1, 1, 999}}};
  spec.uids = spec.gids = map;
  const sys::Fd tree = must(sys::open_path(root.path(), O_PATH | O_DIRECTORY));
  spec.root = must(sys::clone_mount(tree.get(), false));
  if (initial) {
    const sys::Fd users = must(sys::make_user_namespace(map, map));
    must(sys::idmap_mount(spec.root.get(), users.get()));
  }
  spec.process.argv = std::move(argv);
  spec.process.env = {"PATH=/bin", "TERM=xterm"};
  spec.masked_paths = {"/proc/keys", "/proc/acpi", "/proc/kcore", "/sys/firmware"};
  spec.read_only_paths = {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"};
  return spec;
}

struct Ran {
  std::string out;
  std::string err;
  int status = -1;  // As waitpid(2).
};

std::string drain(const sys::Fd& fd) {
  std::string all;
  char chunk[4096];
  ssize_t size = 0;
  while (fd && (size = ::read(fd.get(), chunk, sizeof chunk)) > 0)
    all.append(chunk, static_cast<std::size_t>(size));
  return all;
}

Ran wait_for(Started& started) {
  Ran ran;
  started.stdio.in.reset();
  ran.out = drain(started.stdio.out);
  ran.err = drain(started.stdio.err);
  REQUIRE(::waitpid(started.pid, &ran.status, 0) == started.pid);
  return ran;
}

Ran run(Spec spec) {
  auto started = launch(std::move(spec), Stdin::Null);
  if (!started) FAIL(started.error().error.message());
  return wait_for(*started);
}

bool can_run() {
  if (::access("/bin/busybox", X_OK) != 0) {
    MESSAGE("skipped: needs a static /bin/busybox");
    return false;
  }
  const auto root = sys::become_namespace_root(0);
  if (!root) MESSAGE(std::string("skipped: "), root.error().message());
  return root.has_value();
}

LaunchError launch_failure(Spec spec) {
  auto started = launch(std::move(spec), Stdin::Null);
  REQUIRE(!started);
  // Nothing may be left to wait for.
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  return std::move(started).error();
}

std::string test_name(const char* what) {
  return std::string("isolate-test-") + what + "-" + std::to_string(::getpid());
}

bool has_line(const std::string& text, const std::string& line) {
  const std::vector<std::string> lines = split(text, '\n');
  return std::ranges::find(lines, line) != lines.end();
}

// Refuses one system call, for tests of the filter's place in the order.
std::vector<sock_filter> refuse(std::uint32_t number) {
  return {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
          {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number},
          {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | 42},
          {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
}

}  // namespace

TEST_CASE("launch: the process has the protections that were asked for") {
  if (!can_run()) return;
  const Root root;
  const Ran ran = run(make_spec(root, {"sh", "-c", "cat /proc/self/status; hostname; exit 7"}));
  CHECK(WEXITSTATUS(ran.status) == 7);
  for (const char* line :
       {"Uid:\t0\t0\t0\t0", "Groups:\t0 ", "CapInh:\t0000000000000000", "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1",
        "SigIgn:\t0000000000000000", "SigBlk:\t0000000000000000", "Umask:\t0022", "box"})
    CHECK_MESSAGE(has_line(ran.out, line), line);
}

TEST_CASE("launch: only the standard streams are open, nothing of the host is mounted") {
  if (!can_run()) return;
  const Root root;
  const Ran ran = run(make_spec(
      root, {"sh", "-c",
             "ls /proc/self/fd | wc -l; cat /proc/keys | wc -c; cut -d' ' -f5 "
             "/proc/self/mountinfo; ls -A /proc/acpi; echo x >/proc/sys/kernel/domainname"}));
  INFO(ran.out << ran.err);
  const std::vector<std::string> lines = split(ran.out, '\n');
  REQUIRE(lines.size() > 2);
  CHECK(lines[0] == "4");  // With the directory that ls reads.
  CHECK(lines[1] == "0");
  CHECK(lines[2] == "/");
  CHECK(ran.out.find("/tmp") == std::string::npos);
  CHECK(ran.err.find("Read-only file system") != std::string::npos);
}

TEST_CASE("launch: another user, its groups and capabilities") {
  if (!can_run()) return;
  const Root root;
  Spec spec = make_spec(root, {"sh", "-c",
                               "id -u; id -G; grep Cap /proc/self/status; "
                               "echo again >/dev/stdout; pwd"});
  spec.process.uid = 33;
  spec.process.gid = 44;
  spec.process.groups = {7, 8};
  spec.process.capabilities = 1;
  spec.process.cwd = "/home/made/here";
  const Ran ran = run(std::move(spec));
  INFO(ran.err);
  CHECK(ran.out ==
        "33\n44 7 8\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
        "CapEff:\t0000000000000000\nCapBnd:\t0000000000000001\nCapAmb:\t0000000000000000\n"
        "again\n/home/made/here\n");
}

TEST_CASE("launch: a command that is not there fails the start") {
  if (!can_run()) return;
  const Root root;
  Spec spec = make_spec(root, {"shh"});
  spec.cgroup_name = test_name("exec");
  const int tree = ::dup(spec.root.get());
  const Process process = spec.process;
  const LaunchError failure = launch_failure(std::move(spec));
  CHECK(failure.at == FailedAt::Exec);
  CHECK(failure.error.message() == "run 'shh': No such file or directory (ENOENT)");
  CHECK(sys::Cgroup::open(test_name("exec")).directories().empty());
  // The engine asks with the same descriptor afterwards.
  const Diagnosis diagnosis = diagnose_exec(tree, process, failure.error);
  CHECK(diagnosis.message == "'shh' is in no directory of PATH (/bin)");
  CHECK(diagnosis.hint == "did you mean 'sh'?");
  CHECK(diagnosis.exit_code == 127);
  ::close(tree);
}

TEST_CASE("launch: what is wrong before the start is said before") {
  if (!can_run()) return;
  const Root root;
  Spec spec = make_spec(root, {"true"});
  spec.process.uid = 70000;
  CHECK(launch_failure(std::move(spec)).error.message() ==
        "user 70000 is not mapped in the container");
  spec = make_spec(root, {});
  CHECK(launch_failure(std::move(spec)).error.kind() == Kind::Invalid);
  spec = make_spec(root, {"true"});
  spec.process.cwd = "/bin/busybox";
  LaunchError failure = launch_failure(std::move(spec));
  CHECK(failure.at == FailedAt::Cwd);
  CHECK(failure.error.message() ==
        "change to the working directory '/bin/busybox': Not a directory (ENOTDIR)");
  spec = make_spec(root, {"true"});
  spec.process.cwd = "/missing";
  spec.read_only_root = true;
  failure = launch_failure(std::move(spec));
  CHECK(failure.at == FailedAt::Cwd);
  CHECK(failure.error.errnum() == ENOENT);
}

TEST_CASE("launch: links of the image lead nowhere on the host") {
  if (!can_run()) return;
  const Root root;
  REQUIRE(::symlink("/etc/made", (root.path() + "/link").c_str()) == 0);
  REQUIRE(::symlink("../../../../etc", (root.path() + "/up").c_str()) == 0);
  Spec spec = make_spec(
      root, {"sh", "-c", "cat /link /etc/made /etc/second; grep ' /etc' /proc/mounts | wc -l"});
  spec.files = {{"/link", "one\n"}, {"/up/second", "two\n"}};
  const Ran ran = run(std::move(spec));
  INFO(ran.err);
  CHECK(ran.out == "one\none\ntwo\n2\n");
  CHECK(::access("/etc/made", F_OK) != 0);
  REQUIRE(::symlink("/etc", (root.path() + "/proc").c_str()) == -1);  // Made by the start above.
  REQUIRE(::rmdir((root.path() + "/proc").c_str()) == 0);
  REQUIRE(::symlink("/etc", (root.path() + "/proc").c_str()) == 0);
  const LaunchError failure = launch_failure(make_spec(root, {"true"}));
  CHECK(failure.error.message().starts_with("find or make the mount point '/proc'"));
  CHECK(failure.error.hint() == "the image has a symbolic link there, which is refused");
}

TEST_CASE("launch: binds, tmpfs, a read-only root") {
  if (!can_run()) return;
  const Root root;
  const Root other;
  Spec spec =
      make_spec(root, {"sh", "-c",
                       "touch /data/x; touch /x; touch /scratch/ok && ls /scratch; "
                       "cat /one; grep -E ' /(data|scratch) ' /proc/mounts | cut -d' ' -f2,4"});
  spec.read_only_root = true;
  const sys::Fd tree = must(sys::open_path(other.path(), O_PATH | O_DIRECTORY));
  Mount bind{
      .target = "/data", .source = must(sys::clone_mount(tree.get(), true)), .read_only = true};
  spec.mounts.push_back(std::move(bind));
  const sys::Fd file = must(sys::open_path(other.path() + "/etc/passwd", O_PATH));
  spec.mounts.push_back(Mount{.target = "/one",
                              .source = must(sys::clone_mount(file.get(), false)),
                              .source_is_directory = false});
  spec.mounts.push_back(Mount{.kind = MountKind::Tmpfs,
                              .target = "/scratch",
                              .executable = false,
                              .tmpfs_bytes = 4096,
                              .tmpfs_mode = 01777});
  const Ran ran = run(std::move(spec));
  INFO(ran.out << ran.err);
  CHECK(ran.out.starts_with("ok\nroot:x:0:0"));
  CHECK(ran.out.find("/data ro,nosuid,nodev") != std::string::npos);
  CHECK(ran.out.find("/scratch rw,nosuid,nodev,noexec") != std::string::npos);
  CHECK(ran.err.find("/data/x: Read-only file system") != std::string::npos);
  CHECK(ran.err.find("/x: Read-only file system") != std::string::npos);
}

TEST_CASE("launch: a terminal of the container's own") {
  if (!can_run()) return;
  const Root root;
  Spec spec = make_spec(root, {"sh", "-c",
                               "tty; stty size; ls -1 /dev/pts; echo hello >/dev/console; "
                               "stat -c %u /dev/pts/0; exit 3"});
  spec.process.terminal = true;
  spec.process.uid = 33;
  spec.process.rows = 33;
  spec.process.columns = 99;
  const Ran ran = run(std::move(spec));
  CHECK(ran.out == "/dev/pts/0\r\n33 99\r\n0\r\nptmx\r\nhello\r\n33\r\n");
  CHECK(WEXITSTATUS(ran.status) == 3);
}

TEST_CASE("launch: standard input, sysctls, resource limits") {
  if (!can_run()) return;
  const Root root;
  Spec spec = make_spec(
      root, {"sh", "-c", "cat; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ulimit -n"});
  spec.sysctls = {{"net.ipv4.ip_unprivileged_port_start", "17"}};
  spec.process.rlimits = {{.resource = RLIMIT_NOFILE, .value = {.rlim_cur = 50, .rlim_max = 60}}};
  auto started = launch(std::move(spec), Stdin::Pipe);
  REQUIRE(started);
  must(sys::write_all(started->stdio.in.get(), "typed\n"));
  CHECK(wait_for(*started).out == "typed\n17\n50\n");
  spec = make_spec(root, {"true"});
  spec.sysctls = {{"net.no.such", "1"}};
  CHECK(launch_failure(std::move(spec)).error.message() ==
        "set the sysctl '/proc/sys/net/no/such': No such file or directory (ENOENT)");
}

TEST_CASE("launch: the filter is the last thing, with and without no_new_privs") {
  if (!can_run()) return;
  const Root root;
  for (const bool no_new_privileges : {true, false}) {
    Spec spec = make_spec(
        root, {"sh", "-c", "mkdir /tmp/x; grep -E 'Secc.*r?:|NoNew|CapE' /proc/self/status"});
    spec.process.seccomp = refuse(SYS_mkdir);
    spec.process.uid = no_new_privileges ? 0 : 33;
    spec.process.no_new_privileges = no_new_privileges;
    const Ran ran = run(std::move(spec));
    INFO(ran.out);
    CHECK(ran.err.find("No message of desired type") != std::string::npos);  // errno 42.
    CHECK(has_line(ran.out, "Seccomp:\t2"));
    CHECK(has_line(ran.out, std::string("NoNewPrivs:\t") + (no_new_privileges ? "1" : "0")));
    CHECK(has_line(ran.out, "CapEff:\t0000000000000000"));
  }
}

TEST_CASE("launch: the host's namespaces where they are asked for") {
  if (!can_run()) return;
  const Root root;
  for (const bool all : {false, true}) {
    Spec spec = make_spec(root, {"sh", "-c", "ls -A /sys/fs/cgroup; readlink /proc/self/ns/net"});
    spec.network = Namespace::Host;
    if (all) spec.ipc = spec.pid = spec.uts = Namespace::Host;
    const Ran ran = run(std::move(spec));
    INFO(ran.out << ran.err);
    char net[64] = {};
    REQUIRE(::readlink("/proc/self/ns/net", net, sizeof net - 1) > 0);
    CHECK(ran.out == std::string(net) + "\n");
    CHECK(ran.status == 0);
  }
}

TEST_CASE("launch: the program waits for what is done beside") {
  if (!can_run()) return;
  const Root root;
  for (const Namespace pids : {Namespace::New, Namespace::Host}) {
    const std::string name = pids == Namespace::New ? "/tmp/new" : "/tmp/host";
    Spec spec = make_spec(root, {"cat", name});
    spec.pid = pids;
    spec.beside = [&root, &name](int) -> Result<> {
      ::usleep(20'000);  // Longer than the rest of the start.
      root.write(name, "made");
      return {};
    };
    CHECK(run(std::move(spec)).out == "made");
  }
}

TEST_CASE("launch: what fails beside fails the start, and the child's own failure is told") {
  if (!can_run()) return;
  const Root root;
  Spec spec = make_spec(root, {"touch", "/tmp/ran"});
  spec.beside = [](int) -> Result<> { return fail(Kind::Unavailable, "no network"); };
  CHECK(launch_failure(std::move(spec)).error.message() == "no network");
  CHECK(::access((root.path() + "/tmp/ran").c_str(), F_OK) != 0);
  spec = make_spec(root, {"true"});
  spec.process.cwd = "/bin/busybox";
  spec.beside = [](int) -> Result<> {
    ::usleep(20'000);
    return {};
  };
  CHECK(launch_failure(std::move(spec)).at == FailedAt::Cwd);
}

TEST_CASE("launch: a link of the image does not lead a volume over /proc") {
  if (!can_run()) return;
  const Root root;
  REQUIRE(::symlink("/proc", (root.path() + "/volume").c_str()) == 0);
  Spec spec = make_spec(root, {"true"});
  spec.mounts.push_back(Mount{.kind = MountKind::Tmpfs, .target = "/volume"});
  const LaunchError failure = launch_failure(std::move(spec));
  CHECK(failure.error.message() ==
        "find or make the mount point '/volume': Operation not permitted (EPERM)");
}

TEST_CASE("launch: nothing of a failed start is left") {
  if (!can_run()) return;
  const Root root;
  const auto mounts = [] {
    const sys::Fd file = must(sys::open_path("/proc/self/mountinfo", O_RDONLY));
    return must(sys::read_all(file.get(), 16 << 20));
  };
  const auto descriptors = [] {
    return must(sys::list_directory(AT_FDCWD, "/proc/self/fd")).size();
  };
  const std::string before = mounts();
  const std::size_t open_before = descriptors();
  for (const char* sysctl : {"net.no.such", "kernel.no.such"}) {
    Spec spec = make_spec(root, {"true"});
    spec.cgroup_name = test_name("left");
    spec.sysctls = {{sysctl, "1"}};
    (void)launch_failure(std::move(spec));
  }
  CHECK(mounts() == before);
  CHECK(descriptors() == open_before);
  CHECK(sys::Cgroup::open(test_name("left")).directories().empty());
}

TEST_CASE("launch: the caller's keys stay with the caller") {
  if (!can_run()) return;
  if (!sys::in_initial_user_namespace()) return;  // Its container would have its own user id.
  REQUIRE(::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) > 0);
  REQUIRE(::syscall(SYS_add_key, "user", "tare-secret", "x", 1, KEY_SPEC_SESSION_KEYRING) > 0);
  const Root root;
  Spec spec = make_spec(root, {"sh", "-c", "cat /proc/keys"});
  spec.masked_paths.clear();
  const Ran ran = run(std::move(spec));
  CHECK(ran.out.find("_ses") != std::string::npos);
  CHECK(ran.out.find("tare-secret") == std::string::npos);
}

TEST_CASE("launch: the container dies with its caller") {
  if (!can_run()) return;
  const Root root;
  sys::Pipe pipe = must(sys::make_pipe());
  sys::Pipe hold = must(sys::make_pipe());
  const pid_t caller = ::fork();
  REQUIRE(caller >= 0);
  if (caller == 0) {
    hold.write.reset();
    auto started = launch(make_spec(root, {"sleep", "1000"}), Stdin::Null);
    const int pid = started ? started->pid : -1;
    (void)!::write(pipe.write.get(), &pid, sizeof pid);
    char byte = 0;
    (void)!::read(hold.read.get(), &byte, 1);
    ::_exit(0);
  }
  int pid = -1;
  REQUIRE(::read(pipe.read.get(), &pid, sizeof pid) == sizeof pid);
  REQUIRE(pid > 0);
  const sys::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  hold.write.reset();
  REQUIRE(::waitpid(caller, nullptr, 0) == caller);
  pollfd end{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  CHECK(::poll(&end, 1, 20'000) == 1);
}

// A label that no security module knows, and without one there is none at all: the kernel looks at
// the text only when it is the process's own file, opened with the credentials that it has.
// [proc_pid_attr_write() in fs/proc/base.c]
constexpr const char* kLabelRefused =
    "set the security label of the process: Invalid argument (EINVAL)";
const Label kUnknownLabel{.path = "thread-self/attr/exec", .text = "x"};

TEST_CASE("launch: a security label is the process's own") {
  if (!can_run() || ::access("/proc/thread-self/attr/exec", W_OK) != 0) return;
  const Root root;
  Spec spec = make_spec(root, {"true"});
  spec.process.label = kUnknownLabel;
  CHECK(launch_failure(std::move(spec)).error.message() == kLabelRefused);
}

TEST_CASE("launch: a cgroup with limits") {
  if (!can_run()) return;
  const auto& controllers = sys::cgroup_host().controllers;
  if (std::ranges::find(controllers, "pids") == controllers.end()) {
    Spec limited = make_spec(Root(), {"true"});
    limited.cgroup_name = test_name("limits");
    limited.limits.pids = 5;
    const LaunchError failure = launch_failure(std::move(limited));
    CHECK(failure.error.kind() == Kind::Unsupported);
    MESSAGE(failure.error.message());
    return;
  }
  const Root root;
  Spec spec = make_spec(
      root, {"sh", "-c", "cat /proc/self/cgroup; for i in 1 2 3 4 5 6; do sleep 1 & done; wait"});
  spec.cgroup_name = test_name("limits");
  spec.limits = {.memory_bytes = 64 << 20,
                 .memory_swap_bytes = 64 << 20,
                 .cpu_quota_us = 50'000,
                 .cpu_shares = 512,
                 .pids = 4};
  auto started = launch(std::move(spec), Stdin::Null);
  if (!started) FAIL(started.error().error.message());
  const Ran ran = wait_for(*started);
  INFO(ran.out << ran.err);
  CHECK(has_line(ran.out, "0::/"));
  for (const std::string& line : split(trim(ran.out), '\n'))
    if (line.find(":memory:") != std::string::npos || line.find(":pids:") != std::string::npos)
      CHECK(line.ends_with(":/"));
  CHECK(ran.err.find("fork") != std::string::npos);
  const sys::Cgroup group = sys::Cgroup::open(test_name("limits"));
  CHECK(group.directories() == started->cgroup_directories);
  CHECK(!group.directories().empty());
  must(group.remove());
  CHECK(sys::Cgroup::open(test_name("limits")).directories().empty());
}

TEST_CASE("launch: a helper that runs already") {
  if (!can_run()) return;
  const Root root;
  Spec spec = make_spec(root, {"hostname"});
  spec.helper = must(start_helper(new_namespaces(spec), 0));
  CHECK(run(std::move(spec)).out == "box\n");
  spec = make_spec(root, {"hostname"});
  spec.network = Namespace::Host;
  spec.helper = must(start_helper(new_namespaces(spec) | CLONE_NEWNET, 0));
  if (!spec.helper) return;  // It is better started later here.
  CHECK(launch_failure(std::move(spec)).error.message() ==
        "the helper program was started for another container");
}

TEST_CASE("enter: one more process in the same container") {
  if (!can_run()) return;
  const Root root;
  Spec spec = make_spec(root, {"sleep", "1000"});
  spec.cgroup_name = test_name("enter");
  auto first = launch(std::move(spec), Stdin::Null);
  if (!first) FAIL(first.error().error.message());
  const auto visit = [&](std::vector<std::string> argv) {
    EnterSpec entry{
        .pid = first->pid, .pidfd = first->pidfd.get(), .cgroup_name = test_name("enter")};
    entry.process.argv = std::move(argv);
    entry.process.env = {"PATH=/bin"};
    return entry;
  };
  EnterSpec entry = visit(
      {"sh", "-c",
       "hostname; cat; ls /proc/self/fd | wc -l; cat /proc/1/comm; "
       "grep -E 'NoNew|CapBnd|PPid' /proc/self/status; cat /proc/self/cgroup; id -u; exit 9"});
  entry.process.uid = 33;
  auto second = enter(std::move(entry), Stdin::Pipe);
  if (!second) FAIL(second.error().error.message());
  must(sys::write_all(second->stdio.in.get(), "in\n"));
  const Ran ran = wait_for(*second);
  INFO(ran.out << ran.err);
  CHECK(WEXITSTATUS(ran.status) == 9);
  CHECK(ran.out.starts_with("box\nin\n4\nsleep\n"));
  CHECK(has_line(ran.out, "NoNewPrivs:\t1"));
  CHECK(has_line(ran.out, "CapBnd:\t0000000000000000"));
  CHECK(has_line(ran.out, "33"));
  entry = visit({"sh", "-c", "tty"});
  entry.process.terminal = true;
  second = enter(std::move(entry), Stdin::Null);
  if (!second) FAIL(second.error().error.message());
  CHECK(wait_for(*second).out == "/dev/pts/0\r\n");
  auto failed = enter(visit({"nothing"}), Stdin::Null);
  REQUIRE(!failed);
  CHECK(failed.error().at == FailedAt::Exec);
  if (::access("/proc/thread-self/attr/exec", W_OK) == 0) {
    entry = visit({"true"});
    entry.process.label = kUnknownLabel;
    failed = enter(std::move(entry), Stdin::Null);
    REQUIRE(!failed);
    CHECK(failed.error().error.message() == kLabelRefused);
  }
  entry = visit({"true"});
  entry.process.cwd = "/nowhere";
  failed = enter(std::move(entry), Stdin::Null);
  REQUIRE(!failed);
  CHECK(failed.error().at == FailedAt::Cwd);
  REQUIRE(::kill(first->pid, SIGKILL) == 0);
  CHECK(WTERMSIG(wait_for(*first).status) == SIGKILL);
  failed = enter(visit({"true"}), Stdin::Null);
  REQUIRE(!failed);
  CHECK(failed.error().error.message() ==
        "the container's process 1 has ended: No such process (ESRCH)");
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  must(sys::Cgroup::open(test_name("enter")).remove());
}

}  // namespace tare::isolate
