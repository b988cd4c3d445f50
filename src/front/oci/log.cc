// SPDX-License-Identifier: Apache-2.0
#include "front/oci/log.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "codec/json.h"
#include "sys/fd.h"

namespace tare::front_oci {

Log& log() {
  static Log one;
  return one;
}

Result<> Log::open(const std::string& path, Format format) {
  format_ = format;
  if (path.empty()) return {};
  sys::Fd file =
      TRY(sys::open_path(path, O_WRONLY | O_CREAT | O_APPEND, 0644), "open the log file");
  fd_ = file.release();
  return {};
}

void Log::error(const Error& error) const {
  write("error",
        error.hint().empty() ? error.message() : error.message() + " (" + error.hint() + ")");
}

void Log::write(std::string_view level, const std::string& message) const {
  const std::string plain =
      "tare-oci: " + std::string(level == "error" ? "" : "warning: ") + message + "\n";
  (void)sys::write_all(STDERR_FILENO, plain);
  if (fd_ < 0) return;
  const std::string time = rfc3339(now_ns());
  std::string line =
      "time=\"" + time + "\" level=" + std::string(level) + " msg=" + quoted(message);
  if (format_ == Format::Json) {
    json::Value entry;
    entry.set("level", level);
    entry.set("msg", message);
    entry.set("time", time);
    line = json::print(entry);
  }
  (void)sys::write_all(fd_, line + "\n");
}

}  // namespace tare::front_oci
