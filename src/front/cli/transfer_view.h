// SPDX-License-Identifier: Apache-2.0
// How pull and push show what happens to each layer: bars on a terminal, redrawn in place; Docker's
// lines in a pipe; lines of JSON.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "front/cli/context.h"

namespace tare::cli {

class TransferView {
 public:
  // Everything goes to standard output, as Docker's does; `to_stderr`: for run and create, whose
  // standard output is the container's.
  enum class Style : std::uint8_t { Quiet, Lines, Bars, Json };
  TransferView(Context& context, bool quiet, bool json, bool to_stderr = false);

  image::TransferProgress callback();

 private:
  void show(const image::TransferState& state);
  void show_line(const image::TransferState& state);
  void show_bar(const image::TransferState& state);
  void show_json(const image::TransferState& state);
  void print(const std::string& text);

  Context& context_;
  Style style_;
  bool to_stderr_;
  std::vector<std::string> order_;           // Layers that have a line, from the top.
  std::map<std::string, std::string> last_;  // What was said of each.
  std::map<std::string, UnixNanos> drawn_at_;
};

}  // namespace tare::cli
