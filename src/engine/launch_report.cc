// SPDX-License-Identifier: Apache-2.0
#include "engine/launch_report.h"

#include "base/text.h"

namespace tare::engine {

std::string print_failure(const isolate::LaunchError& failure) {
  return std::to_string(static_cast<int>(failure.at)) + "\n" +
         std::to_string(static_cast<int>(failure.error.kind())) + "\n" +
         std::to_string(failure.error.errnum()) + "\n" + escaped(failure.error.hint()) + "\n" +
         failure.error.message();
}

isolate::LaunchError parse_failure(const std::string& text) {
  std::vector<std::string> lines = split(text, '\n');
  if (lines.size() < 5)
    return {.error = Error(Kind::Internal, "the launching process died without a word")
                         .hint("the container's control group may be out of memory"),
            .at = isolate::FailedAt::Setup};
  const auto number = [&](std::size_t line) {
    const auto value = parse_i64(lines[line]);
    return value ? static_cast<int>(*value) : 0;
  };
  std::string message = lines[4];
  for (std::size_t i = 5; i < lines.size(); ++i) message += "\n" + lines[i];
  Error error = Error::restore(static_cast<Kind>(number(1)), number(2), std::move(message));
  return {.error = std::move(error).hint(lines[3]),
          .at = static_cast<isolate::FailedAt>(number(0))};
}

}  // namespace tare::engine
