// SPDX-License-Identifier: Apache-2.0
// One probe of a container: a program in it, or a connection that is made for it in its network
// namespace and needs nothing in the image. Private to this room.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "engine/engine.h"
#include "network/address.h"
#include "sys/fd.h"

namespace tare::engine {

// --health: "http://[HOST]:PORT[/PATH]", "tcp://[HOST]:PORT", "unix:///PATH".
struct ProbeTarget {
  enum class Kind : std::uint8_t { Http, Tcp, Unix } kind = Kind::Tcp;
  std::vector<network::Address> hosts;  // The first that answers; without one in the URL loopback.
  std::uint16_t port = 0;
  std::string host_header;  // As in the URL, for HTTP.
  std::string path;         // Of HTTP from the slash on; of a socket absolute, in the container.
};
// Errors: Invalid, with what could be meant; Unsupported (https).
Result<ProbeTarget> parse_probe(std::string_view url);

// The number in the first line of an answer. Errors: Invalid; it is what a container says. [RFC
// 9112, 4]
Result<int> parse_status_line(std::string_view line);

// What is needed of a container that runs.
struct ProbePlace {
  sys::Fd network;  // Its network namespace.
  sys::Fd root;     // Its root directory, for sockets.
};

// A process of ours that asks the target, tells on `out` in a sentence what came of it, and ends
// with 0 or 1. Single-threaded callers only.
Result<ExecProcess> start_probe(const ProbePlace& place, const ProbeTarget& target);

// Until the process has ended, or it was killed at the end of the time: then the exit code is -1.
// What is left of its process group ends with it.
ProbeResult watch_probe(ExecProcess process, std::chrono::nanoseconds timeout);

// The two together, for a container that runs: what cannot be started has failed, too.
ProbeResult probe_target(const Engine& engine, const Container& container,
                         const ProbeTarget& target, std::chrono::nanoseconds timeout);

// One probe by its health check, which nobody has counted yet. Errors: Invalid.
Result<ProbeResult> ask_health(Engine& engine, const Container& container,
                               std::chrono::nanoseconds timeout);

}  // namespace tare::engine
