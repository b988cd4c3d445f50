// SPDX-License-Identifier: Apache-2.0
// How far a long operation is: a redrawn line on a terminal, JSON lines when asked for, nothing
// otherwise.
#pragma once

#include <string>
#include <string_view>

#include "engine/engine.h"
#include "front/cli/context.h"

namespace tare::cli {

class ProgressLine {
 public:
  enum class Style : std::uint8_t { Silent, Terminal, Json };

  // Terminal when standard error is one, unless `quiet`; JSON lines go to standard output.
  ProgressLine(Context& context, bool quiet, bool json);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { clear(); }

  // For the engine; valid as long as this object.
  engine::Progress callback();
  // Takes the line off the terminal, before anything else is printed.
  void clear();

 private:
  void show(std::string_view step, std::uint64_t done, std::uint64_t total);

  Context& context_;
  Style style_;
  std::string step_;
  UnixNanos last_ = 0;
  bool drawn_ = false;
};

}  // namespace tare::cli
