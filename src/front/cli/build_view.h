// SPDX-License-Identifier: Apache-2.0
// How a build is shown: lines on standard error, as docker build --progress=plain has them, or
// JSON.
#pragma once

#include <map>
#include <string>

#include "build/builder.h"
#include "front/cli/context.h"

namespace tare::cli {

class BuildView : public build::Reporter {
 public:
  enum class Style : std::uint8_t { Quiet, Plain, Json };
  explicit BuildView(Style style);
  BuildView(const BuildView&) = delete;
  BuildView& operator=(const BuildView&) = delete;
  ~BuildView() override;  // Interrupts end the program again.

  void begins(const build::StepInfo& step, std::string_view why) override;
  void says(const build::StepInfo& step, std::string_view output) override;
  void ends(const build::StepInfo& step) override;
  void is_cached(const build::StepInfo& step) override;
  bool is_interrupted() const override;

 private:
  struct Shown {
    UnixNanos begun = 0;
    std::string rest;  // Of a line that has not ended.
  };
  void line(const build::StepInfo& step, const std::string& text);
  void event(const build::StepInfo& step, const char* what, const std::string& text);

  Style style_;
  std::map<std::size_t, Shown> shown_;
};

}  // namespace tare::cli
