// SPDX-License-Identifier: Apache-2.0
// Functions of numbers and booleans, and comparisons.
#include <cmath>

#include "base/text.h"
#include "codec/hcl_functions.h"
#include "codec/hcl_values.h"

namespace tare::hcl {
namespace {

using Made = Result<json::Value>;

template <char kWhat>
Made calculated(Values& values, Computing&) {
  return calculate(kWhat, values[0], values[1]);
}

template <double (*kWhat)(double)>
Made rounded(Values& values, Computing&) {
  if (values[0].is_int()) return values[0];
  return number(kWhat(values[0].as_double()));
}

Made absolute(Values& values, Computing&) {
  return compare(values[0], 0) < 0 ? calculate('-', 0, values[0]) : Made(values[0]);
}

template <bool kLargest>
Made extreme(Values& values, Computing&) {
  json::Value found = values[0];
  for (const json::Value& each : values)
    if ((compare(each, found) > 0) == kLargest && compare(each, found) != 0) found = each;
  return found;
}

Made power(Values& values, Computing&) {
  return number(std::pow(values[0].as_double(), values[1].as_double()));
}

Made logarithm(Values& values, Computing&) {
  return number(std::log(values[0].as_double()) / std::log(values[1].as_double()));
}

Made parse_whole(Values& values, Computing&) {
  const std::string& text = values[0].as_string();
  const std::int64_t base = values[1].as_int();
  if (base < 2 || base > 36) return fail(Kind::Invalid, "bases are 2 to 36");
  const bool is_negative = text.starts_with('-');
  std::int64_t sum = 0;
  for (const char c : text.substr(is_negative ? 1 : 0)) {
    const char low = lower(std::string_view(&c, 1))[0];
    const int digit = low >= 'a' && low <= 'z' ? low - 'a' + 10 : low - '0';
    const bool is_digit = digit >= 0 && digit < base;
    if (!is_digit || __builtin_mul_overflow(sum, base, &sum) ||
        __builtin_add_overflow(sum, digit, &sum))
      return fail(Kind::Invalid, quoted(text) + " is no such number");
  }
  if (text.size() == (is_negative ? 1U : 0U)) return fail(Kind::Invalid, "the text is empty");
  return json::Value(is_negative ? -sum : sum);
}

// Up to the end, which is not among them. [go-cty: at most 1024]
Made range(Values& values, Computing&) {
  if (values.empty() || values.size() > 3)
    return fail(Kind::Invalid, "it takes one to three numbers");
  const json::Value begin = values.size() > 1 ? values[0] : json::Value(0);
  const json::Value end = values.size() > 1 ? values[1] : values[0];
  const bool goes_down = compare(end, begin) < 0;
  const json::Value step = values.size() > 2 ? values[2] : json::Value(goes_down ? -1 : 1);
  if (compare(step, 0) == 0 || (compare(step, 0) < 0) != goes_down) {
    if (compare(begin, end) == 0 && compare(step, 0) != 0) return json::Value(json::Array());
    return fail(Kind::Invalid, "with such a step the end is not reached");
  }
  json::Array made;
  for (json::Value each = begin; goes_down ? compare(each, end) > 0 : compare(each, end) < 0;) {
    if (made.size() >= 1024) return fail(Kind::Invalid, "it makes more than 1024 numbers");
    made.push_back(each);
    json::Value next = TRY(calculate('+', each, step));
    each = std::move(next);
  }
  return json::Value(std::move(made));
}

Made both(Values& v, Computing&) { return json::Value(v[0].as_bool() && v[1].as_bool()); }
Made either(Values& v, Computing&) { return json::Value(v[0].as_bool() || v[1].as_bool()); }
Made negated(Values& v, Computing&) { return json::Value(!v[0].as_bool()); }

constexpr Builtin kNumbers[] = {
    {"absolute", "n", absolute},
    {"add", "nn", calculated<'+'>},
    {"and", "bb", both},
    {"ceil", "n", rounded<std::ceil>},
    {"divide", "nn", calculated<'/'>},
    {"equal", "aa", [](Values& v, Computing&) -> Made { return json::Value(v[0] == v[1]); }},
    {"floor", "n", rounded<std::floor>},
    {"greaterthan", "nn",
     [](Values& v, Computing&) -> Made { return json::Value(compare(v[0], v[1]) > 0); }},
    {"greaterthanorequalto", "nn",
     [](Values& v, Computing&) -> Made { return json::Value(compare(v[0], v[1]) >= 0); }},
    {"int", "n", rounded<std::trunc>},
    {"lessthan", "nn",
     [](Values& v, Computing&) -> Made { return json::Value(compare(v[0], v[1]) < 0); }},
    {"lessthanorequalto", "nn",
     [](Values& v, Computing&) -> Made { return json::Value(compare(v[0], v[1]) <= 0); }},
    {"log", "nn", logarithm},
    {"max", "nn*", extreme<true>},
    {"min", "nn*", extreme<false>},
    {"modulo", "nn", calculated<'%'>},
    {"multiply", "nn", calculated<'*'>},
    {"negate", "n", [](Values& v, Computing&) -> Made { return calculate('-', 0, v[0]); }},
    {"not", "b", negated},
    {"notequal", "aa", [](Values& v, Computing&) -> Made { return json::Value(v[0] != v[1]); }},
    {"or", "bb", either},
    {"parseint", "si", parse_whole},
    {"pow", "nn", power},
    {"range", "n*", range},
    {"signum", "i", [](Values& v, Computing&) -> Made { return json::Value(compare(v[0], 0)); }},
    {"subtract", "nn", calculated<'-'>},
};

}  // namespace

std::span<const Builtin> number_functions() { return kNumbers; }

}  // namespace tare::hcl
