// SPDX-License-Identifier: Apache-2.0
// The "--x=y" words between an instruction and its arguments.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "build/line_words.h"
#include "build/source.h"

namespace tare::build {

struct FlagRule {
  enum class Takes : std::uint8_t { Bool, Value, Values } takes = Takes::Value;
  std::string_view name;  // Without "--".
};

struct Flag {
  std::string_view name;  // Of its rule.
  Text value;             // "true" for a Bool without value. The range is that of the whole flag.
};

class Flags {
 public:
  // Errors: Invalid, with the place and the nearest flag there is: one that no rule has, a value
  // too many or too few, a flag twice.
  static Result<Flags> parse(const LogicalLine& line, const LineParts& parts,
                             std::span<const FlagRule> rules);

  std::optional<Text> get(std::string_view name) const;  // The only one of this name.
  Text text(std::string_view name) const { return get(name).value_or(Text()); }
  std::optional<bool> get_bool(std::string_view name) const;
  std::vector<Text> all(std::string_view name) const;

 private:
  std::vector<Flag> flags_;
};

}  // namespace tare::build
