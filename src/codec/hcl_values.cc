// SPDX-License-Identifier: Apache-2.0
#include "codec/hcl_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace tare::hcl {

std::string kind_of(const json::Value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "a boolean";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a text";
  return value.is_array() ? "a list" : "an object";
}

Result<std::string> text_of(const json::Value& value) {
  if (value.is_string()) return value.as_string();
  if (value.is_bool()) return std::string(value.as_bool() ? "true" : "false");
  if (value.is_int()) return std::to_string(value.as_int());
  if (value.is_number()) return fmt::format("{:.15g}", value.as_double());
  return fail(Kind::Invalid, kind_of(value) + " is no text");
}

Result<json::Value> number_of(const json::Value& value) {
  if (value.is_int()) return value;
  if (value.is_number()) return number(value.as_double());
  if (!value.is_string()) return fail(Kind::Invalid, kind_of(value) + " is no number");
  if (const auto whole = parse_i64(value.as_string())) return json::Value(*whole);
  const auto parsed = parse_double(value.as_string());
  if (!parsed) return fail(Kind::Invalid, quoted(value.as_string()) + " is no number");
  return number(*parsed);
}

Result<std::int64_t> whole_of(const json::Value& value) {
  const json::Value found = TRY(number_of(value));
  if (!found.is_int()) return fail(Kind::Invalid, "a whole number is needed");
  return found.as_int();
}

Result<bool> bool_of(const json::Value& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.as_string() == "true" || value.as_string() == "1") return true;
  if (value.as_string() == "false" || value.as_string() == "0") return false;
  return fail(Kind::Invalid, (value.is_string() ? quoted(value.as_string()) : kind_of(value)) +
                                 " is neither true nor false");
}

Result<json::Value> number(double value) {
  if (!std::isfinite(value)) return fail(Kind::Invalid, "the number is too large, or none");
  if (value == std::trunc(value) && std::abs(value) < 0x1p53)
    return json::Value(static_cast<std::int64_t>(value));
  return json::Value(value);
}

namespace {

Result<json::Value> calculate_whole(char what, std::int64_t left, std::int64_t right) {
  std::int64_t made = 0;
  bool overflows = false;
  if (what == '+') {
    overflows = __builtin_add_overflow(left, right, &made);
  } else if (what == '-') {
    overflows = __builtin_sub_overflow(left, right, &made);
  } else if (what == '*') {
    overflows = __builtin_mul_overflow(left, right, &made);
  } else if (right == 0) {
    return fail(Kind::Invalid, "division by zero");
  } else if (right == -1) {
    overflows = what == '/' && __builtin_sub_overflow(std::int64_t{0}, left, &made);
  } else if (what == '%') {
    made = left % right;
  } else if (left % right == 0) {
    made = left / right;
  } else {
    return number(static_cast<double>(left) / static_cast<double>(right));
  }
  if (overflows) return fail(Kind::Invalid, "the number is too large");
  return json::Value(made);
}

}  // namespace

Result<json::Value> calculate(char what, const json::Value& left, const json::Value& right) {
  if (left.is_int() && right.is_int()) return calculate_whole(what, left.as_int(), right.as_int());
  const double a = left.as_double();
  const double b = right.as_double();
  if (what == '+') return number(a + b);
  if (what == '-') return number(a - b);
  if (what == '*') return number(a * b);
  if (b == 0) return fail(Kind::Invalid, "division by zero");
  return number(what == '/' ? a / b : std::fmod(a, b));
}

int compare(const json::Value& left, const json::Value& right) {
  if (left.is_int() && right.is_int())
    return left.as_int() < right.as_int() ? -1 : left.as_int() > right.as_int() ? 1 : 0;
  return left.as_double() < right.as_double() ? -1 : left.as_double() > right.as_double() ? 1 : 0;
}

json::Value sorted(json::Object object) {
  std::ranges::sort(object, {}, &std::pair<std::string, json::Value>::first);
  return object;
}

std::size_t weight(const json::Value& value, std::size_t depth) {
  if (depth > kMaxValueDepth) return std::numeric_limits<std::uint32_t>::max();
  std::size_t sum = 1 + value.as_string().size() / 16;
  for (const json::Value& each : value.as_array()) sum += weight(each, depth + 1);
  for (const auto& [key, each] : value.as_object())
    sum += 1 + key.size() / 16 + weight(each, depth + 1);
  return sum;
}

Result<> append(std::string& text, std::string_view more) {
  if (text.size() + more.size() > kMaxText)
    return fail(Kind::Invalid, "the text that is made is larger than 1 MiB");
  text += more;
  return {};
}

}  // namespace tare::hcl
