// SPDX-License-Identifier: Apache-2.0
// The world of a new container. What needs the host is made detached first; then the old root goes
// away; from then on no host file can be reached, whatever a path in the image says. Only when
// hooks have to see both at once does the old root stay until they have run.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

#include "child/mounts.h"

namespace tare::child {
namespace {

constexpr int kDetach = 2;  // MNT_DETACH, umount2(2).

// What was not made before, because a user namespace had to be joined first, or to have its maps. A
// new pid namespace is for our children: the rest is done by one.
void make_namespaces(const Plan& plan, const Container& container) noexcept {
  if (container.join_user >= 0)
    check(plan, Step::JoinNamespace, call(SYS_setns, container.join_user, CLONE_NEWUSER));
  if (container.join_user >= 0 || container.become_root) become_root(plan, container.groups);
  const std::uint64_t later = container.make & CLONE_NEWPID;
  const std::uint64_t now = container.make & ~later;
  // The cgroup namespace here: the groups we belong to are known only since the parent moved us.
  if (now != 0) check(plan, Step::MakeNamespaces, call(SYS_unshare, now));
  if (later != 0) continue_as_child(plan, later);
}

void set_first_propagation(const Plan& plan, const Container& container) noexcept {
  if (!container.own_mounts) return;
  mount_attr change{};
  change.propagation = container.propagation;
  check(plan, Step::Private,
        call(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &change, sizeof change));
}

// A new network namespace has its loopback device, but down.
void loopback_up(const Plan& plan) noexcept {
  const int control =
      check(plan, Step::Loopback, call(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  check(plan, Step::Loopback, call(SYS_ioctl, control, SIOCSIFFLAGS, &request));
  drop_fd(control);
}

void attach_root(const Plan& plan, const Container& container) noexcept {
  if (!container.own_mounts) return;
  const char* const place = container.root_place == nullptr ? "/" : container.root_place;
  const int target = check(plan, Step::AttachRoot,
                           call(SYS_openat, AT_FDCWD, place, O_PATH | O_DIRECTORY | O_CLOEXEC));
  check(plan, Step::AttachRoot, attach(container.root, target));
  if (container.root_nodev)
    check(plan, Step::AttachRoot, set_attributes(container.root, MOUNT_ATTR_NODEV, 0));
  drop_fd(target);
}

// Leaves the old root. pivot_root(".", ".") stacks the old root over the new one at the same place,
// where umount2 then finds it. [pivot_root(2), NOTES]
void change_root(const Plan& plan, const Container& container) noexcept {
  if (container.join_mount >= 0)
    check(plan, Step::JoinNamespace, call(SYS_setns, container.join_mount, CLONE_NEWNS));
  check(plan, Step::Pivot, call(SYS_fchdir, container.root));
  if (container.pivot && container.own_mounts) {
    check(plan, Step::Pivot, call(SYS_pivot_root, ".", "."));
    check(plan, Step::Pivot, call(SYS_umount2, ".", kDetach));
  } else {
    // The first root file system of a machine cannot be pivoted away, only covered.
    // [pivot_root(2), "The rootfs (initial ramfs) cannot be pivot_root()ed"]
    if (container.root_place != nullptr && container.own_mounts) {
      const int top = check(plan, Step::Pivot,
                            call(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC));
      check(plan, Step::Pivot, attach(container.root, top));
    }
    check(plan, Step::Pivot, call(SYS_chroot, "."));
  }
  check(plan, Step::Pivot, call(SYS_chdir, "/"));
}

// SECURITY: written through the descriptor of a procfs made above, before the image had any say in
// what /proc is, and without crossing into another mount.
void write_sysctls(const Plan& plan, const Container& container, int proc) noexcept {
  for (std::uint32_t i = 0; i < container.sysctls.count; ++i) {
    const Sysctl& sysctl = container.sysctls.items[i];
    const int fd =
        check(plan, Step::Sysctl,
              open_in(proc, sysctl.path, O_WRONLY, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV), i);
    check(plan, Step::Sysctl, call(SYS_write, fd, sysctl.value, sysctl.size), i);
    drop_fd(fd);
  }
}

void set_sysctls(const Plan& plan, const Container& container) noexcept {
  if (container.sysctls.count == 0) return;
  if (container.proc >= 0) {
    write_sysctls(plan, container, container.made[container.proc]);
    return;
  }
  const int proc = check(plan, Step::Sysctl, new_mount("proc", "proc", {}, MOUNT_ATTR_NOSUID));
  write_sysctls(plan, container, proc);
  drop_fd(proc);
}

void set_names(const Plan& plan, const Container& container) noexcept {
  if (container.hostname != nullptr)
    check(plan, Step::Hostname,
          call(SYS_sethostname, container.hostname, std::strlen(container.hostname)));
  if (container.domainname != nullptr)
    check(plan, Step::Domainname,
          call(SYS_setdomainname, container.domainname, std::strlen(container.domainname)));
}

void run_parents_hooks(const Plan& plan) noexcept {
  say(plan, Step::RuntimeHooks, Event::Hooks);
  wait_for_parent(plan, Step::RuntimeHooks);
}

void make_cwd(const Plan& plan, const Container& container) noexcept {
  const int cwd = open_or_make(container.root, plan.process.cwd, true);
  // Where root of the container may not look, the process itself perhaps may; and on a read-only
  // root it is there or it is not.
  if (cwd < 0 && errno != EACCES && errno != EROFS) die(plan, Step::MakeCwd);
  if (cwd >= 0) drop_fd(cwd);
}

}  // namespace

void set_up_container(const Plan& plan, const Container& container, int stdio[3]) noexcept {
  make_namespaces(plan, container);
  set_first_propagation(plan, container);
  make_mounts(plan, container);
  if (container.new_network) loopback_up(plan);
  set_names(plan, container);
  set_sysctls(plan, container);
  const bool stay = container.root_place != nullptr || !container.own_mounts;
  attach_root(plan, container);
  if (!stay) change_root(plan, container);
  // From here on the host's files are out of reach, unless hooks have to see them.
  attach_mounts(plan, container, 0, container.devices_after);
  set_up_devices(plan, container, stdio);
  attach_mounts(plan, container, container.devices_after, container.mounts.count);
  mount_files(plan, container);
  if (container.runtime_hooks) run_parents_hooks(plan);
  if (container.create_hooks.hooks.count > 0) run_hooks(plan, container.create_hooks, 0);
  if (stay && container.own_mounts) change_root(plan, container);
  protect_read_only(plan, container);
  mask_paths(plan, container);
  if (!container.read_only_root) make_cwd(plan, container);
  finish_mounts(plan, container);
  if (container.read_only_root)
    check(plan, Step::ReadOnlyRoot, set_attributes(container.root, MOUNT_ATTR_RDONLY, 0));
  if (container.root_propagation != 0)
    check(plan, Step::Propagation, set_propagation(container.root, container.root_propagation));
  // Only from the mount namespace it was made in can something be mounted in a tree of its own.
  if (!container.own_mounts) change_root(plan, container);
}

}  // namespace tare::child
