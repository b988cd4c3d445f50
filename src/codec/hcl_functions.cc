// SPDX-License-Identifier: Apache-2.0
#include "codec/hcl_functions.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "codec/hcl_values.h"

namespace tare::hcl {
namespace {

std::array<std::span<const Builtin>, 4> tables() {
  return {text_functions(), list_functions(), number_functions(), time_functions()};
}

constexpr std::string_view kMissing[] = {"bcrypt",
                                         "byteslen",
                                         "bytesslice",
                                         "cidrhost",
                                         "cidrnetmask",
                                         "cidrsubnet",
                                         "cidrsubnets",
                                         "csvdecode",
                                         "regex",
                                         "regex_replace",
                                         "regexall",
                                         "rsadecrypt",
                                         "semvercmp",
                                         "setproduct",
                                         "uuidv4",
                                         "uuidv5",
                                         "setsymmetricdifference"};

// As `letter` says.
Result<json::Value> taken(char letter, json::Value value) {
  if (letter == 'a') return value;
  if (value.is_null()) return fail(Kind::Invalid, "must not be null");
  if (letter == 'v') return value;
  if (letter == 's') {
    std::string text = TRY(text_of(value));
    return json::Value(std::move(text));
  }
  if (letter == 'n') return number_of(value);
  if (letter == 'i') {
    const std::int64_t number = TRY(whole_of(value));
    return json::Value(number);
  }
  if (letter == 'b') {
    const bool is_true = TRY(bool_of(value));
    return json::Value(is_true);
  }
  if (letter == 'l' && !value.is_array())
    return fail(Kind::Invalid, kind_of(value) + " is no list");
  if (letter == 'm' && !value.is_object())
    return fail(Kind::Invalid, kind_of(value) + " is no object");
  return value;
}

}  // namespace

const Builtin* find_builtin(std::string_view name) {
  for (const auto table : tables()) {
    const auto found = std::ranges::find(table, name, &Builtin::name);
    if (found != table.end()) return &*found;
  }
  return nullptr;
}

std::vector<std::string> builtin_names() {
  std::vector<std::string> names{"can", "convert", "try"};
  for (const auto table : tables())
    for (const Builtin& each : table) names.emplace_back(each.name);
  return names;
}

bool is_missing_builtin(std::string_view name) {
  return std::ranges::find(kMissing, name) != std::end(kMissing);
}

Result<json::Value> call_builtin(const Builtin& builtin, Values arguments, Computing& computing) {
  const bool is_open = builtin.parameters.ends_with('*');
  const std::string_view letters =
      builtin.parameters.substr(0, builtin.parameters.size() - (is_open ? 2 : 0));
  if (arguments.size() < letters.size() || (arguments.size() > letters.size() && !is_open))
    return fail(Kind::Invalid, "it takes " + std::to_string(letters.size()) +
                                   (is_open ? " or more" : "") +
                                   (letters.size() == 1 && !is_open ? " argument" : " arguments") +
                                   ", not " + std::to_string(arguments.size()));
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const char letter =
        i < letters.size() ? letters[i] : builtin.parameters[builtin.parameters.size() - 2];
    auto value = taken(letter, std::move(arguments[i]));
    arguments[i] = TRY(std::move(value), "argument " + std::to_string(i + 1));
  }
  return builtin.call(arguments, computing);
}

}  // namespace tare::hcl
