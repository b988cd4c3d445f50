// SPDX-License-Identifier: Apache-2.0
// What a keeper holds of its container: process 1, its standard streams or its terminal.
#pragma once

#include <cstddef>
#include <cstdint>

#include "keeper/log.h"
#include "keeper/protocol.h"

namespace tare::keeper {

// As the engine named it.
struct Program {
  const char* path = nullptr;  // nullptr: none.
  int count = 0;
  const char* arguments[16] = {};
};

struct Options {
  const char* id = "";
  int pid = -1;
  int pidfd = -1;
  int dir = -1;
  int lock = -1;
  int listen = -1;
  int client = -1;
  int in = -1;
  int out = -1;
  int err = -1;
  int tty = -1;
  bool stdin_once = false;
  int stop_signal = SIGTERM;
  std::int64_t log_max = 10 << 20;
  int log_files = 5;
  int cgroup_count = 0;
  const char* cgroups[kMaxCgroups] = {};
  Program cleanup;
  Program probe;
  int probe_interval_ms = 30'000;
  int probe_start_period_ms = 0;
  int probe_start_interval_ms = 5'000;
  int probe_limit_ms = 60'000;
};

class Container {
 public:
  explicit Container(const Options& options);

  // The descriptor to read a stream from, -1 when it has ended.
  int output(Stream stream) const { return outputs_[static_cast<std::size_t>(stream)]; }
  bool has_output() const { return outputs_[0] >= 0 || outputs_[1] >= 0; }
  // Bytes read; 0: nothing at present. At its end the stream is closed.
  std::size_t read_output(Stream stream, char* buffer, std::size_t size);

  // The descriptor to write standard input to, -1 when it is closed or never was.
  int input() const { return input_; }
  // How many bytes standard input took; fewer than `size`: the container does not read at present.
  // Bytes for a closed input are taken and forgotten.
  std::size_t take_input(const char* bytes, std::size_t size);
  // A client that was attached to standard input sends no more.
  void end_input();

  void resize(const ResizePayload& size) const;
  long signal(std::uint32_t number) const;  // 0, or a negative errno value.
  std::uint8_t attached_flags() const;      // kHasTerminal, kHasStdin.

  // Process 1 is gone: lets the terminal end when everybody else has left it.
  void let_terminal_end();

 private:
  int pidfd_;
  int tty_;
  int tty_peer_ = -1;
  int input_;
  int outputs_[2];
  int stop_signal_;
  bool stdin_once_;
};

}  // namespace tare::keeper
