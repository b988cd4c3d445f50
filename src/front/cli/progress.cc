// SPDX-License-Identifier: Apache-2.0
#include "front/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/text.h"
#include "front/cli/render.h"
#include "front/cli/session.h"

namespace tare::cli {
namespace {

constexpr UnixNanos kPause = 100'000'000;  // Between two drawings of one step.

}  // namespace

ProgressLine::ProgressLine(Context& context, bool quiet, bool json)
    : context_(context),
      style_(json                                     ? Style::Json
             : !quiet && ::isatty(STDERR_FILENO) == 1 ? Style::Terminal
                                                      : Style::Silent) {}

engine::Progress ProgressLine::callback() {
  if (style_ == Style::Silent) return {};
  return [this](std::string_view step, std::uint64_t done, std::uint64_t total) {
    show(step, done, total);
  };
}

void ProgressLine::show(std::string_view step, std::uint64_t done, std::uint64_t total) {
  const UnixNanos now = now_ns();
  const bool finished = total != 0 && done >= total;
  if (step == step_ && !finished && now - last_ < kPause) return;
  step_ = step;
  last_ = now;
  if (style_ == Style::Json) {
    json::Value line;
    line.set("step", step);
    line.set("done", done);
    line.set("total", total);
    context_.print(json::print(line) + "\n");
    (void)context_.flush();
    return;
  }
  std::string text = escaped(step);
  if (total != 0)
    text += fmt::format(
        "  {} of {} ({}%)", human_size(done), human_size(total),
        static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total)));
  else if (done != 0)
    text += "  " + human_size(done);
  const std::size_t columns = window_size().columns;
  if (columns > 1) text = ellipsis(text, columns - 1);
  (void)sys::write_all(STDERR_FILENO, "\r\x1b[K" + text);
  drawn_ = true;
}

void ProgressLine::clear() {
  if (drawn_) (void)sys::write_all(STDERR_FILENO, "\r\x1b[K");
  drawn_ = false;
}

}  // namespace tare::cli
