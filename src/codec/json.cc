// SPDX-License-Identifier: Apache-2.0
#include "codec/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <system_error>

// RapidJSON stays in this file: its headers are slow to compile, and nobody else needs to know it.
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "base/text.h"
#include "codec/utf8.h"

namespace tare::json {

Value::Value(const std::vector<std::string>& values) : data_(Array(values.begin(), values.end())) {}

bool Value::as_bool(bool otherwise) const {
  const bool* value = std::get_if<bool>(&data_);
  return value != nullptr ? *value : otherwise;
}

std::int64_t Value::as_int(std::int64_t otherwise) const {
  if (const std::int64_t* value = std::get_if<std::int64_t>(&data_)) return *value;
  const double* value = std::get_if<double>(&data_);
  if (value == nullptr || !(*value >= -0x1p63 && *value < 0x1p63)) return otherwise;
  return static_cast<std::int64_t>(*value);
}

bool Value::is_uint() const {
  const std::int64_t* value = std::get_if<std::int64_t>(&data_);
  return value != nullptr ? *value >= 0 : std::holds_alternative<std::uint64_t>(data_);
}

std::uint64_t Value::as_uint(std::uint64_t otherwise) const {
  if (const std::uint64_t* value = std::get_if<std::uint64_t>(&data_)) return *value;
  const std::int64_t* value = std::get_if<std::int64_t>(&data_);
  return value != nullptr && *value >= 0 ? static_cast<std::uint64_t>(*value) : otherwise;
}

Value::Data Value::whole(std::uint64_t value) {
  if (std::in_range<std::int64_t>(value)) return static_cast<std::int64_t>(value);
  return value;
}

double Value::as_double() const {
  if (const double* value = std::get_if<double>(&data_)) return *value;
  if (is_uint()) return static_cast<double>(as_uint());
  return static_cast<double>(as_int());
}

const std::string& Value::as_string() const {
  static const std::string kEmpty;
  const std::string* value = std::get_if<std::string>(&data_);
  return value != nullptr ? *value : kEmpty;
}

const Array& Value::as_array() const {
  static const Array kEmpty;
  const Array* value = std::get_if<Array>(&data_);
  return value != nullptr ? *value : kEmpty;
}

const Object& Value::as_object() const {
  static const Object kEmpty;
  const Object* value = std::get_if<Object>(&data_);
  return value != nullptr ? *value : kEmpty;
}

std::vector<std::string> Value::as_strings() const {
  std::vector<std::string> strings;
  for (const Value& value : as_array())
    if (value.is_string()) strings.push_back(value.as_string());
  return strings;
}

const Value* Value::find(std::string_view key) const {
  for (const auto& [name, value] : as_object())
    if (name == key) return &value;
  return nullptr;
}

const Value& Value::operator[](std::string_view key) const {
  static const Value kNull;
  const Value* value = find(key);
  return value != nullptr ? *value : kNull;
}

Value& Value::set(std::string_view key, Value value) {
  if (!is_object()) data_ = Object();
  Object& members = std::get<Object>(data_);
  for (auto& [name, member] : members)
    if (name == key) return member = std::move(value);
  return members.emplace_back(std::string(key), std::move(value)).second;
}

Value& Value::push(Value value) {
  if (!is_array()) data_ = Array();
  return std::get<Array>(data_).emplace_back(std::move(value));
}

namespace {

// Builds a Value from RapidJSON's events. The events of one level are collected on one stack of
// values; the end of an array or object takes its elements off it, so every element moves once.
class Builder {
 public:
  explicit Builder(const Limits& limits) : limits_(limits) {}

  // NOLINTBEGIN(readability-identifier-naming): the names are RapidJSON's.
  bool Null() { return add(nullptr); }
  bool Bool(bool value) { return add(value); }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return check_text({text, size}) && add(std::string(text, size));
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    if (!check_text({text, size})) return false;
    keys_.emplace_back(text, size);
    return true;
  }
  bool StartObject() { return descend(); }
  bool StartArray() { return descend(); }

  // Numbers arrive as text, because RapidJSON would turn integers above 64 bits into doubles.
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    const char* end = text + size;
    const std::string_view all(text, size);
    std::from_chars_result result{};
    if (all.find_first_of(".eE") != std::string_view::npos) {
      double value = 0;
      result = std::from_chars(text, end, value);
      if (result.ec == std::errc() && result.ptr == end) return add(value);
    } else {
      std::int64_t value = 0;
      result = std::from_chars(text, end, value);
      if (result.ec == std::errc() && result.ptr == end) return add(value);
      std::uint64_t large = 0;
      result = std::from_chars(text, end, large);
      if (result.ec == std::errc() && result.ptr == end) return add(large);
    }
    return refuse("number " + quoted(all) + " is out of range");
  }

  bool EndArray(rapidjson::SizeType count) {
    --depth_;
    const auto first = values_.end() - count;
    Array array(std::make_move_iterator(first), std::make_move_iterator(values_.end()));
    values_.erase(first, values_.end());
    return add(std::move(array));
  }

  bool EndObject(rapidjson::SizeType count) {
    --depth_;
    Object object;
    object.reserve(count);
    const auto first_key = keys_.end() - count;
    const auto first_value = values_.end() - count;
    for (rapidjson::SizeType i = 0; i < count; ++i)
      object.emplace_back(std::move(first_key[i]), std::move(first_value[i]));
    keys_.erase(first_key, keys_.end());
    values_.erase(first_value, values_.end());
    if (const auto twice = duplicate_key(object))
      return refuse("the key " + quoted(*twice) + " appears twice in one object");
    return add(std::move(object));
  }

  // With kParseNumbersAsStringsFlag these never come, but the reader wants them to exist.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }
  // NOLINTEND(readability-identifier-naming)

  const std::string& refusal() const { return refusal_; }
  Value take() { return std::move(values_.front()); }

 private:
  bool add(Value value) {
    if (++count_ > limits_.values)
      return refuse(fmt::format("there are more than {} values", limits_.values));
    values_.push_back(std::move(value));
    return true;
  }

  // The document is UTF-8, but RapidJSON takes escapes for half a surrogate pair.
  bool check_text(std::string_view text) {
    return codec::is_utf8(text) || refuse("half a surrogate pair");
  }

  bool descend() {
    if (++depth_ <= limits_.depth) return true;
    return refuse(
        fmt::format("arrays and objects are nested deeper than {} levels", limits_.depth));
  }

  bool refuse(std::string why) {
    refusal_ = std::move(why);
    return false;
  }

  static std::optional<std::string> duplicate_key(const Object& object) {
    if (object.size() <= kFew) {
      for (std::size_t i = 1; i < object.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
          if (object[i].first == object[j].first) return object[i].first;
      return std::nullopt;
    }
    std::vector<std::string_view> keys;
    keys.reserve(object.size());
    for (const auto& [key, value] : object) keys.emplace_back(key);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice == keys.end()) return std::nullopt;
    return std::string(*twice);
  }

  static constexpr std::size_t kFew = 8;  // So many keys are compared faster than sorted.

  const Limits& limits_;
  std::size_t count_ = 0;
  std::size_t depth_ = 0;
  std::vector<Value> values_;
  std::vector<std::string> keys_;
  std::string refusal_;
};

// Escapes as Go's encoder does, so that output can be compared with Docker's: the line separators
// U+2028 and U+2029 are escaped, and bytes that are not UTF-8 become U+FFFD. Unlike it, we escape
// all control characters: what we print goes to terminals, and some of those obey U+007F to U+009F.
void print_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t length = codec::utf8_length(text, i);
    const std::string_view whole = text.substr(i, std::max<std::size_t>(length, 1));
    i += whole.size();
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (length == 0) {
      out += "\\ufffd";
    } else if (length == 1 && (static_cast<unsigned char>(c) < 0x20 || c == '\x7f')) {
      out += fmt::format("\\u{:04x}", c);
    } else if (length == 2 && c == '\xc2' && static_cast<unsigned char>(whole[1]) < 0xa0) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(whole[1]));
    } else if (whole == "\xe2\x80\xa8") {
      out += "\\u2028";
    } else if (whole == "\xe2\x80\xa9") {
      out += "\\u2029";
    } else {
      out += whole;
    }
  }
  out += '"';
}

// The shortest text that reads back as the same double. Large whole numbers keep an exponent:
// without it they would read back as integers, which are bounded.
void print_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";  // JSON has no word for it.
    return;
  }
  if (value == 0) value = 0;  // "-0" would read back as an integer, which has no sign there.
  char buffer[32];
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-6 && size < 1e15);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value, format);
  out.append(buffer, result.ptr);
}

class Printer {
 public:
  explicit Printer(Style style) : indented_(style == Style::Indented) {}

  void print(const Value& value) {
    if (value.is_null()) {
      out_ += "null";
    } else if (value.is_bool()) {
      out_ += value.as_bool() ? "true" : "false";
    } else if (value.is_int()) {
      out_ += std::to_string(value.as_int());
    } else if (value.is_uint()) {
      out_ += std::to_string(value.as_uint());
    } else if (value.is_number()) {
      print_double(out_, value.as_double());
    } else if (value.is_string()) {
      print_string(out_, value.as_string());
    } else if (value.is_array()) {
      group('[', ']', value.as_array(), [&](const Value& element) { print(element); });
    } else {
      group('{', '}', value.as_object(), [&](const auto& member) {
        print_string(out_, member.first);
        out_ += indented_ ? ": " : ":";
        print(member.second);
      });
    }
  }

  std::string take() { return std::move(out_); }

 private:
  template <typename Elements, typename PrintElement>
  void group(char open, char close, const Elements& elements, PrintElement print_element) {
    out_ += open;
    ++depth_;
    bool first = true;
    for (const auto& element : elements) {
      if (!first) out_ += ',';
      first = false;
      new_line();
      print_element(element);
    }
    --depth_;
    if (!first) new_line();
    out_ += close;
  }

  void new_line() {
    if (!indented_) return;
    out_ += '\n';
    out_.append(depth_ * 4, ' ');
  }

  bool indented_;
  std::size_t depth_ = 0;
  std::string out_;
};

}  // namespace

Result<Value> parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes)
    return fail(Kind::Invalid, fmt::format("JSON of {} bytes is larger than the limit of {} bytes",
                                           text.size(), limits.bytes));
  // RapidJSON takes a NUL for the end of the text and would not look at what follows it.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
    return fail(Kind::Invalid, fmt::format("JSON at byte {}: a NUL byte", nul));
  // Once over all of it, which is faster than RapidJSON's look at every character.
  if (const std::size_t good = codec::utf8_prefix(text); good != text.size())
    return fail(Kind::Invalid, fmt::format("JSON at byte {}: not UTF-8", good));
  // Iterative: the depth of the input must not become the depth of our stack.
  constexpr unsigned kFlags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::Reader reader;
  Builder builder(limits);
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, builder);
  if (result.IsError()) {
    const std::string why = result.Code() == rapidjson::kParseErrorTermination
                                ? builder.refusal()
                                : rapidjson::GetParseError_En(result.Code());
    return fail(Kind::Invalid, fmt::format("JSON at byte {}: {}", result.Offset(), why));
  }
  return builder.take();
}

std::string print(const Value& value, Style style) {
  Printer printer(style);
  printer.print(value);
  return printer.take();
}

Result<std::string> require_string(const Value& object, std::string_view key,
                                   std::string_view what) {
  const Value& value = object[key];
  if (!value.is_string())
    return fail(Kind::Invalid, fmt::format("{}: {} is {}", what, quoted(key),
                                           value.is_null() ? "missing" : "not a string"));
  return value.as_string();
}

Result<std::int64_t> require_int(const Value& object, std::string_view key, std::string_view what) {
  const Value& value = object[key];
  if (!value.is_int())
    return fail(Kind::Invalid, fmt::format("{}: {} is {}", what, quoted(key),
                                           value.is_null() ? "missing" : "not a whole number"));
  return value.as_int();
}

}  // namespace tare::json
