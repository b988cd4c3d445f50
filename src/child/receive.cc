// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "child/calls.h"
#include "child/run.h"
#include "sys/rights.h"

namespace tare::child {
namespace {

constexpr std::size_t kRoom = kMostDescriptors + kDescriptorsAMessage;

struct Received {
  int fds[kRoom];
  std::uint32_t count = 0;
};

// One message. Returns what it says.
Handover receive(const Plan& plan, Received& received) noexcept {
  Handover handover;
  sys::RightsMessage<kDescriptorsAMessage> message(&handover, sizeof handover);
  long size = 0;
  do {
    size = call(SYS_recvmsg, plan.channel, message.header(), MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size == 0) errno = ESRCH;  // The parent is gone, nobody will read this.
  if (size != sizeof handover) die(plan, Step::Wait);
  // No room: in our table, if not in the list. [unix(7)]
  if (message.is_cut() || received.count + kDescriptorsAMessage > kRoom) {
    errno = EMFILE;
    die(plan, Step::Helper);
  }
  const std::size_t count = message.take(received.fds + received.count);
  if (count == 0) {
    errno = EPROTO;
    die(plan, Step::Helper);
  }
  received.count += static_cast<std::uint32_t>(count);
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

Plan& receive_plan(int channel, std::uint64_t namespaces) noexcept {
  static Received received;
  Plan nothing;
  nothing.channel = channel;
  hide_memory(nothing);
  if (namespaces != 0) check(nothing, Step::MakeNamespaces, call(SYS_unshare, namespaces));
  say(nothing, Step::Wait, Event::Awake);
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
