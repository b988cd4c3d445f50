// SPDX-License-Identifier: Apache-2.0
// Where the bridges of a user are. Root's are in the host's network namespace. An ordinary user may
// not make devices there: his are in one of his own user namespace, his *home network*, in which
// the keepers of his containers live; it is there as long as one of them. [docs/decisions/0019]
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "network/records.h"
#include "sys/fd.h"

namespace tare::network {

// Whether the network namespace that we are in belongs to our user namespace. [ioctl_ns(2)]
Result<bool> owns_network();
// The network namespace of the keeper of an endpoint's process; an empty one when that is ours.
// Errors: NotFound (it has ended).
Result<sys::Fd> home_of(const Endpoint& endpoint);
// The calling process in that network namespace for good, or in a new one with its loopback device
// up. PRIVILEGED (over its own user namespace). Single-threaded callers only.
Result<> enter_home(int network);
Result<> make_home();

// Work in another network namespace than that of the process, which could not come back to its own:
// by a thread that stays there. Not for several threads.
class HomeThread {
 public:
  HomeThread() = default;
  HomeThread(const HomeThread&) = delete;
  HomeThread& operator=(const HomeThread&) = delete;
  ~HomeThread();

  // Errors: Denied.
  Result<> enter(sys::Fd network);
  bool is_elsewhere() const { return thread_.joinable(); }
  // Borrowed.
  int network() const { return network_.get(); }
  // Does the work there, and waits for it; before enter() where we are.
  Result<> run(const std::function<Result<>()>& work);

 private:
  void serve();

  sys::Fd network_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<Result<>()>* work_ = nullptr;
  Result<> result_;
  bool ends_ = false;
};

}  // namespace tare::network
