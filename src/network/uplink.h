// SPDX-License-Identifier: Apache-2.0
// The way out of a home network: pasta, which speaks for it with sockets of the host. [pasta(1)]
#pragma once

#include "network/loop.h"
#include "sys/fd.h"

namespace tare::network {

// One process, started again when it ends. Not movable: the loop's callbacks lead to it.
class Uplink {
 public:
  explicit Uplink(Loop& loop) : loop_(loop) {}
  Uplink(const Uplink&) = delete;
  Uplink& operator=(const Uplink&) = delete;
  ~Uplink();

  // For the network namespace `network`, borrowed for as long as this lives. Errors: NotFound (no
  // such program). What it says of itself goes to our standard error.
  Result<> start(int network);

 private:
  void on_end();

  Loop& loop_;
  int network_ = -1;
  int pid_ = -1;
  sys::Fd pidfd_;
  int tries_ = 0;
  Loop::Timer again_ = 0;
};

}  // namespace tare::network
