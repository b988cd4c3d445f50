// SPDX-License-Identifier: Apache-2.0
// What the engine and a keeper agree on. Plain constants and structs; includes nothing of ours.
//
// A keeper is the process that a container belongs to: parent of its process 1, reader of its
// output, writer of its log and exit status. The engine may come and go.
//
// Starting it. The process that has just started a container's process 1 (and is its parent) execs
// tare-keeper with these arguments; N are descriptors from 3 up, inherited on purpose, all others
// should be close-on-exec:
//   id=TEXT            the container, for messages and ps
//   pid=N pidfd=N      process 1
//   dir=N              the container's directory: log/, exit and ctl are there
//   lock=N             kept open: while the lock on it is held, the keeper lives
//   listen=N           listening stream socket (mode 0600, at dir/ctl)
//   client=N           optional: a connected first client. What it sent before is obeyed before any
//                      output is read, so an ATTACH sent early misses nothing.
//   in=N out=N err=N   pipes, each optional; or
//   tty=N              the master side of the terminal
//   stdin_once=1       standard input closes with the first client that was attached to it
//   cgroup=PATH        repeatable, 16 at most: emptied and removed at the end
//   log_max=BYTES log_files=N   limits of the log, default 10 MiB and 5 files; log_max=0: none
//   stop_signal=N      what SIGNAL 0 means; default SIGTERM
//   cleanup=PATH cleanup_arg=TEXT...   the container is removed when it ends: run this last, unless
//                      a client took the removal over. argv is PATH and the texts.
//   probe=PATH probe_arg=TEXT...   run at intervals while process 1 lives, killed with it; its
//   success
//                      is exit status 0
//   probe_interval=MS  from its end to its next start, and from the start to the first
//   probe_start_period=MS probe_start_interval=MS   instead in that time, until it has succeeded
//   probe_limit=MS     it is killed when it takes longer
// It ignores the signals that end a terminal session. Bad arguments: exit status 125 and a sentence
// on standard error.
//
// Log: dir/log/0.log, older ones 1.log, 2.log...; lines of the CRI format,
//   2026-11-24T05:04:53.123456789Z stdout F text
// P instead of F: the line goes on in the next record of that stream (longer than 16 KiB), or the
// stream ended without a newline. With a terminal the text is what the terminal got, with its \r.
//
// Exit status: dir/exit, written in one step: "exit_code=N\nfinished_at=NANOSECONDS\noom=0\n". It
// is there before any client hears of the exit. exit_code is 128+n after signal n.
//
// Talking to it. Frames of a header and up to 64 KiB; numbers are little endian. The peer must be
// root or the keeper's own user. A client that does not read its output holds the container up.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tare::keeper {

enum class Frame : std::uint8_t {
  // From clients.
  Attach = 1,      // flags: kAttach*. Answered by Attached.
  Stdin = 2,       // Bytes for standard input. A SIGNAL behind bytes that the container does not
                   // read waits with them: send it over a connection of its own.
  StdinClose = 3,  // No more bytes from this client; closes standard input when stdin_once is set.
  Resize = 4,      // ResizePayload.
  Signal = 5,      // SignalPayload, to process 1.
  Wait = 6,        // Only the exit is wanted (every client is told of it; this only says so).
  Detach = 7,      // The keeper closes the connection; the container goes on.
  // From the keeper.
  Attached = 64,  // flags: kHasTerminal, kHasStdin. Output from here on follows.
  Stdout = 65,    // Bytes.
  Stderr = 66,    // Bytes.
  Exit = 67,      // ExitPayload; the last frame.
  Error = 68,     // A sentence. After a broken frame the connection is closed.
};

inline constexpr std::uint8_t kAttachStdin = 1;
inline constexpr std::uint8_t kAttachStdout = 2;
inline constexpr std::uint8_t kAttachStderr = 4;
inline constexpr std::uint8_t kAttachTakeOver = 8;  // This client removes the container at the end.
inline constexpr std::uint8_t kAttachEnds = 16;  // The container is killed when this client goes.

inline constexpr std::uint8_t kHasTerminal = 1;
inline constexpr std::uint8_t kHasStdin = 2;

struct FrameHeader {
  Frame type{};
  std::uint8_t flags = 0;
  std::uint16_t reserved = 0;
  std::uint32_t length = 0;  // Of what follows.
};

struct ResizePayload {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};

struct SignalPayload {
  std::uint32_t signal = 0;  // 0: the container's stop signal.
};

struct ExitPayload {
  std::int32_t exit_code = 0;
  std::uint8_t oom = 0;
  std::uint8_t reserved[3] = {};
  std::int64_t finished_at = 0;  // Nanoseconds since 1970.
};

static_assert(sizeof(FrameHeader) == 8 && sizeof(ResizePayload) == 4 &&
              sizeof(SignalPayload) == 4 && sizeof(ExitPayload) == 16);
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "Frames are sent as they are in memory.");

inline constexpr std::size_t kMaxPayload = 64 << 10;
inline constexpr std::size_t kMaxClients = 16;
inline constexpr std::size_t kMaxCgroups = 16;

}  // namespace tare::keeper
