// SPDX-License-Identifier: Apache-2.0
// The program that asks a container how it is, run at intervals. What comes of it is the program's
// to judge and to write down; only whether it succeeded is looked at here, for the next interval.
// [docs/decisions/0021]
#pragma once

#include "keeper/container.h"

namespace tare::keeper {

class Probes {
 public:
  // Borrowed for good.
  Probes(const Options& options, char** environment);

  // Milliseconds until act() has something to do; -1: never.
  long wait_ms() const;
  // Starts the program when it is time, and kills it when it takes longer than its limit.
  void act();
  // A child of ours has ended. False: it is another one.
  bool take_exit(long pid, int status);
  // The container has ended: so does the program, before anything is told of the end.
  void end();

 private:
  void schedule();
  void start();

  const Options& options_;
  char** environment_;
  std::int64_t began_ns_ = 0;  // Monotonic clock, as all times here.
  std::int64_t due_ns_ = -1;   // The next start, or the end of the patience with a running one.
  long child_ = 0;
  bool was_well_ = false;
};

}  // namespace tare::keeper
