// SPDX-License-Identifier: Apache-2.0
// Runs the git of this machine, which reads what strangers have made: without the user's or the
// system's configuration, hooks, helpers or prompts, over the network only, without capabilities,
// and with one directory that it can write to. [security rule: work on bytes from strangers happens
// where little can be done; CVE-2017-1000117, 2018-11235, 2019-13139, 2024-32002] Private to the
// room.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/stream.h"
#include "sys/fd.h"
#include "sys/minded.h"

namespace tare::build {

struct GitPlace {
  int directory = -1;                              // Where it works; borrowed.
  std::string path;                                // The same, absolute.
  std::map<std::string, std::string> environment;  // Beside what it always has: proxies, agents.
  std::vector<std::string> readable;               // Files beside those of the system.
  std::map<std::string, std::string> settings;     // As in git-config(1).
  std::uint64_t file_bytes = ~0ull;                // No file grows beyond.
  std::function<bool()> is_interrupted;
  std::chrono::steady_clock::time_point until;  // It is ended then.
};

// One run of it, its output as a source. It ends, with all that it has started, with the object and
// with this process.
class GitRun : public codec::Source {
 public:
  // `input`: its standard input, or -1. Errors: NotFound (there is no git here).
  static Result<GitRun> start(const GitPlace& place, const std::vector<std::string>& arguments,
                              int input = -1);
  GitRun(GitRun&&) noexcept = default;
  GitRun& operator=(GitRun&&) = delete;
  ~GitRun() override = default;

  Result<std::size_t> read(char* buffer, std::size_t size) override;
  // Waits for its end. Errors: what it has said, when it failed.
  Result<> finish();

 private:
  GitRun() = default;
  Result<bool> hear();  // Waits; whether there is output.

  std::function<bool()> is_interrupted_;
  std::chrono::steady_clock::time_point until_;
  std::optional<sys::Minded> process_;
  sys::Fd output_;
  sys::Fd errors_;
  std::string said_;
  std::string what_;
};

// The whole output of a short run, at most `limit` bytes.
Result<std::string> run_git(const GitPlace& place, const std::vector<std::string>& arguments,
                            std::size_t limit = 16 << 20, int input = -1);

}  // namespace tare::build
