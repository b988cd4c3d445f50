// SPDX-License-Identifier: Apache-2.0
#include "network/uplink.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include "network/service_log.h"

namespace tare::network {
namespace {

constexpr int kMostTries = 5;  // In a row: without a way out of the host it ends at once.
constexpr std::chrono::seconds kDelay(2);
constexpr int kNetworkAt = 3;  // Where it finds the namespace.

// Nothing comes in by it, and nothing of the host's loopback goes out: published ports are the
// forwarder's, and names the name server's.
constexpr std::array kWords = {
    "pasta",  "--config-net", "--no-map-gw", "--foreground", "--quiet",        "--ns-ifname",
    "uplink", "-t",           "none",        "-u",           "none",           "-T",
    "none",   "-U",           "none",        "--netns",      "/proc/self/fd/3"};

}  // namespace

Uplink::~Uplink() {
  loop_.cancel(again_);
  if (pidfd_) loop_.remove(pidfd_.get());
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

Result<> Uplink::start(int network) {
  network_ = network;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const sys::Fd high(::fcntl(network, F_DUPFD_CLOEXEC, 16));
  ::posix_spawn_file_actions_adddup2(&actions, high.get(), kNetworkAt);
  // It takes SIGPIPE that was ignored before for a failure to ignore it.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t all;
  ::sigfillset(&all);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::array<char*, kWords.size() + 1> words{};
  for (std::size_t i = 0; i < kWords.size(); ++i) words[i] = const_cast<char*>(kWords[i]);
  char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
  std::array<char*, 2> environment = {path, nullptr};
  const int error =
      ::posix_spawnp(&pid_, kWords[0], &actions, &attributes, words.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    pid_ = -1;
    return std::unexpected(
        Error::sys(error, "start pasta, the way out of an ordinary user's networks")
            .hint("install passt"));
  }
  pidfd_ = sys::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!pidfd_) return fail_errno("watch pasta");
  return loop_.add(pidfd_.get(), EPOLLIN, [this](std::uint32_t) { on_end(); });
}

void Uplink::on_end() {
  loop_.remove(pidfd_.get());
  pidfd_.reset();
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
  if (++tries_ >= kMostTries)
    return log(Error(Kind::Unavailable,
                     "pasta ends again and again: this user's networks have no way out"));
  again_ = loop_.after(kDelay, [this] {
    again_ = 0;
    if (auto started = start(network_); !started) log(started.error());
  });
}

}  // namespace tare::network
