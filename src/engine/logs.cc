// SPDX-License-Identifier: Apache-2.0
// Reading the keeper's log: CRI's text format, "TIME STREAM TAG TEXT\n", in log/0.log (newest),
// log/1.log and so on. [Kubernetes CRI, "Container Logs"]
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

#include "engine/attachment.h"
#include "engine/record.h"
#include "engine/state.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

// One line of the file without its newline; nullopt for a line that the format does not explain.
std::optional<LogLine> parse_line(std::string_view line) {
  const auto time = split_once(line, ' ');
  if (!time) return std::nullopt;
  const auto stream = split_once(time->second, ' ');
  if (!stream) return std::nullopt;
  const auto tag = split_once(stream->second, ' ');
  const auto when = parse_rfc3339(time->first);
  if (!tag || !when) return std::nullopt;
  return LogLine{.when = *when,
                 .is_stderr = stream->first == "stderr",
                 .whole = tag->first == "F",
                 .text = std::string(tag->second)};
}

// Reads a log file piece by piece; remembers where it is for following.
class LogFile {
 public:
  explicit LogFile(sys::Fd fd) : fd_(std::move(fd)) {}

  ino_t inode() const {
    struct stat info{};
    return ::fstat(fd_.get(), &info) == 0 ? info.st_ino : 0;
  }

  // Gives every complete line from here on. False: the sink wants no more.
  Result<bool> read(const std::function<bool(const LogLine&)>& sink) {
    std::string chunk(64 << 10, '\0');
    for (;;) {
      const std::size_t count = TRY(sys::read_full(fd_.get(), chunk.data(), chunk.size()));
      pending_.append(chunk, 0, count);
      std::size_t start = 0;
      for (std::size_t end; (end = pending_.find('\n', start)) != std::string::npos;
           start = end + 1)
        if (const auto line = parse_line(std::string_view(pending_).substr(start, end - start)))
          if (!sink(*line)) return false;
      pending_.erase(0, start);
      if (count < chunk.size()) return true;
    }
  }

 private:
  sys::Fd fd_;
  std::string pending_;
};

// The files there are, oldest first.
Result<std::vector<LogFile>> open_logs(int dir) {
  std::vector<LogFile> files;
  for (int number = 0; number < 1000; ++number) {
    auto file = sys::open_at(dir, "log/" + std::to_string(number) + ".log", O_RDONLY | O_NOFOLLOW);
    if (!file) break;
    files.emplace_back(std::move(*file));
  }
  std::reverse(files.begin(), files.end());
  return files;
}

// Follows the newest file through rotations until the container has ended.
Result<> follow(int dir, LogFile current, const std::function<bool(const LogLine&)>& sink) {
  sys::Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch) return fail_errno("watch the log");
  const std::string path = "/proc/self/fd/" + std::to_string(dir) + "/log";
  if (::inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
    return fail_errno("watch the log");
  for (;;) {
    // Asked before reading, so that nothing written before the exit is missed.
    const bool ended = TRY(load_container(dir)).status != Status::Running;
    if (!TRY(current.read(sink))) return {};
    auto newest = sys::open_at(dir, "log/0.log", O_RDONLY | O_NOFOLLOW);
    if (newest) {
      LogFile file(std::move(*newest));
      if (file.inode() != current.inode()) {
        if (!TRY(current.read(sink))) return {};
        current = std::move(file);
        continue;
      }
    }
    if (ended) return {};
    constexpr int kLookAgainMs = 250;  // The end of the container is not an event of the log.
    pollfd poll{.fd = watch.get(), .events = POLLIN, .revents = 0};
    if (::poll(&poll, 1, kLookAgainMs) > 0) {
      char events[4096];
      while (::read(watch.get(), events, sizeof events) > 0) {
      }
    }
  }
}

}  // namespace

Result<> Engine::logs(const std::string& id, const LogRequest& request,
                      const std::function<bool(const LogLine&)>& sink) {
  const Container container = TRY(find(id));
  sys::Fd dir = TRY(state_->open_container(container.id));
  const auto wanted = [&](const LogLine& line) {
    return line.when >= request.since && (request.until == 0 || line.when <= request.until);
  };
  std::deque<LogLine> tail;
  bool goes_on = true;
  const auto old_lines = [&](const LogLine& line) {
    if (!wanted(line)) return true;
    if (!request.tail) return goes_on = sink(line);
    tail.push_back(line);
    if (tail.size() > *request.tail) tail.pop_front();
    return true;
  };
  std::vector<LogFile> files = TRY(open_logs(dir.get()));
  for (LogFile& file : files)
    if (!TRY(file.read(old_lines))) return {};
  for (const LogLine& line : tail)
    if (!sink(line)) return {};
  if (!request.follow || files.empty()) return {};
  return follow(dir.get(), std::move(files.back()),
                [&](const LogLine& line) { return !wanted(line) || sink(line); });
}

}  // namespace tare::engine
