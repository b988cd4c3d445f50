// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cstring>

#include "child/calls.h"
#include "child/run.h"

namespace tare::child {
namespace {

struct Received {
  int fds[kMostDescriptors];
  std::uint32_t count = 0;
};

// One message. Returns what it says.
Handover receive(const Plan& plan, Received& received) noexcept {
  Handover handover;
  alignas(cmsghdr) unsigned char control[CMSG_SPACE(kDescriptorsAMessage * sizeof(int))];
  iovec part{};
  part.iov_base = &handover;
  part.iov_len = sizeof handover;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  long size = 0;
  do {
    size = call(SYS_recvmsg, plan.channel, &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size == 0) errno = ESRCH;  // The parent is gone, nobody will read this.
  if (size != sizeof handover) die(plan, Step::Wait);
  const cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  if ((header.msg_flags & MSG_CTRUNC) != 0 || rights == nullptr) {
    errno = EMFILE;  // There was no room for all. [unix(7)]
    die(plan, Step::Helper);
  }
  const std::size_t bytes = rights->cmsg_len - CMSG_LEN(0);
  const auto count = static_cast<std::uint32_t>(bytes / sizeof(int));
  if (received.count + count > kMostDescriptors) {
    errno = EMFILE;
    die(plan, Step::Helper);
  }
  std::memcpy(received.fds + received.count, CMSG_DATA(rights), bytes);
  received.count += count;
  return handover;
}

Plan& map_plan(const Plan& plan, int file, std::size_t size) noexcept {
  const long address = call(SYS_mmap, kPlanAddress, size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_FIXED_NOREPLACE, file, 0);
  if (address == -1) die(plan, Step::Helper);
  close_fd(file);
  return *reinterpret_cast<Plan*>(kPlanAddress);  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace

Plan& receive_plan(int channel) noexcept {
  static Received received;
  Plan nothing;
  nothing.channel = channel;
  hide_memory(nothing);
  Message awake;
  awake.event = Event::Awake;
  check(nothing, Step::Wait, call(SYS_sendto, channel, &awake, sizeof awake, MSG_NOSIGNAL, 0, 0));
  Handover handover = receive(nothing, received);
  while (received.count < handover.descriptors) handover = receive(nothing, received);
  Plan& plan = map_plan(nothing, received.fds[0], handover.size);
  plan.channel = channel;
  // Numbers that the process keeps, or that its streams get, may have been free.
  const int lowest = 3 + static_cast<int>(plan.process.kept_fds);
  const auto own = [&](int& fd) {
    if (fd < 0) return;
    int& mine = received.fds[fd + 1];
    if (mine < lowest) {
      const int high = check(plan, Step::Helper, call(SYS_fcntl, mine, F_DUPFD_CLOEXEC, lowest));
      close_fd(mine);
      mine = high;
    }
    fd = mine;
  };
  if (plan.container != nullptr) for_each_descriptor(const_cast<Container&>(*plan.container), own);
  if (plan.entry != nullptr) own(const_cast<Entry&>(*plan.entry).pidfd);
  for_each_descriptor(plan.process, own);
  return plan;
}

}  // namespace tare::child
