// SPDX-License-Identifier: Apache-2.0
// An attached session: our terminal, standard streams and signals on one side, a container's
// process on the other. One poll loop, no threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "front/cli/detach_keys.h"

namespace tare::cli {

// Signals that were caught since the object was made, to be forwarded to the container, and the
// terminal's state, put back on every way out. Made before the container is started, so that no
// signal is lost in between. One at a time in a process.
class SignalGuard {
 public:
  // `forward`: catch them; else they end this process as usual, but with the terminal put back.
  explicit SignalGuard(bool forward);
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  ~SignalGuard();

  int fd() const;  // Readable when a signal waits.
  // The next signal number; 0 when none waits.
  int next();

  // Puts the terminal `fd` into raw mode until the guard goes. Fatal signals put it back, too.
  Result<> make_raw(int fd);
  // Likewise, but only what is typed is not shown.
  Result<> make_silent(int fd);
  void restore_terminal();
};

// A signal waits that was to end us while there is nothing yet to forward it to. Takes what waits.
bool is_interrupted(SignalGuard& signals);

struct SessionOptions {
  bool tty = false;
  bool stdin = false;
  bool sig_proxy = true;
  DetachKeys detach_keys;
  int input_fd = -1;  // Where send_stdin() writes: asked for room first, so that it never blocks.
};

struct SessionEnd {
  enum class How : std::uint8_t {
    Exited,
    Detached,
    Lost,        // The keeper went away without an exit status.
    NoListener,  // Nobody reads our standard output any more.
  } how = How::Exited;
  int exit_code = 0;
  bool oom_killed = false;
};

// Moves bytes and signals until the process exits or the user detaches. Everything that it wrote
// before its exit has been written to our standard output and error then.
Result<SessionEnd> run_session(engine::Attachment& link, SignalGuard& signals,
                               const SessionOptions& options);

struct WindowSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};
// Of the terminal that we are on; zeros when there is none.
WindowSize window_size();

// A process of exec as an Attachment, so that sessions need to know one thing only. `input_fd` for
// SessionOptions.
struct ExecLink {
  std::unique_ptr<engine::Attachment> attachment;
  int input_fd = -1;
};
Result<ExecLink> make_exec_link(engine::ExecProcess process, bool tty);

}  // namespace tare::cli
