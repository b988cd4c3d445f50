// SPDX-License-Identifier: Apache-2.0
// Real containers: busybox in a temporary directory. Needs root (or root of a user namespace) and a
// static /bin/busybox; says so and skips otherwise.
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include <doctest/doctest.h>
#include "base/text.h"
#include "isolate/isolate.h"
#include "sys/files.h"
#include "sys/mounts.h"

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
    for (const char* applet : {"sh", "cat", "id", "ls", "env", "pwd", "mount", "sleep", "true",
                               "hostname", "tty", "stty", "touch", "stat", "echo", "ip"})
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
  const sys::IdMap map = initial ? map_of(1'000'000) : sys::IdMap{.ranges = {{0, 0, 1000}}};
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
  sys::Fd none;
  return ran;
}

Ran run(Spec spec) {
  auto started = launch(std::move(spec), Stdin::Null);
  if (!started) FAIL(started.error().error.message());
  return wait_for(*started);
}

bool can_run() {
  if (::geteuid() == 0 && ::access("/bin/busybox", X_OK) == 0) return true;
  MESSAGE("skipped: needs root and /bin/busybox");
  return false;
}

}  // namespace

TEST_CASE("launch runs a static program") {
  if (!can_run()) return;
  const Root root;
  const Ran ran = run(
      make_spec(root, {"sh", "-c",
                       "id; cat /proc/self/status /proc/self/uid_map; ls -l /proc/self/fd /dev; "
                       "cat /proc/keys; mount; ip addr; hostname; exit 7"}));
  MESSAGE(ran.out);
  MESSAGE(ran.err);
  CHECK(WEXITSTATUS(ran.status) == 7);
}

}  // namespace tare::isolate
