// SPDX-License-Identifier: Apache-2.0
#include "build/flags.h"

#include <algorithm>

#include "base/text.h"

namespace tare::build {
namespace {

using Takes = FlagRule::Takes;

class Reader {
 public:
  Reader(const LogicalLine& line, const LineParts& parts, std::span<const FlagRule> rules)
      : line_(line), keyword_(parts.keyword.text), rules_(rules) {}

  Result<Flag> read(const Piece& piece) {
    where_ = line_.range(piece.begin, piece.end);
    const std::size_t equals = piece.text.find('=');
    name_ = piece.text.substr(0, equals);
    const auto rule = std::ranges::find_if(
        rules_, [&](const FlagRule& known) { return "--" + std::string(known.name) == name_; });
    if (rule == rules_.end()) return unknown();
    const bool has_value = equals != std::string::npos;
    std::string value = has_value ? piece.text.substr(equals + 1) : "";
    if (rule->takes == Takes::Bool) {
      if (has_value && value.empty()) return wrong("has no value behind '='");
      value = has_value ? lower(value) : "true";
      if (value != "true" && value != "false")
        return wrong("is either true or false, not " + quoted(value));
    } else if (!has_value) {
      return wrong("wants a value", "write " + name_ + "=VALUE");
    }
    return Flag{rule->name, {std::move(value), where_}};
  }

  std::unexpected<Error> wrong(const std::string& why, std::string hint = "") const {
    Error error = line_.source->error(where_, quoted(name_) + " " + why);
    return std::unexpected(hint.empty() ? std::move(error)
                                        : std::move(error).hint(std::move(hint)));
  }

 private:
  std::unexpected<Error> unknown() const {
    std::vector<std::string> names;
    for (const FlagRule& rule : rules_) names.push_back("--" + std::string(rule.name));
    std::string hint;
    if (const auto near = nearest(name_, names))
      hint = "is " + *near + " meant?";
    else if (names.empty())
      hint = "write " + keyword_ + " -- " + name_ + " if it is an argument";
    else
      hint = keyword_ + " has " + join(names, " ");
    return wrong("is no flag of " + keyword_, std::move(hint));
  }

  const LogicalLine& line_;
  const std::string& keyword_;
  std::span<const FlagRule> rules_;
  Range where_;
  std::string name_;
};

}  // namespace

Result<Flags> Flags::parse(const LogicalLine& line, const LineParts& parts,
                           std::span<const FlagRule> rules) {
  Flags flags;
  Reader reader(line, parts, rules);
  for (const Piece& piece : parts.flags) {
    Flag flag = TRY(reader.read(piece));
    const auto rule = std::ranges::find(rules, flag.name, &FlagRule::name);
    if (rule->takes != Takes::Values && flags.get(flag.name)) return reader.wrong("is given twice");
    flags.flags_.push_back(std::move(flag));
  }
  return flags;
}

std::optional<Text> Flags::get(std::string_view name) const {
  const auto flag = std::ranges::find(flags_, name, &Flag::name);
  return flag == flags_.end() ? std::nullopt : std::optional(flag->value);
}

std::optional<bool> Flags::get_bool(std::string_view name) const {
  const std::optional<Text> value = get(name);
  return value ? std::optional(value->text == "true") : std::nullopt;
}

std::vector<Text> Flags::all(std::string_view name) const {
  std::vector<Text> values;
  for (const Flag& flag : flags_)
    if (flag.name == name) values.push_back(flag.value);
  return values;
}

}  // namespace tare::build
