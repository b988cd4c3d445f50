// SPDX-License-Identifier: Apache-2.0
// A program that runs for this process alone: it ends, with all that it has started, when this
// process does, however that comes. A process between the two sees to that: it holds the other end
// of a pipe, which the kernel closes with us.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "sys/fd.h"

namespace tare::sys {

class Minded {
 public:
  struct Request {
    std::string program;             // Absolute.
    std::vector<std::string> words;  // argv, with its name.
    std::vector<std::string> environment;
    std::array<int, 3> streams = {-1, -1, -1};  // Borrowed.
    // Its processes are in a pid namespace of their own: nothing that it starts can get away.
    // Without, what leaves its process group and its parents is found as long as it has some.
    bool own_processes = false;
    // In the new process, right before the program; what goes wrong is written to its standard
    // error, and it ends with 127. No descriptor but the three streams stays open.
    std::function<Result<>()> confine;
  };
  // Errors: those of making processes. Single-threaded callers only.
  static Result<Minded> start(const Request& request);
  Minded(Minded&& other) noexcept;
  Minded& operator=(Minded&&) = delete;
  ~Minded();  // Ends all of it, and waits for that.

  // Waits for the program's end, and ends what it has left. As exit status: 128 and the signal that
  // ended it.
  Result<int> finish();

 private:
  Minded(int pid, Fd life) : pid_(pid), life_(std::move(life)) {}

  int pid_ = -1;  // Of the process between.
  Fd life_;       // Write end.
};

}  // namespace tare::sys
