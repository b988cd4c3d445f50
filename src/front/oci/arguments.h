// SPDX-License-Identifier: Apache-2.0
// The command line that callers of OCI runtimes write: options of the program, a command, its
// options, its arguments. Options may be "--name value", "--name=value" and "-n value"; flags
// "--name" and "--name=false". Options end at the first argument where the rest is a program's
// (exec), else anywhere.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tare::front_oci {

struct Option {
  std::string_view name;  // Without dashes.
  char letter = 0;        // 0: none.
  enum class Kind : char { Flag, Value } kind = Kind::Flag;
  std::string_view help;
};

class Arguments {
 public:
  // Errors: Invalid, with the nearest option's name.
  static Result<Arguments> parse(std::span<const char* const> words,
                                 std::span<const Option> options, bool stop_at_first);

  bool flag(std::string_view name) const;
  // "" when it was not given; the last one when it was given more than once.
  std::string value(std::string_view name) const;
  std::vector<std::string> values(std::string_view name) const;
  bool has(std::string_view name) const { return given_.contains(name); }
  const std::vector<std::string>& rest() const { return rest_; }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> given_;
  std::vector<std::string> rest_;
};

}  // namespace tare::front_oci
