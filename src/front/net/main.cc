// SPDX-License-Identifier: Apache-2.0
// tare-net: the network service of a store. Started by tare (network/service.h), with its listening
// socket, and of no use to anybody else. Two processes: one works, the other waits for its end to
// take its place; the first does the same for the second.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <iterator>

#include "network/loop.h"
#include "network/service_guard.h"
#include "network/service_log.h"
#include "network/service_message.h"
#include "network/service_ports.h"
#include "network/service_worker.h"

using namespace tare;

namespace {

// To enter the containers' network namespaces (and to look which they are), for the packet filter,
// and for low ports of the host; SETPCAP only lets a program that we execute (slirp4netns) give up
// more. Those of such a program are no more.
constexpr int kCapabilities[] = {CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_SETPCAP, CAP_SYS_ADMIN,
                                 CAP_SYS_PTRACE};

Result<> drop_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return fail_errno("capget");
  __user_cap_data_struct kept[2]{};
  for (const int capability : kCapabilities)
    kept[capability / 32].permitted |= data[capability / 32].permitted & (1U << capability % 32);
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    if (std::ranges::find(kCapabilities, capability) == std::end(kCapabilities) &&
        ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1 &&
        ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EPERM)
      return fail_errno("drop a capability");
  for (auto& half : kept) half.effective = half.permitted;
  if (::syscall(SYS_capset, &header, kept) != 0) return fail_errno("capset");
  return {};
}

// What comes with being started by whoever starts a container. Nobody traces us: our memory and
// descriptors lead into every container of the store.
Result<> harden() {
  TRY(sys::open_standard_streams());
  if (::prctl(PR_SET_DUMPABLE, 0) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail_errno("give up privileges");
  if (::syscall(SYS_close_range, network::kServiceListener + 1, INT_MAX, 0) != 0)
    return fail_errno("close what was inherited");
  if (::fcntl(network::kServiceListener, F_SETFD, FD_CLOEXEC) != 0)
    return fail_errno("take the listening socket");
  if (::chdir("/") != 0) return fail_errno("leave the directory");
  ::umask(0077);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return fail_errno("getrlimit");
  files.rlim_cur = files.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0) return fail_errno("setrlimit");
  return drop_capabilities();
}

// Watches the other process; makes the next when it ends.
class Pair {
 public:
  Pair(network::Loop& loop, char** words) : loop_(loop), words_(words) {}

  Result<> start() {
    guard_ = TRY(network::start_guard(words_, network::kServiceListener));
    return loop_.add(guard_.get(), EPOLLIN, [this](std::uint32_t) { on_end(); });
  }
  void end() { network::dismiss(guard_); }

 private:
  void on_end() {
    loop_.remove(guard_.get());
    network::dismiss(guard_);
    guard_.reset();
    // Not at once, should something kill each of them.
    loop_.after(std::chrono::milliseconds(200), [this] {
      if (auto started = start(); !started) network::log(started.error());
    });
  }

  network::Loop& loop_;
  char** words_;
  sys::Fd guard_;
};

Result<> serve(char** words) {
  TRY(harden());
  ::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_NAME, "tare-net");  // Executed by a guard it would be "exe".
  network::Loop loop = TRY(network::Loop::make());
  Pair pair(loop, words);
  // First, while we have little memory.
  TRY(pair.start());
  network::ServicePorts parts(loop);
  // Where there is no packet filter names are answered all the same.
  if (auto watched = parts.start(); !watched)
    network::log(std::move(watched).error().wrap("watch the rules of networks"));
  network::ServiceWorker worker(loop, parts, words[1], sys::Fd(network::kServiceListener));
  TRY(worker.start());
  TRY(loop.run());
  pair.end();
  return {};
}

bool is_started_by_us(int count) {
  struct stat status{};
  return count == 2 && ::fstat(network::kServiceListener, &status) == 0 && S_ISSOCK(status.st_mode);
}

}  // namespace

int main(int count, char** words) {
  if (!is_started_by_us(count)) {
    (void)sys::write_all(STDERR_FILENO,
                         "tare-net: tare starts this program with the first container on a "
                         "network\n");
    return 125;
  }
  // Whoever started us waits for this process only; the one that a guard has started is one
  // already.
  if (::getsid(0) != ::getpid()) {
    const pid_t child = ::fork();
    if (child != 0) return child < 0 ? 125 : 0;
    ::setsid();
  }
  if (auto served = serve(words); !served) {
    network::log(served.error());
    return 125;
  }
  return 0;
}
