// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/render.h"

namespace tare::cli {
namespace {

// "2013-01-02T13:23:37Z", "2013-01-02", seconds since 1970, or "42m" before now.
Result<UnixNanos> parse_moment(std::string_view option, const std::string& text) {
  if (const auto exact = parse_rfc3339(text)) return *exact;
  for (const char* rest : {"Z", ":00Z", "T00:00:00Z"})
    if (const auto day = parse_rfc3339(text + rest)) return *day;
  if (const auto seconds = parse_double(text); seconds && *seconds >= 0 && *seconds < 9e9)
    return static_cast<UnixNanos>(*seconds * 1e9);
  if (const auto span = parse_duration(text)) return now_ns() - span->count();
  return bad_value(option, text, "a time as 2026-01-02T13:23:37Z or a span before now as 42m");
}

// Nine digits always, so that lines stay aligned.
std::string log_time(UnixNanos when) {
  std::string text = rfc3339(when / 1'000'000'000 * 1'000'000'000);
  text.pop_back();  // Z
  return text + fmt::format(".{:09}Z", when % 1'000'000'000);
}

// Collects what goes to one descriptor.
struct Stream {
  int fd;
  std::string bytes;

  Result<> flush() {
    if (bytes.empty()) return {};
    auto written = sys::write_all(fd, bytes);
    bytes.clear();
    if (!written && written.error().errnum() == EPIPE) die_of_broken_pipe();
    return written;
  }
};

}  // namespace

Result<int> cmd_logs(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  engine::LogRequest request{.follow = arguments.flag("follow")};
  if (const auto text = arguments.value("tail"); text && *text != "all") {
    const auto count = parse_i64(*text);
    if (!count) return bad_value("tail", *text, "a number of lines or all");
    if (*count >= 0) request.tail = static_cast<std::uint64_t>(*count);
  }
  if (const auto text = arguments.value("since")) request.since = TRY(parse_moment("since", *text));
  if (const auto text = arguments.value("until")) request.until = TRY(parse_moment("until", *text));
  const bool times = arguments.flag("timestamps");
  const engine::Container container = TRY(engine.find(arguments.operands[0]));

  constexpr std::size_t kEnough = 64 << 10;
  Stream out{.fd = STDOUT_FILENO, .bytes = {}};
  Stream error{.fd = STDERR_FILENO, .bytes = {}};
  Result<> failure;
  TRY(engine.logs(container.id, request, [&](const engine::LogLine& line) {
    Stream& stream = line.is_stderr ? error : out;
    Stream& other = line.is_stderr ? out : error;
    if (!other.bytes.empty()) failure = other.flush();  // The order of both stays.
    if (times) stream.bytes += log_time(line.when) + " ";
    stream.bytes += line.text;
    if (line.whole) stream.bytes += '\n';
    if (failure && (request.follow || stream.bytes.size() >= kEnough)) failure = stream.flush();
    return failure.has_value();
  }));
  TRY(std::move(failure));
  TRY(out.flush());
  TRY(error.flush());
  return 0;
}

}  // namespace tare::cli
