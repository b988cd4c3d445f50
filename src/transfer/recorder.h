// SPDX-License-Identifier: Apache-2.0
// tare's end of tare-record (transfer/recording.h).
#pragma once

#include <string>

#include "sys/fd.h"
#include "transfer/recording.h"

namespace tare::transfer {

// A new authority, made by the program at `program`: keys and certificates need more libraries than
// tare has. Errors: NotFound (it is not installed).
Result<Authority> make_authority(const std::string& program);

class Recorder {
 public:
  // What it is given; all borrowed. `place` may be -1.
  struct Ends {
    int listener = -1;
    int bodies = -1;
    int notes = -1;
    int place = -1;
  };
  static Result<Recorder> start(const std::string& program, const RecorderSettings& settings,
                                const Ends& ends);
  Recorder(Recorder&& other) noexcept;
  Recorder& operator=(Recorder&& other) noexcept;
  ~Recorder() { stop(); }

  int pidfd() const { return pidfd_.get(); }  // Readable when it has ended.
  // Ends it at once, with all that is under way.
  void stop();

 private:
  Recorder(int pid, sys::Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  int pid_ = -1;
  sys::Fd pidfd_;
};

}  // namespace tare::transfer
