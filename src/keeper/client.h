// SPDX-License-Identifier: Apache-2.0
// One connection to the keeper: frames in, frames out, in buffers that exist only as long as it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "keeper/protocol.h"

namespace tare::keeper {

struct Client {
  static constexpr std::size_t kIn = kMaxPayload + sizeof(FrameHeader);
  static constexpr std::size_t kOut = 2 * (kMaxPayload + sizeof(FrameHeader));

  int fd = -1;
  std::uint8_t wants = 0;      // kAttach* of its Attach frame.
  std::size_t in_size = 0;     // Bytes in `in`, from its start.
  std::size_t stdin_done = 0;  // Of the Stdin frame at the start of `in`: payload bytes passed on.
  std::size_t out_begin = 0;
  std::size_t out_end = 0;
  char* in = nullptr;   // kIn bytes
  char* out = nullptr;  // kOut bytes, behind `in` in one mapping.

  bool open(int connected);  // False: no memory; `connected` is closed.
  void close();
  std::size_t room();  // Bytes that fit into one frame's payload now.
  void put(Reply type, const void* payload, std::size_t size);  // Needs room() >= size.
  void send();  // What the socket takes without waiting; closes on error.
  // A whole frame at the start of `in`, or nullptr. Closes on a frame that is too long.
  const FrameHeader* frame();
  const char* payload() const { return in + sizeof(FrameHeader); }
  void drop_frame();  // Done with it.
  void receive();     // Reads what is there; closes at its end.
};

}  // namespace tare::keeper
