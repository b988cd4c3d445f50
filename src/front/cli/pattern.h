// SPDX-License-Identifier: Apache-2.0
// Names by a regular expression, as Docker's filters match them.
#pragma once

#include <regex.h>

#include <memory>
#include <string>

#include "front/cli/options.h"

namespace tare::cli {

// A search for an extended regular expression. [regex(7)]
class Pattern {
 public:
  // `key` is the filter's, for messages. Errors: Invalid.
  static Result<std::unique_ptr<Pattern>> compile(const std::string& key, const std::string& text) {
    auto pattern = std::unique_ptr<Pattern>(new Pattern);
    if (::regcomp(&pattern->regex_, text.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
      return bad_value("filter", key + "=" + text, "not a regular expression");
    pattern->compiled_ = true;
    return pattern;
  }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  ~Pattern() {
    if (compiled_) ::regfree(&regex_);
  }
  bool matches(const std::string& text) const {
    return ::regexec(&regex_, text.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  Pattern() = default;
  regex_t regex_{};
  bool compiled_ = false;
};

}  // namespace tare::cli
