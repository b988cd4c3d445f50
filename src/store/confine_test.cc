// SPDX-License-Identifier: Apache-2.0
#include "store/confine.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <csignal>

#include "support/images.h"

namespace tare::store {
namespace {

using namespace testing;

sys::IdMap own_id() {
  sys::IdMap own;
  own.ranges.push_back({.inside = 0, .outside = ::geteuid(), .count = 1});
  if (::getegid() != ::geteuid())
    own.group_ranges.push_back({.inside = 0, .outside = ::getegid(), .count = 1});
  return own;
}

// SECURITY: what code of an attacker could do in the unpacker.
TEST_CASE("confined: sees one directory and can do nothing else") {
  if (!may_unpack()) return;
  TempDir dir;
  const Confinement confinement{.root = dir.fd(), .ids = own_id(), .inputs = {}};
  const auto killed = [&](void (*attack)()) {
    const auto done = run_confined(confinement,
                                   [&](const Report&) -> Result<> {
                                     attack();
                                     return {};
                                   },
                                   {});
    return !done && done.error().kind() == Kind::Internal;
  };
  CHECK(killed([] { (void)!::fork(); }));
  CHECK(killed([] { (void)::kill(1, 0); }));
  CHECK(killed([] { (void)!::chroot("/"); }));
  CHECK(killed([] { (void)::mknod("/sda", S_IFBLK | 0600, 8 << 8); }));
  CHECK(killed([] { (void)::execl("/bin/sh", "sh", nullptr); }));
  CHECK(killed([] { (void)::socket(AF_UNIX, SOCK_STREAM, 0); }));
  CHECK(killed([] { (void)::socket(AF_INET, SOCK_STREAM, 0); }));
  CHECK(killed([] { (void)::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }));
  CHECK(killed([] { (void)::mount("none", "/", "tmpfs", 0, nullptr); }));
  CHECK(killed([] { (void)::unshare(CLONE_NEWUSER); }));
  CHECK(killed([] { (void)::setns(0, 0); }));
  CHECK(killed([] { (void)!::symlink("/", "/link"); }));
  CHECK(killed([] { (void)!::link("/made", "/link"); }));
  CHECK(killed([] { (void)::mkfifo("/fifo", 0600); }));
  CHECK(killed([] { (void)!::setuid(0); }));
  CHECK(killed([] { (void)::prctl(PR_SET_DUMPABLE, 1); }));
  for (const long call :
       {SYS_io_uring_setup, SYS_bpf, SYS_userfaultfd, SYS_keyctl, SYS_open_by_handle_at,
        SYS_process_vm_readv, SYS_pidfd_getfd, SYS_memfd_create, SYS_perf_event_open, SYS_open_tree,
        SYS_setxattr, SYS_fchownat, SYS_clone3, SYS_execveat, SYS_pivot_root, SYS_finit_module}) {
    CAPTURE(call);
    static long number;
    number = call;
    CHECK(killed([] { (void)::syscall(number, 0, 0, 0, 0, 0, 0); }));
  }
#if !defined(TARE_SANITIZED)  // The sanitizers want these.
  CHECK(killed([] { (void)::ioctl(0, TIOCSTI, "x"); }));
  CHECK(killed([] {
    (void)::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                 0);
  }));
#endif
#if defined(__x86_64__) && !defined(TARE_SANITIZED)
  // The calls of 32 bits have other numbers: theirs are not let through as others of ours.
  CHECK(killed([] { asm volatile("int $0x80" : : "a"(20) : "memory"); }));
#endif
  const auto looked = run_confined(
      confinement,
      [](const Report& report) -> Result<> {
        for (const char* path :
             {"/proc", "/etc/passwd", "/../../etc/passwd", "../../../etc/passwd"})
          if (sys::open_path(path, O_RDONLY)) report(path);
        // Nothing of ours is open in it: standard descriptors that lead nowhere, and the report.
        int open = 0;
        for (int fd = 3; fd < 1024; ++fd) open += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
        if (open != 1) report("descriptors " + std::to_string(open));
        struct stat null{};
        for (int fd = 0; fd < 3; ++fd)
          if (::fstat(fd, &null) != 0 || !S_ISCHR(null.st_mode) || null.st_rdev != makedev(1, 3))
            report("standard descriptor " + std::to_string(fd));
        TRY(sys::open_path("/made", O_WRONLY | O_CREAT, 0600));
        return fail(Kind::Invalid, "a sentence\nwith \x1b[31m odd bytes");
      },
      [](std::string_view line) { FAIL("it sees " << line); });
  REQUIRE(!looked);
  CHECK(looked.error().kind() == Kind::Invalid);
  CHECK(looked.error().message() == "a sentence\\nwith \\x1b[31m odd bytes");
  CHECK(must(sys::list_directory(dir.fd())) == std::vector<std::string>{"made"});
}

TEST_CASE("confined: no file grows beyond its bound, and no device can be used") {
  if (!may_unpack()) return;
  TempDir dir;
  const auto run = [&](const Work& work) {
    return run_confined({.root = dir.fd(), .ids = own_id(), .inputs = {}, .file_bytes = 8192}, work,
                        {});
  };
  const auto large = run([](const Report&) -> Result<> {
    const sys::Fd file = TRY(sys::open_path("/large", O_WRONLY | O_CREAT, 0600));
    return sys::write_all(file.get(), std::string(9000, 'x'));
  });
  REQUIRE(!large);
  CHECK(large.error().kind() == Kind::Invalid);
  struct stat info{};
  REQUIRE(::fstatat(dir.fd(), "large", &info, 0) == 0);
  CHECK(info.st_size <= 8192);
  if (::geteuid() != 0 || ::mknodat(dir.fd(), "zero", S_IFCHR | 0666, makedev(1, 5)) != 0) return;
  const auto device = run([](const Report&) -> Result<> {
    (void)TRY(sys::open_path("/zero", O_RDONLY));
    return {};
  });
  CHECK(!device);
}

}  // namespace
}  // namespace tare::store
