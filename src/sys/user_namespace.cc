// SPDX-License-Identifier: Apache-2.0
#include "sys/user_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "sys/bare.h"
#include "sys/files.h"
#include "sys/helper.h"
#include "sys/signals.h"

namespace tare::sys {
namespace {

// Writes one map of a process that waits in a new user namespace.
Result<> write_map(int pid, const char* name, const IdMap& map) {
  const Fd file = TRY(open_path("/proc/" + std::to_string(pid) + "/" + name, O_WRONLY));
  // One write(2): the kernel takes a map only whole. [user_namespaces(7)]
  const std::string text = map.text();
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail_errno("write " + std::string(name));
  return {};
}

// The process that a new user namespace is made with. It shares our memory.
struct Holder {
  int channel = -1;     // Its end...
  int parent_end = -1;  // ...and ours.
  int helper = -1;      // What it runs, if anything.
  char number[12] = {};
  alignas(16) std::array<char, 8192> stack;  // clone(2): it grows down from the end.
};

// POST-FORK: lives until the parent has what it wants, or is gone. It shares the parent's memory,
// so it writes nothing but its own stack: not errno either, hence the bare system calls.
__attribute__((no_sanitize("address", "undefined"))) int hold(void* argument) {
  const Holder& holder = *static_cast<const Holder*>(argument);
  bare::close(holder.parent_end);
  if (holder.helper >= 0) {
    bare::control(holder.channel, F_SETFD, 0);
    const char* const argv[] = {"tare-child", "hold", holder.number, nullptr};
    const char* const envp[] = {nullptr};
    bare::exit(static_cast<int>(-bare::call(__NR_execveat, holder.helper, bare::word(""),
                                            bare::word(argv), bare::word(envp), AT_EMPTY_PATH)));
  }
  char byte = 0;
  bare::read(holder.channel, &byte, 1);
  bare::exit(0);
}

pid_t start(Holder& holder, int flags) {
  const SignalsBlocked blocked;
  return ::clone(hold, holder.stack.data() + holder.stack.size(), flags | CLONE_VM | SIGCHLD,
                 &holder);
}

// Where root is only that of a user namespace, our program was not executed in there: were our
// memory hidden, the maps would belong to root of the host, and we could not write them. The
// helper's memory is that of our namespace.
Result<> wait_for_helper(int channel) {
  std::int32_t result = -EPIPE;  // Of one that was not even executed.
  TRY(read_full(channel, reinterpret_cast<char*>(&result), sizeof result));
  if (result == 0) return {};
  errno = -result;
  return fail_errno("make a user namespace");
}

// The maps of the process in its new namespace, and that by a descriptor.
Result<Fd> map_and_open(int pid, const IdMap& uids, const IdMap& gids) {
  TRY(write_id_maps(pid, uids, gids));
  return open_path("/proc/" + std::to_string(pid) + "/ns/user", O_RDONLY);
}

Error with_hint(Error error) { return std::move(error).hint(kUserNamespaceHint); }

}  // namespace

HiddenMemory::HiddenMemory(bool hide) {
  if (!hide) return;
  before_ = ::prctl(PR_GET_DUMPABLE);
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) std::abort();  // The kernel never refuses it.
}

HiddenMemory::~HiddenMemory() {
  if (before_ > 0) ::prctl(PR_SET_DUMPABLE, before_);
}

Result<> write_id_maps(int pid, const IdMap& uids, const IdMap& gids) {
  TRY(write_map(pid, "uid_map", uids));
  TRY(write_map(pid, "gid_map", gids));
  return {};
}

Result<Fd> make_user_namespace(const IdMap& uids, const IdMap& gids) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno("make a socket pair");
  Fd ours(ends[0]);
  Fd theirs(ends[1]);
  Holder holder{.channel = theirs.get(), .parent_end = ours.get()};
  *std::to_chars(holder.number, holder.number + sizeof holder.number - 1, holder.channel).ptr = 0;
  // SECURITY: see bear_helper() in isolate/helper.h. Our own memory can be hidden where our
  // program was executed in our namespace; that costs no program.
  const bool is_root = ::geteuid() == 0;
  const bool by_helper = is_root && !in_initial_user_namespace();
  const HiddenMemory hidden(is_root && !by_helper);
  const Fd helper = by_helper ? TRY(open_helper()) : Fd();
  holder.helper = helper.get();
  const pid_t child = start(holder, by_helper ? CLONE_VFORK : CLONE_NEWUSER);
  if (child < 0) return std::unexpected(with_hint(Error::sys(errno, "make a user namespace")));
  theirs.reset();
  const Result<> ready = by_helper ? wait_for_helper(ours.get()) : Result<>();
  Result<Fd> result = ready ? map_and_open(child, uids, gids)
                            : Result<Fd>(std::unexpected(with_hint(ready.error())));
  ours.reset();
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
  return result;
}

}  // namespace tare::sys
