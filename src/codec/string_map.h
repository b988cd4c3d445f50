// SPDX-License-Identifier: Apache-2.0
// Maps of text to text, as objects of JSON.
#pragma once

#include <map>
#include <string>

#include "codec/json.h"

namespace tare::json {

inline Value print_map(const std::map<std::string, std::string>& map) {
  Value value{Object()};
  for (const auto& [key, text] : map) value.set(key, text);
  return value;
}

// What is no object has nothing in it; a value that is no text is "".
inline std::map<std::string, std::string> parse_map(const Value& value) {
  std::map<std::string, std::string> map;
  for (const auto& [key, text] : value.as_object()) map[key] = text.as_string();
  return map;
}

}  // namespace tare::json
