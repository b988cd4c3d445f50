// SPDX-License-Identifier: Apache-2.0
#include "front/cli/transfer_view.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "front/cli/render.h"
#include "front/cli/session.h"

namespace tare::cli {
namespace {

constexpr UnixNanos kPause = 100'000'000;  // Between two drawings of one bar.
constexpr std::size_t kBar = 50;           // Docker's width.

std::string bar_of(std::uint64_t done, std::uint64_t total) {
  const std::size_t filled = total == 0 ? 0 : std::min<std::uint64_t>(kBar, done * kBar / total);
  std::string bar(filled, '=');
  bar += filled < kBar ? ">" : "";
  bar.resize(kBar, ' ');
  return fmt::format("[{}] {:>8}/{}", bar, human_size(done), human_size(total));
}

}  // namespace

TransferView::TransferView(Context& context, bool quiet, bool json, bool to_stderr)
    : context_(context),
      style_(json                                                       ? Style::Json
             : quiet                                                    ? Style::Quiet
             : ::isatty(to_stderr ? STDERR_FILENO : STDOUT_FILENO) == 1 ? Style::Bars
                                                                        : Style::Lines),
      to_stderr_(to_stderr) {}

image::TransferProgress TransferView::callback() {
  if (style_ == Style::Quiet) return {};
  return [this](const image::TransferState& state) { show(state); };
}

void TransferView::print(const std::string& text) {
  if (to_stderr_) {
    (void)sys::write_all(STDERR_FILENO, text);  // Nobody listens: the pull is not about that.
    return;
  }
  context_.print(text);
  (void)context_.flush();
}

void TransferView::show(const image::TransferState& state) {
  if (style_ == Style::Json) return show_json(state);
  if (state.layer.empty()) {
    order_.clear();  // The next layers are drawn below it.
    last_.clear();
    return print(escaped(state.text) + "\n");
  }
  if (style_ == Style::Bars) return show_bar(state);
  show_line(state);
}

void TransferView::show_line(const image::TransferState& state) {
  if (state.total != 0) return;  // Numbers move; lines do not.
  std::string& last = last_[state.layer];
  if (last == state.text) return;
  last = state.text;
  print(state.layer + ": " + escaped(state.text) + "\n");
}

void TransferView::show_bar(const image::TransferState& state) {
  const UnixNanos now = now_ns();
  if (state.total != 0 && now - drawn_at_[state.layer] < kPause) return;
  drawn_at_[state.layer] = now;
  std::string text = state.layer + ": " + escaped(state.text);
  if (state.total != 0) text += " " + bar_of(state.done, state.total);
  const std::size_t columns = window_size().columns;
  if (columns > 1) text = ellipsis(text, columns - 1);
  const auto at = std::find(order_.begin(), order_.end(), state.layer);
  if (at == order_.end()) {
    order_.push_back(state.layer);
    return print(text + "\n");
  }
  const auto up = order_.end() - at;
  print(fmt::format("\x1b[{}A\r\x1b[K{}\x1b[{}B\r", up, text, up));
}

void TransferView::show_json(const image::TransferState& state) {
  const UnixNanos now = now_ns();
  if (state.total != 0 && now - drawn_at_[state.layer] < kPause) return;
  if (state.total != 0) drawn_at_[state.layer] = now;
  json::Value line;
  line.set("status", state.text);
  if (!state.layer.empty()) line.set("id", state.layer);
  if (state.total != 0) {
    json::Value& detail = line.set("progressDetail", json::Object());
    detail.set("current", state.done);
    detail.set("total", state.total);
  }
  print(json::print(line) + "\n");
}

}  // namespace tare::cli
