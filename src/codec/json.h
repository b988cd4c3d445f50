// SPDX-License-Identifier: Apache-2.0
// JSON in and out. Reading is strict, because the same document must mean the same to everybody who
// verifies it: no duplicate keys, exact case, bounded depth and size, UTF-8 only, nothing after the
// value. [RFC 8259; security rule: every byte is hashed before it is believed]
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace tare::json {

class Value;
using Array = std::vector<Value>;
// In document order; keys are unique.
using Object = std::vector<std::pair<std::string, Value>>;

// A JSON value. Accessors never fail: a value of another type reads as the neutral element of the
// asked type (0, "", empty), so readers check what they need with is_*() or the require_* below.
class Value {
 public:
  Value() = default;                   // null
  Value(std::nullptr_t) {}             // NOLINT(google-explicit-constructor): values convert.
  Value(bool value) : data_(value) {}  // NOLINT(google-explicit-constructor)
  Value(int value) : data_(static_cast<std::int64_t>(value)) {}       // NOLINT
  Value(unsigned value) : data_(static_cast<std::int64_t>(value)) {}  // NOLINT
  Value(std::int64_t value) : data_(value) {}                         // NOLINT
  Value(std::uint64_t value) : data_(whole(value)) {}                 // NOLINT
  Value(double value) : data_(value) {}                               // NOLINT
  Value(const char* value) : data_(std::string(value)) {}             // NOLINT
  Value(std::string_view value) : data_(std::string(value)) {}        // NOLINT
  Value(std::string value) : data_(std::move(value)) {}               // NOLINT
  Value(Array value) : data_(std::move(value)) {}                     // NOLINT
  Value(Object value) : data_(std::move(value)) {}                    // NOLINT
  // An array of strings.
  explicit Value(const std::vector<std::string>& values);

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<std::int64_t>(data_); }
  // A whole number that is not negative; such above 2^63 - 1 are is_uint() and not is_int().
  bool is_uint() const;
  bool is_number() const { return is_int() || is_uint() || std::holds_alternative<double>(data_); }
  bool is_string() const { return std::holds_alternative<std::string>(data_); }
  bool is_array() const { return std::holds_alternative<Array>(data_); }
  bool is_object() const { return std::holds_alternative<Object>(data_); }

  bool as_bool(bool otherwise = false) const;
  std::int64_t as_int(std::int64_t otherwise = 0) const;     // A double is truncated.
  std::uint64_t as_uint(std::uint64_t otherwise = 0) const;  // Only of is_uint().
  std::optional<std::uint64_t> maybe_uint() const {
    return is_uint() ? std::optional(as_uint()) : std::nullopt;
  }
  double as_double() const;
  const std::string& as_string() const;
  const Array& as_array() const;
  const Object& as_object() const;
  std::vector<std::string> as_strings() const;  // The strings of an array; others are left out.

  // The member `key` of an object, or a null value that lives for ever.
  const Value& operator[](std::string_view key) const;
  const Value* find(std::string_view key) const;  // nullptr when absent or not an object.
  Value* find(std::string_view key) { return const_cast<Value*>(std::as_const(*this).find(key)); }

  // Sets or replaces a member; turns a non-object into an object first. Returns the new member.
  Value& set(std::string_view key, Value value);
  // Appends to an array; turns a non-array into an array first.
  Value& push(Value value);

  bool operator==(const Value&) const = default;

 private:
  // A std::uint64_t stands only for what std::int64_t cannot hold, so equal numbers are equal.
  using Data = std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string,
                            Array, Object>;
  static Data whole(std::uint64_t value);

  Data data_;
};

struct Limits {
  std::size_t bytes = 4 << 20;  // Of the whole document.
  std::size_t depth = 32;       // Of nested arrays and objects.
  // Each takes some 100 bytes of memory while it is read; a text of 4 MiB could have two millions.
  std::size_t values = 200'000;
};

// Errors: Invalid, with the byte offset. Integers outside both int64 and uint64 are errors.
Result<Value> parse(std::string_view text, const Limits& limits = {});

enum class Style : std::uint8_t { Compact, Indented };  // Indented: four spaces, as Docker prints.
// Object members in their order; '<', '>' and '&' as they are; no trailing newline.
std::string print(const Value& value, Style style = Style::Compact);

// Members of `object` by name and type, or an Invalid error that names `what` and the member.
Result<std::string> require_string(const Value& object, std::string_view key,
                                   std::string_view what);
Result<std::int64_t> require_int(const Value& object, std::string_view key, std::string_view what);

}  // namespace tare::json
