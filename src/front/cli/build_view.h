// SPDX-License-Identifier: Apache-2.0
// How a build is shown, on standard error: as docker build's --progress has it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "build/builder.h"
#include "front/cli/context.h"
#include "front/cli/transfer_view.h"

namespace tare::cli {

// Says nothing; what others have in common.
class BuildView : public build::Reporter {
 public:
  enum class Style : std::uint8_t { Quiet, Plain, Terminal, Json };
  static std::unique_ptr<BuildView> make(Style style, Context& context);

  BuildView();
  BuildView(const BuildView&) = delete;
  BuildView& operator=(const BuildView&) = delete;
  ~BuildView() override;  // Interrupts end the program again.

  void begins(const build::StepInfo& /*step*/, std::string_view /*why*/) override {}
  void says(const build::StepInfo& /*step*/, std::string_view /*output*/) override {}
  void ends(const build::StepInfo& /*step*/) override {}
  void is_cached(const build::StepInfo& /*step*/) override {}
  bool is_interrupted() const override;

  // For images that are pulled; valid as long as this.
  virtual image::TransferProgress transfers() { return {}; }
  // Steps that are under way have failed; the error itself is somebody else's to tell.
  virtual void fails(const Error& /*error*/) {}
  // Whatever is to be seen is seen now; from now on the terminal is somebody else's.
  virtual void stops() {}
  // What came out, in lines that programs look for.
  virtual void results(const std::vector<std::string>& /*lines*/) {}
};

// Cuts what a program says into lines, so that those of programs that run at once do not mix.
class LineCutter {
 public:
  std::vector<std::string> add(std::string_view output);
  // What has no end yet, if there is any.
  std::vector<std::string> rest();

 private:
  std::string rest_;
};

// "12.3s".
std::string seconds_since(UnixNanos begun);

// What is wrong with a Dockerfile is told with its line, which is a line of its own here, too.
// Returns the exit status.
int report_with_line(Context& context, const Error& error);

std::unique_ptr<BuildView> make_terminal_view();
std::unique_ptr<BuildView> make_json_view();

}  // namespace tare::cli
