// SPDX-License-Identifier: Apache-2.0
// PRIVATE to the codec room: HCL's values, as those of JSON, and what they can be taken for. The
// members of objects are in the order of their names. Errors have no place yet.
#pragma once

#include <string>

#include "codec/json.h"

namespace tare::hcl {

inline constexpr std::size_t kMaxText = 1 << 20;  // Bytes of one text that is made.

std::string kind_of(const json::Value& value);  // "a list", for messages.
// Numbers, booleans and texts are texts. [HCL specification, "Type Conversions"]
Result<std::string> text_of(const json::Value& value);
// A number or a text that is one: is_int() or a double.
Result<json::Value> number_of(const json::Value& value);
Result<std::int64_t> whole_of(const json::Value& value);
Result<bool> bool_of(const json::Value& value);
// Whole numbers as such. Errors: it is none, or too large.
Result<json::Value> number(double value);
// "+", "-", "*", "/", "%", of numbers.
Result<json::Value> calculate(char what, const json::Value& left, const json::Value& right);
// Less than 0, 0, or more: of numbers.
int compare(const json::Value& left, const json::Value& right);

json::Value sorted(json::Object object);
inline constexpr std::size_t kMaxValueDepth = 64;  // Lists and objects in one another.
// How much there is to copy; very much where it is nested deeper than that.
std::size_t weight(const json::Value& value, std::size_t depth = 0);
// Appends; fails where the text gets larger than kMaxText.
Result<> append(std::string& text, std::string_view more);

}  // namespace tare::hcl
