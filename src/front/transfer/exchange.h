// SPDX-License-Identifier: Apache-2.0
// One HTTP request and its answer, and the engine that runs many of them at once (libcurl's multi
// interface: the only files that know of it, with url.cc). No redirect is followed and nothing
// repeated here.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "transfer/protocol.h"

namespace tare::front_transfer {

// How a server is believed. All PEM; empty: what the system has, no client certificate.
struct Tls {
  bool verify = true;
  std::string ca;
  std::string certificate;
  std::string key;
  bool is_registry = true;  // Decides what is hinted at.
};

struct Call {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  Tls tls;
  // What is sent: a text, or `upload_bytes` of a file.
  std::string form;
  int upload = -1;
  std::uint64_t upload_bytes = 0;
  // Where the answer goes; false ends the exchange. Called only after the headers are known.
  std::function<bool(std::string_view bytes)> take;
  std::function<void(std::uint64_t sent)> told;  // Bytes of the upload.
  long seconds = 0;                              // For all of it; 0: as long as something comes.
  bool no_local = false;  // A stranger named the host: its name may not mean this machine.
};

struct Outcome {
  int status = 0;  // 0: there was no answer.
  // In lower case. Several WWW-Authenticate are joined by commas, of others the last one counts.
  std::map<std::string, std::string> headers;
  std::string failure;       // Not empty: the network failed, and how.
  std::string hint;          // With it.
  bool is_lasting = false;   // Trying again is no use: an unknown certificate, a wrong URL.
  bool is_refused = false;   // Nothing listens there, or there is no such host.
  bool is_our_will = false;  // take() ended it.
  bool is_here = false;      // This machine itself answered.
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

class Exchange;

class Network {
 public:
  static Result<std::unique_ptr<Network>> open(const transfer::Settings& settings);
  ~Network();

  // Starts; `done` is called from run(), after which the exchange is gone. `call` is kept.
  using Done = std::function<void(const Outcome&)>;
  Result<> begin(Call call, Done done);
  // The headers of an exchange under way, for its take().
  const Outcome* current() const { return current_; }
  // Moves bytes, for at most `timeout_ms` or until `extra_fd` can be read.
  Result<> run(int extra_fd, int timeout_ms);

 private:
  using Clock = std::chrono::steady_clock;

  Network() = default;
  // The rate, for all exchanges together. An exchange that may not pass waits, paused, for its
  // turn.
  std::uint64_t bytes_at_once() const;
  bool may_pass(const Exchange& exchange);
  void passed(std::uint64_t bytes);
  void let_waiting_pass();
  int until_next(int timeout_ms) const;  // Milliseconds.
  void finish(Exchange& exchange, int code);

  friend class Exchange;
  void* multi_ = nullptr;
  std::uint64_t bytes_per_second_ = 0;
  transfer::Proxies proxies_;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  const Outcome* current_ = nullptr;
  std::deque<const Exchange*> waiting_;
  Clock::time_point next_;  // No byte before.
};

}  // namespace tare::front_transfer
