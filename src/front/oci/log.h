// SPDX-License-Identifier: Apache-2.0
// Where messages go: standard error, and the file of --log, from which engines read the reason of a
// failure. [runc's and crun's --log, --log-format]
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::front_oci {

class Log {
 public:
  enum class Format : char { Text, Json };

  // `path` may be "", a file to be appended to, or "/dev/..." as engines give it.
  Result<> open(const std::string& path, Format format);
  void warn(const std::string& message) const { write("warning", message); }
  // The reason why the command fails, with its hint.
  void error(const Error& error) const;

 private:
  void write(std::string_view level, const std::string& message) const;

  int fd_ = -1;  // Open as long as the program runs.
  Format format_ = Format::Text;
};

// The program's one log.
Log& log();

}  // namespace tare::front_oci
