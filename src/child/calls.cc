// SPDX-License-Identifier: Apache-2.0
#include "child/calls.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/socket.h>

#include "sys/rights.h"

namespace tare::child {

void die(const Plan& plan, Step step, std::uint32_t detail, int status) noexcept {
  Message message;
  message.step = step;
  message.errnum = errno;
  message.detail = detail;
  (void)call(SYS_sendto, plan.channel, &message, sizeof message, MSG_NOSIGNAL, 0, 0);
  for (;;) (void)call(SYS_exit_group, status);
}

void say(const Plan& plan, Step step, Event event) noexcept {
  Message message;
  message.event = event;
  check(plan, step, call(SYS_sendto, plan.channel, &message, sizeof message, MSG_NOSIGNAL, 0, 0));
}

void send_with_fd(const Plan& plan, Step step, int socket, const void* bytes, std::size_t size,
                  int fd) noexcept {
  sys::RightsMessage<1> message(bytes, size);
  message.put(&fd, 1);
  check(plan, step, call(SYS_sendmsg, socket, message.header(), MSG_NOSIGNAL));
}

int open_in(int root, const char* path, std::uint64_t flags, std::uint64_t resolve_extra) noexcept {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve_extra;
  constexpr int kTries = 16;  // EAGAIN: a rename or mount somewhere raced with the walk.
  for (int tries = 0; tries < kTries; ++tries) {
    const long fd = call(SYS_openat2, root, path, &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return -1;
}

int new_mount(const char* type, const char* source, List<Option> options,
              std::uint64_t attributes) noexcept {
  const int context = static_cast<int>(call(SYS_fsopen, type, FSOPEN_CLOEXEC));
  if (context < 0) return -1;
  // Without a source /proc/mounts would say "none".
  long done = call(SYS_fsconfig, context, FSCONFIG_SET_STRING, "source", source, 0);
  for (std::uint32_t i = 0; done >= 0 && i < options.count; ++i) {
    const Option& option = options.items[i];
    const int command = option.value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    done = call(SYS_fsconfig, context, command, option.key, option.value, 0);
  }
  if (done >= 0) done = call(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (done >= 0) done = call(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
  const int saved = errno;
  drop_fd(context);
  errno = saved;
  return static_cast<int>(done);
}

int clone_mount(int dir, const char* path, std::uint64_t flags) noexcept {
  return static_cast<int>(
      call(SYS_open_tree, dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags));
}

int attach(int mount, int target) noexcept {
  return static_cast<int>(call(SYS_move_mount, mount, "", target, "",
                               MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

int set_attributes(int mount, std::uint64_t attributes, std::uint64_t flags) noexcept {
  mount_attr change{};
  change.attr_set = attributes;
  return static_cast<int>(
      call(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | flags, &change, sizeof change));
}

int set_propagation(int mount, std::uint64_t propagation) noexcept {
  mount_attr change{};
  const std::uint64_t recursive = (propagation & MS_REC) != 0 ? AT_RECURSIVE : 0;
  change.propagation = propagation & ~static_cast<std::uint64_t>(MS_REC);
  return static_cast<int>(
      call(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | recursive, &change, sizeof change));
}

void keep_only(const Plan& plan, int first, const int* needed, std::size_t count) noexcept {
  for (;;) {
    int next = -1;  // The lowest that is left.
    for (std::size_t i = 0; i < count; ++i)
      if (needed[i] >= first && (next < 0 || needed[i] < next)) next = needed[i];
    const unsigned last = next < 0 ? ~0U : static_cast<unsigned>(next) - 1;
    if (next != first) check(plan, Step::CloseRange, call(SYS_close_range, first, last, 0));
    if (next < 0) return;
    first = next + 1;
  }
}

}  // namespace tare::child
