// SPDX-License-Identifier: Apache-2.0
// What every command needs: the engine, opened when first asked for, standard output, and the way
// errors are told.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "front/cli/options.h"

namespace tare::cli {

class Context {
 public:
  Context(std::string root, bool debug) : root_(std::move(root)), debug_(debug) {}

  // Opens the engine the first time. The reference lives as long as the context.
  Result<engine::Engine*> engine();
  // The whole line for standard output; collected and written at exit or by flush().
  void print(std::string_view text);
  // Writes what print() collected. When nobody reads it any more the process ends as by SIGPIPE,
  // quietly, as any filter does.
  Result<> flush();

  // "tare: SENTENCE" and "  hint: ..." on standard error, control characters escaped. Flushes
  // standard output first, so that both come in order.
  void report(const Error& error);
  // A sentence on standard error without a failure.
  void warn(std::string_view sentence);

  // What is known of the store's room, on the way to something else: sentences for people at a
  // terminal. Who reads standard error through a pipe reads a container's; monitors have df
  // --check.
  void warn_people(const std::vector<std::string>& sentences);

  // Does `work` for each operand: the operand is printed when it succeeded, else the error is
  // reported. The exit status is 1 if one failed.
  Result<int> for_each(const std::vector<std::string>& operands,
                       const std::function<Result<>(const std::string&)>& work);

  bool debug() const { return debug_; }

 private:
  std::string root_;
  bool debug_ = false;
  std::unique_ptr<engine::Engine> engine_;
  std::string output_;
};

// The two lines of an error, newline at the end.
std::string error_text(const Error& error, bool debug);

// The whole program: parses, runs, reports. Returns the exit status.
int run_program(std::span<const char* const> words);

// Ends this process as an unhandled SIGPIPE would.
[[noreturn]] void die_of_broken_pipe();

}  // namespace tare::cli
