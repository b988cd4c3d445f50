// SPDX-License-Identifier: Apache-2.0
// What a keeper and its clients say to each other over a stream socket (containers/ID/ctl): frames
// of an 8-byte header and at most 64 KiB of payload. Plain constants; includes nothing of ours.
//
// A client may send at any time; what it gets depends on its Attach frame. Numbers in payloads are
// little endian.
#pragma once

#include <cstdint>

namespace tare::keeper {

struct FrameHeader {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint16_t reserved = 0;
  std::uint32_t length = 0;  // Of the payload, at most kMaxPayload.
};
static_assert(sizeof(FrameHeader) == 8);

inline constexpr std::uint32_t kMaxPayload = 64 << 10;

// Client to keeper.
enum class Request : std::uint8_t {
  Attach = 1,      // flags: kAttach*. No payload.
  Stdin = 2,       // Payload: bytes for the process's standard input.
  StdinClose = 3,  // End of file there. With a terminal: nothing happens.
  Resize = 4,      // Payload: u16 rows, u16 columns.
  Signal = 5,      // Payload: u32 signal number, sent to process 1 through its pidfd.
  Wait = 6,        // Only the Exit frame is wanted.
};

inline constexpr std::uint8_t kAttachStdin = 1;
inline constexpr std::uint8_t kAttachStdout = 2;
inline constexpr std::uint8_t kAttachStderr = 4;
inline constexpr std::uint8_t kAttachOwner = 8;  // I remove the container after its exit.

// Keeper to client.
enum class Reply : std::uint8_t {
  Stdout = 65,  // Payload: bytes.
  Stderr = 66,
  Exit = 67,   // Payload: ExitReply. The last frame.
  Error = 68,  // Payload: a sentence.
};

struct ExitReply {
  std::int32_t exit_code = 0;    // 128 + signal number when a signal ended it.
  std::uint32_t oom = 0;         // 1: the memory limit killed something in it.
  std::int64_t finished_at = 0;  // UnixNanos.
};
static_assert(sizeof(ExitReply) == 16);

}  // namespace tare::keeper
