// SPDX-License-Identifier: Apache-2.0
// --progress=tty: what has ended scrolls away; what runs is drawn in place below it, with what its
// programs said last.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

#include "base/text.h"
#include "front/cli/build_view.h"
#include "front/cli/program_output.h"
#include "front/cli/render.h"
#include "front/cli/session.h"
#include "sys/fd.h"

namespace tare::cli {
namespace {

constexpr UnixNanos kPause = 100'000'000;    // Between two drawings because of output.
constexpr std::size_t kMostOutput = 6;       // Lines of one step that runs.
constexpr std::size_t kKept = 20;            // Lines that are shown when it fails.
constexpr std::size_t kDefaultColumns = 80;  // Of a terminal that does not tell.
constexpr std::size_t kDefaultRows = 24;

class TerminalView : public BuildView {
 public:
  TerminalView() : begun_(now_ns()) {}
  ~TerminalView() override { draw_nothing(); }

  void begins(const build::StepInfo& step, std::string_view why) override {
    running_[step.number] = {.label = escaped(step.label),
                             .why = escaped(why),
                             .begun = now_ns(),
                             .lines = {},
                             .last = {}};
    draw();
  }
  void says(const build::StepInfo& step, std::string_view output) override {
    Step& shown = running_[step.number];
    keep(shown, shown.lines.add(output));
    if (now_ns() - drawn_at_ >= kPause) draw();
  }
  void ends(const build::StepInfo& step) override {
    const auto found = running_.find(step.number);
    if (found == running_.end()) return;
    ++ended_;
    leave(timed(" => " + found->second.label, seconds_since(found->second.begun)));
    if (!found->second.why.empty()) leave(" => => again, because " + found->second.why);
    running_.erase(found);
    draw();
  }
  void is_cached(const build::StepInfo& step) override {
    ++ended_;
    leave(timed(" => CACHED " + escaped(step.label), "0.0s"));
    draw();
  }
  void waits() override {
    if (now_ns() - drawn_at_ >= kPause) draw();
  }
  image::TransferProgress transfers() override {
    return [this](const image::TransferState& state) { show(state); };
  }
  void fails(const Error& /*error*/) override {
    for (auto& [number, step] : running_) {
      leave(timed(" => ERROR " + step.label, seconds_since(step.begun)));
      keep(step, step.lines.rest());
      for (const std::string& text : step.last) leave(" => => # " + text);
    }
    running_.clear();
    pulls_.clear();
    draw_nothing();
  }
  void stops() override {
    fails(Error(Kind::Invalid, ""));
    has_stopped_ = true;
  }
  void results(const std::vector<std::string>& lines) override {
    running_.clear();
    pulls_.clear();
    // Whole, to be copied.
    for (const std::string& text : lines) left_ += " => " + escaped(text) + "\x1b[K\r\n";
    leave(fmt::format("[+] Building {} ({} steps) FINISHED", seconds_since(begun_), ended_));
    draw_nothing();
  }

 private:
  struct Step {
    std::string label;
    std::string why;
    UnixNanos begun = 0;
    LineCutter lines;
    std::deque<std::string> last;
  };

  static std::size_t columns() {
    const std::size_t columns = window_size().columns;
    return columns == 0 ? kDefaultColumns : columns;
  }
  // One less than there are: the last one would begin another line.
  static std::string cut(const std::string& text, std::size_t width) {
    return width < 2 ? std::string() : ellipsis(text, width - 1);
  }
  // The time at the right edge, where there is room.
  static std::string timed(const std::string& text, const std::string& time) {
    constexpr std::size_t kLeast = 20;
    const std::size_t width = columns();
    if (width < kLeast + time.size()) return cut(text, width);
    const std::size_t room = width - 1 - time.size() - 1;
    std::string line = ellipsis(text, room);
    line.append(room - std::min(room, display_width(line)) + 1, ' ');
    return line + time;
  }
  static void keep(Step& step, const std::vector<std::string>& lines) {
    for (const std::string& text : lines) {
      step.last.push_back(program_line(text, {.tabs = false}));
      if (step.last.size() > kKept) step.last.pop_front();
    }
  }

  void show(const image::TransferState& state) {
    if (state.layer.empty()) {
      leave(" => " + escaped(state.text));
    } else if (state.text == "Pull complete" || state.text == "Already exists") {
      pulls_.erase(state.layer);
    } else {
      pulls_[state.layer] = state.layer + ": " + escaped(state.text);
      if (state.total != 0)
        pulls_[state.layer] += " " + human_size(state.done) + " / " + human_size(state.total);
      if (now_ns() - drawn_at_ < kPause) return;
    }
    draw();
  }

  // A line that stays, above what is drawn in place.
  void leave(const std::string& text) { left_ += cut(text, columns()) + "\x1b[K\r\n"; }

  std::vector<std::string> lines(std::size_t rows) const {
    std::vector<std::string> out;
    if (running_.empty() && pulls_.empty()) return out;
    out.push_back(fmt::format("[+] Building {} ({}/{})", seconds_since(begun_), ended_,
                              ended_ + running_.size()));
    const std::size_t things = running_.size() + pulls_.size();
    const std::size_t room = rows > things + 2 ? rows - things - 2 : 0;
    const std::size_t each = running_.empty() ? 0 : std::min(kMostOutput, room / running_.size());
    for (const auto& [layer, text] : pulls_) out.push_back(" => => " + text);
    for (const auto& [number, step] : running_) {
      out.push_back(timed(" => " + step.label, seconds_since(step.begun)));
      const std::size_t count = std::min(each, step.last.size());
      for (std::size_t i = step.last.size() - count; i < step.last.size(); ++i)
        out.push_back(" => => # " + step.last[i]);
    }
    if (out.size() + 1 > rows) out.resize(rows > 1 ? rows - 1 : 0);
    return out;
  }

  // To the first line of what was drawn. A terminal that has become narrower shows some in two.
  std::string back() const {
    std::size_t up = 0;
    for (const std::size_t width : drawn_)
      up += width == 0 ? 1 : (width + columns() - 1) / columns();
    return up == 0 ? "\r" : fmt::format("\r\x1b[{}A", up);
  }

  // In one piece, each line over what was there: nothing flickers.
  void draw() {
    if (has_stopped_) return;
    drawn_at_ = now_ns();
    const std::size_t rows = window_size().rows;
    std::string text = back() + std::exchange(left_, "");
    drawn_.clear();
    for (const std::string& each : lines(rows == 0 ? kDefaultRows : rows)) {
      const std::string line = cut(each, columns());
      drawn_.push_back(display_width(line));
      text += line + "\x1b[K\r\n";
    }
    (void)sys::write_all(STDERR_FILENO, text + "\x1b[J");
  }
  void draw_nothing() {
    running_.clear();
    pulls_.clear();
    if (!left_.empty() || !drawn_.empty()) draw();
  }

  bool has_stopped_ = false;
  UnixNanos begun_;
  UnixNanos drawn_at_ = 0;
  std::size_t ended_ = 0;
  std::map<std::size_t, Step> running_;
  std::map<std::string, std::string> pulls_;  // By layer.
  std::string left_;                          // Lines that stay and are not written yet.
  std::vector<std::size_t> drawn_;            // Widths of the lines that are drawn in place.
};

}  // namespace

std::unique_ptr<BuildView> make_terminal_view() { return std::make_unique<TerminalView>(); }

}  // namespace tare::cli
