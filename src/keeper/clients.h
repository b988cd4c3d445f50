// SPDX-License-Identifier: Apache-2.0
// One connection of a keeper. Its buffers are mapped when it comes and given back when it goes, so
// that a keeper nobody talks to stays small.
#pragma once

#include <cstddef>
#include <cstdint>

#include "keeper/container.h"
#include "keeper/protocol.h"

namespace tare::keeper {

class Client {
 public:
  bool used() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  // Takes a connected socket over. False, and the socket closed, when there is no memory.
  bool start(int fd);
  void close(Container& container);

  // What to wait for, as in poll(2). False: not even a hang-up matters now.
  bool wants(short& events) const;
  // Reads what has come and obeys it; closes at its end.
  void on_readable(Container& container);
  void on_writable() { push(); }
  // Nothing can be sent any more; what was sent to us before still counts.
  void on_hangup();
  // The container reads again: what had to wait goes on.
  void retry_input(Container& container);
  bool waits_for_input() const { return used() && blocked_; }

  bool listens_to(Stream stream) const;
  // How many bytes of output could be sent on now. Few: the peer has to read first.
  std::size_t room() const;
  void send(Frame type, std::uint8_t flags, const void* payload, std::size_t size);
  void send_error(const char* sentence);

  bool has_pending() const { return used() && !deaf_ && out_begin_ < out_end_; }
  // It had the container's life in its hands, and is gone.
  bool is_lost() const { return used() && deaf_ && (flags_ & kAttachEnds) != 0; }
  bool takes_over() const { return used() && !deaf_ && (flags_ & kAttachTakeOver) != 0; }
  // At the end: lets the kernel keep what the peer has not read, so that nobody waits for it.
  void widen_socket() const;

 private:
  struct Buffers {
    char in[sizeof(FrameHeader) + kMaxPayload];
    // Output, and beside it room for an error and the exit.
    char out[sizeof(FrameHeader) + kMaxPayload + 512];
  };

  void parse(Container& container);
  bool obey(Container& container, const FrameHeader& header, const char* payload);
  bool pass_input(Container& container);
  void refuse(Container& container, const char* sentence);
  void append(const void* bytes, std::size_t size);
  void push();

  int fd_ = -1;
  Buffers* buffers_ = nullptr;
  std::size_t in_begin_ = 0;
  std::size_t in_end_ = 0;
  std::size_t input_left_ = 0;  // Of the STDIN frame that is being passed on.
  std::size_t out_begin_ = 0;
  std::size_t out_end_ = 0;
  std::uint8_t flags_ = 0;  // kAttach*
  bool blocked_ = false;    // The container does not read its input.
  bool deaf_ = false;
};

}  // namespace tare::keeper
