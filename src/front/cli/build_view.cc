// SPDX-License-Identifier: Apache-2.0
#include "front/cli/build_view.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <deque>
#include <utility>

#include "base/text.h"
#include "front/cli/program_output.h"
#include "front/cli/request.h"
#include "sys/fd.h"

namespace tare::cli {
namespace {

constexpr std::size_t kLongestLine = 16 << 10;  // Bytes; more of one is cut in two.

volatile std::sig_atomic_t g_interrupted = 0;  // NOLINT: handlers cannot be given anything.

void note_interrupt(int /*number*/) { g_interrupted = 1; }

constexpr int kInterrupts[] = {SIGINT, SIGTERM, SIGHUP};

// What it takes to end the program; twice means at once.
void handle_interrupts(bool wanted) {
  struct sigaction action{};
  action.sa_handler = wanted ? note_interrupt : SIG_DFL;
  if (wanted) action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int number : kInterrupts) {
    struct sigaction before{};
    ::sigaction(number, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(number, &action, nullptr);
  }
}

// As docker build --progress=plain.
class PlainView : public BuildView {
 public:
  explicit PlainView(Context& context) : transfer_(context, false, false, true) {}

  void begins(const build::StepInfo& step, std::string_view why) override {
    shown_[step.number].begun = now_ns();
    line(step, step.label);
    if (!why.empty()) line(step, "again, because " + escaped(why));
  }
  void says(const build::StepInfo& step, std::string_view output) override {
    Shown& shown = shown_[step.number];
    tell(step, shown.lines.add(output));
  }
  void ends(const build::StepInfo& step) override {
    Shown& shown = shown_[step.number];
    tell(step, shown.lines.rest());
    line(step, "DONE " + seconds_since(shown.begun));
  }
  void fails(const Error& /*error*/) override {
    for (auto& [number, shown] : shown_) tell({.number = number, .label = ""}, shown.lines.rest());
  }
  void stops() override { fails(Error(Kind::Invalid, "")); }
  void is_cached(const build::StepInfo& step) override {
    line(step, step.label);
    line(step, "CACHED");
  }
  image::TransferProgress transfers() override { return transfer_.callback(); }
  void results(const std::vector<std::string>& lines) override {
    for (const std::string& text : lines) (void)sys::write_all(STDERR_FILENO, text + "\n");
  }

 private:
  struct Shown {
    UnixNanos begun = 0;
    LineCutter lines;
  };
  void line(const build::StepInfo& step, const std::string& text) {
    (void)sys::write_all(STDERR_FILENO, "#" + std::to_string(step.number) + " " + text + "\n");
  }
  void tell(const build::StepInfo& step, const std::vector<std::string>& lines) {
    const std::string since = seconds_since(shown_[step.number].begun);
    for (const std::string& text : lines) line(step, since + " " + program_line(text, style_));
  }

  // [no-color.org]
  const OutputStyle style_{.colours = ::isatty(STDERR_FILENO) == 1 &&
                                      process_environment("NO_COLOR").value_or("").empty()};
  TransferView transfer_;
  std::map<std::size_t, Shown> shown_;
};

// Says nothing, unless it fails: then what the programs said last.
class QuietView : public BuildView {
 public:
  void begins(const build::StepInfo& step, std::string_view /*why*/) override {
    said_[step.number].label = step.label;
  }
  void says(const build::StepInfo& step, std::string_view output) override {
    keep(said_[step.number], said_[step.number].cutter.add(output));
  }
  void ends(const build::StepInfo& step) override { said_.erase(step.number); }
  void stops() override {
    fails(Error(Kind::Invalid, ""));
    said_.clear();
  }
  void fails(const Error& /*error*/) override {
    for (auto& [number, said] : said_) {
      keep(said, said.cutter.rest());
      if (said.lines.empty()) continue;
      std::string text = said.label + "\n";
      for (const std::string& line : said.lines) text += "  " + program_line(line, {}) + "\n";
      (void)sys::write_all(STDERR_FILENO, text);
    }
  }

 private:
  static constexpr std::size_t kMostLines = 50;
  struct Said {
    std::string label;
    std::deque<std::string> lines;
    LineCutter cutter;
  };
  static void keep(Said& said, std::vector<std::string> lines) {
    for (std::string& line : lines) said.lines.push_back(std::move(line));
    while (said.lines.size() > kMostLines) said.lines.pop_front();
  }

  std::map<std::size_t, Said> said_;
};

}  // namespace

std::string seconds_since(UnixNanos begun) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", static_cast<double>(now_ns() - begun) / 1e9);
  return text;
}

std::vector<std::string> LineCutter::add(std::string_view output) {
  std::vector<std::string> lines;
  rest_ += output;
  std::size_t at = 0;
  while (true) {
    std::size_t end = rest_.find('\n', at);
    if (end == std::string::npos && rest_.size() - at > kLongestLine) end = at + kLongestLine;
    if (end == std::string::npos) break;
    std::string text = rest_.substr(at, end - at);
    if (text.ends_with('\r')) text.pop_back();
    lines.push_back(std::move(text));
    at = end + (end < rest_.size() && rest_[end] == '\n' ? 1 : 0);
  }
  rest_.erase(0, at);
  return lines;
}

std::vector<std::string> LineCutter::rest() {
  return rest_.empty() ? std::vector<std::string>() : add("\n");
}

BuildView::BuildView() { handle_interrupts(true); }
BuildView::~BuildView() { handle_interrupts(false); }

bool BuildView::is_interrupted() const { return g_interrupted != 0; }

std::unique_ptr<BuildView> BuildView::make(Style style, Context& context) {
  switch (style) {
    case Style::Quiet:
      break;
    case Style::Plain:
      return std::make_unique<PlainView>(context);
    case Style::Terminal:
      return make_terminal_view();
    case Style::Json:
      return make_json_view();
  }
  return std::make_unique<QuietView>();
}

int report_with_line(Context& context, const Error& error) {
  std::vector<std::string> lines = split(error.message(), '\n');
  std::string text = error_text(Error(error.kind(), lines[0]), context.debug());
  for (std::size_t i = 1; i < lines.size(); ++i) text += "  " + escaped(lines[i]) + "\n";
  if (!error.hint().empty()) text += "  hint: " + escaped(error.hint()) + "\n";
  (void)context.flush();
  (void)sys::write_all(2, text);
  return 1;
}

}  // namespace tare::cli
