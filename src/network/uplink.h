// SPDX-License-Identifier: Apache-2.0
// The way out of a home network: slirp4netns or pasta, which speak for it with sockets of the host.
// [slirp4netns(1), pasta(1); docs/decisions/0019-networks.md]
#pragma once

#include <string>
#include <vector>

#include "network/home.h"
#include "network/loop.h"
#include "sys/fd.h"

namespace tare::network {

// Whether one of the programs is installed.
bool has_uplink_program();
// What to say when none is.
Error no_uplink_program();

// One process, started again when it ends; when it does so again and again, the next program. Not
// movable: the loop's callbacks lead to it.
class Uplink {
 public:
  // Both have to outlive it.
  Uplink(Loop& loop, HomeThread& home) : loop_(loop), home_(home) {}
  Uplink(const Uplink&) = delete;
  Uplink& operator=(const Uplink&) = delete;
  ~Uplink();

  // For the home network, which was entered. Errors: NotFound (no such program). What the program
  // says of itself goes to our standard error.
  Result<> start();

 private:
  Result<> spawn(const std::string& program, std::vector<std::string> words);
  Result<std::vector<std::string>> words() const;
  void on_ready();
  void on_end();

  Loop& loop_;
  HomeThread& home_;
  int pid_ = -1;
  sys::Fd pidfd_;
  sys::Fd alive_;  // Whose end tells slirp4netns of ours, however it comes.
  sys::Fd ready_;
  std::size_t which_ = 0;
  int tries_ = 0;
  Loop::Timer again_ = 0;
};

}  // namespace tare::network
