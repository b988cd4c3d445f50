// SPDX-License-Identifier: Apache-2.0
// The keeper of one container: parent of its process 1, owner of its terminal or pipes, its log,
// its control socket and its exit code. Small, single-threaded, no allocation but the buffers of
// connected clients.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <cstdint>

#include "keeper/client.h"
#include "keeper/log.h"

namespace tare::keeper {

// From the command line, "key=value" each; see main.cc.
struct Options {
  int pid = 0;
  int pidfd = -1;
  int dir = -1;
  int lock = -1;
  int listener = -1;
  int client = -1;
  int in = -1;
  int out[2] = {-1, -1};  // Standard output and standard error.
  int tty = -1;           // The master side; then in and out are unused.
  bool stdin_once = false;
  std::uint64_t log_max = 10 << 20;
  unsigned log_files = 5;
  unsigned cgroup_count = 0;
  const char* cgroups[16] = {};
  unsigned cleanup_count = 0;
  char* cleanup[16] = {};
};

class Keeper {
 public:
  explicit Keeper(Options& options) : options_(options) {}
  void start();
  void run();  // Until the container has ended and everybody was told.

 private:
  static constexpr unsigned kClients = 16;

  void wait_for_something(int timeout_ms);
  void accept_client();
  void handle_frames(Client& client);
  bool handle_stdin(Client& client, const FrameHeader& header);  // False: not all taken yet.
  void close_stdin();
  void read_output(unsigned stream);
  bool output_has_room(unsigned stream);
  void reap();
  void drain();
  void remove_cgroups();
  void write_exit();
  void tell_exit();

  Options& options_;
  Client clients_[kClients];
  Log log_;
  bool exited_ = false;
  bool stdin_blocked_ = false;
  ExitReply exit_;
};

}  // namespace tare::keeper
