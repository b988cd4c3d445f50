// SPDX-License-Identifier: Apache-2.0
#include "network/home.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>

#include "network/attach.h"
#include "sys/files.h"

namespace tare::network {
namespace {

Result<bool> is_same_file(int one, const char* path) {
  struct stat a{};
  struct stat b{};
  if (::fstat(one, &a) != 0 || ::stat(path, &b) != 0) return fail_errno("look at a namespace");
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Field 4 of /proc/PID/stat. [proc_pid_stat(5)]
Result<int> parent_of(int pid) {
  const std::string stat =
      TRY(sys::load_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/stat", 4096));
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return fail(Kind::Corrupt, "/proc has no status of a process");
  const std::vector<std::string> fields = split(stat.substr(name_end + 1), ' ');
  if (fields.size() < 3) return fail(Kind::Corrupt, "/proc has no status of a process");
  return static_cast<int>(TRY(parse_u64(fields[2])));
}

}  // namespace

Result<bool> owns_network() {
  const sys::Fd network = TRY(sys::open_path("/proc/thread-self/ns/net", O_RDONLY));
  const sys::Fd owner(::ioctl(network.get(), NS_GET_USERNS));
  if (owner) return is_same_file(owner.get(), "/proc/self/ns/user");
  if (errno == EPERM) return false;  // It is of a namespace above ours.
  return fail_errno("find whose our network namespace is");
}

Result<sys::Fd> home_of(const Endpoint& endpoint) {
  const int keeper = TRY(parent_of(endpoint.pid));
  sys::Fd network = TRY(sys::open_path("/proc/" + std::to_string(keeper) + "/ns/net", O_RDONLY));
  if (TRY(is_same_file(network.get(), "/proc/self/ns/net"))) return sys::Fd();
  return network;
}

Result<> enter_home(int network) {
  if (::setns(network, CLONE_NEWNET) != 0) return fail_errno("enter the network of this user");
  return {};
}

Result<> make_home() {
  if (::unshare(CLONE_NEWNET) != 0) return fail_errno("make a network namespace for this user");
  return set_loopback_up();
}

HomeThread::~HomeThread() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<> HomeThread::enter(sys::Fd network) {
  if (is_elsewhere()) return fail(Kind::Exists, "the home network is entered already");
  network_ = std::move(network);
  thread_ = std::thread([this] { serve(); });
  return run([this] { return enter_home(network_.get()); });
}

Result<> HomeThread::run(const std::function<Result<>()>& work) {
  if (!is_elsewhere()) return work();
  std::unique_lock lock(mutex_);
  work_ = &work;
  changed_.notify_all();
  changed_.wait(lock, [this] { return work_ == nullptr; });
  return std::move(result_);
}

void HomeThread::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return work_ != nullptr || ends_; });
    if (work_ == nullptr) return;
    result_ = (*work_)();
    work_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace tare::network
