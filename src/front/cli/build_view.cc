// SPDX-License-Identifier: Apache-2.0
#include "front/cli/build_view.h"

#include <csignal>
#include <cstdio>

#include "base/text.h"
#include "codec/json.h"
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

std::string seconds_since(UnixNanos begun) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", static_cast<double>(now_ns() - begun) / 1e9);
  return text;
}

}  // namespace

BuildView::BuildView(Style style) : style_(style) { handle_interrupts(true); }
BuildView::~BuildView() { handle_interrupts(false); }

bool BuildView::is_interrupted() const { return g_interrupted != 0; }

void BuildView::line(const build::StepInfo& step, const std::string& text) {
  const std::string whole = "#" + std::to_string(step.number) + " " + text + "\n";
  (void)sys::write_all(2, whole);
}

void BuildView::event(const build::StepInfo& step, const char* what, const std::string& text) {
  json::Value value;
  value.set("step", static_cast<std::uint64_t>(step.number));
  value.set("event", what);
  value.set("text", text);
  (void)sys::write_all(2, json::print(value) + "\n");
}

void BuildView::begins(const build::StepInfo& step, std::string_view why) {
  shown_[step.number].begun = now_ns();
  if (style_ == Style::Json) event(step, "begins", step.label);
  if (style_ == Style::Json && !why.empty()) event(step, "because", std::string(why));
  if (style_ != Style::Plain) return;
  line(step, step.label);
  if (!why.empty()) line(step, "again, because " + escaped(why));
}

// Whole lines, so that steps that run at the same time do not mix.
void BuildView::says(const build::StepInfo& step, std::string_view output) {
  if (style_ == Style::Quiet) return;
  Shown& shown = shown_[step.number];
  shown.rest += output;
  std::size_t at = 0;
  while (true) {
    std::size_t end = shown.rest.find('\n', at);
    if (end == std::string::npos && shown.rest.size() - at > kLongestLine) end = at + kLongestLine;
    if (end == std::string::npos) break;
    std::string text = shown.rest.substr(at, end - at);
    if (text.ends_with('\r')) text.pop_back();
    if (style_ == Style::Json)
      event(step, "says", text);
    else
      line(step, seconds_since(shown.begun) + " " + escaped(text));
    at = end + (end < shown.rest.size() && shown.rest[end] == '\n' ? 1 : 0);
  }
  shown.rest.erase(0, at);
}

void BuildView::ends(const build::StepInfo& step) {
  if (!shown_[step.number].rest.empty()) says(step, "\n");
  const std::string took = seconds_since(shown_[step.number].begun);
  if (style_ == Style::Json) event(step, "ends", took);
  if (style_ == Style::Plain) line(step, "DONE " + took);
}

void BuildView::is_cached(const build::StepInfo& step) {
  if (style_ == Style::Json) event(step, "cached", step.label);
  if (style_ != Style::Plain) return;
  line(step, step.label);
  line(step, "CACHED");
}

}  // namespace tare::cli
