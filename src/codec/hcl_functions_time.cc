// SPDX-License-Identifier: Apache-2.0
// Functions of times, and format().
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "codec/hcl_functions.h"
#include "codec/hcl_values.h"

namespace tare::hcl {
namespace {

using Made = Result<json::Value>;

constexpr UnixNanos kSecond = 1'000'000'000;

std::string seconds_text(UnixNanos when) {
  std::string text = rfc3339(when - (when % kSecond + kSecond) % kSecond);
  const std::size_t dot = text.find('.');
  if (dot != std::string::npos)
    text.erase(dot, text.find_first_not_of("0123456789", dot + 1) - dot);
  return text;
}

constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                   "May",       "June",     "July",     "August",
                                   "September", "October",  "November", "December"};
constexpr const char* kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                 "Thursday", "Friday", "Saturday"};

// Times are in UTC.
std::string verb_text(std::string_view verb, const tm& time) {
  const int hour = time.tm_hour % 12 == 0 ? 12 : time.tm_hour % 12;
  if (verb == "YYYY") return fmt::format("{:04}", time.tm_year + 1900);
  if (verb == "YY") return fmt::format("{:02}", time.tm_year % 100);
  if (verb == "MMMM") return kMonths[time.tm_mon];
  if (verb == "MMM") return std::string(kMonths[time.tm_mon]).substr(0, 3);
  if (verb == "MM") return fmt::format("{:02}", time.tm_mon + 1);
  if (verb == "M") return fmt::format("{}", time.tm_mon + 1);
  if (verb == "DD") return fmt::format("{:02}", time.tm_mday);
  if (verb == "D") return fmt::format("{}", time.tm_mday);
  if (verb == "EEEE") return kDays[time.tm_wday];
  if (verb == "EEE") return std::string(kDays[time.tm_wday]).substr(0, 3);
  if (verb == "hh") return fmt::format("{:02}", time.tm_hour);
  if (verb == "h") return fmt::format("{}", time.tm_hour);
  if (verb == "HH") return fmt::format("{:02}", hour);
  if (verb == "H") return fmt::format("{}", hour);
  if (verb == "AA") return time.tm_hour < 12 ? "AM" : "PM";
  if (verb == "aa") return time.tm_hour < 12 ? "am" : "pm";
  if (verb == "mm") return fmt::format("{:02}", time.tm_min);
  if (verb == "m") return fmt::format("{}", time.tm_min);
  if (verb == "ss") return fmt::format("{:02}", time.tm_sec);
  if (verb == "s") return fmt::format("{}", time.tm_sec);
  if (verb == "ZZZZZ") return "+00:00";
  if (verb == "ZZZZ") return "+0000";
  if (verb == "ZZZ") return "UTC";
  return verb == "Z" ? "Z" : "";
}

// Letters are verbs, what is in single quotes is itself. [go-cty, FormatDate]
Made format_time(const std::string& form, UnixNanos when) {
  const time_t seconds = (when - (when % kSecond + kSecond) % kSecond) / kSecond;
  tm time{};
  if (::gmtime_r(&seconds, &time) == nullptr) return fail(Kind::Invalid, "there is no such time");
  std::string made;
  for (std::size_t at = 0; at < form.size();) {
    const char c = form[at];
    if (c == '\'') {
      std::size_t end = at + 1;
      for (; end < form.size(); ++end) {
        if (form[end] != '\'') {
          made += form[end];
        } else if (end + 1 < form.size() && form[end + 1] == '\'') {
          made += '\'';
          ++end;
        } else {
          break;
        }
      }
      if (end >= form.size()) return fail(Kind::Invalid, "a quote has no end in the format");
      at = end + 1;
      continue;
    }
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const std::size_t end =
        is_letter ? std::min(form.find_first_not_of(c, at), form.size()) : at + 1;
    const std::string text = form.substr(at, end - at);
    const std::string meaning = is_letter ? verb_text(text, time) : text;
    if (meaning.empty()) return fail(Kind::Invalid, quoted(text) + " is no part of a time");
    TRY(append(made, meaning));
    at = end;
  }
  return json::Value(std::move(made));
}

Result<UnixNanos> time_of(const json::Value& value) {
  if (value.is_string()) return parse_rfc3339(value.as_string());
  const std::int64_t seconds = TRY(whole_of(value));
  if (seconds < -9'000'000'000 || seconds > 9'000'000'000)
    return fail(Kind::Invalid, "the time is too far away");
  return seconds * kSecond;
}

Made format_date(Values& values, Computing&) {
  const UnixNanos when = TRY(time_of(values[1]));
  return format_time(values[0].as_string(), when);
}

Made format_timestamp(Values& values, Computing&) {
  const UnixNanos when = TRY(time_of(values[1]));
  if (values[0].as_string() == "X") return json::Value(std::to_string(when / kSecond));
  return format_time(values[0].as_string(), when);
}

Made add_time(Values& values, Computing&) {
  const UnixNanos when = TRY(parse_rfc3339(values[0].as_string()));
  const std::string& span = values[1].as_string();
  const bool is_negative = span.starts_with('-');
  const auto length = TRY(parse_duration(is_negative ? span.substr(1) : span)).count();
  UnixNanos made = 0;
  if (__builtin_add_overflow(when, is_negative ? -length : length, &made))
    return fail(Kind::Invalid, "the time is too far away");
  return json::Value(seconds_text(made));
}

constexpr Builtin kTimes[] = {
    {"formatdate", "ss", format_date},
    {"formattimestamp", "sv", format_timestamp},
    {"timeadd", "ss", add_time},
    {"timestamp", "",
     [](Values&, Computing& computing) -> Made {
       return json::Value(seconds_text(computing.now));
     }},
};

// "%-08.3f": what stands between '%' and the letter.
struct Verb {
  std::string flags;
  std::size_t width = 0;
  std::optional<std::size_t> precision;
  char letter = '\0';

  bool has(char flag) const { return flags.find(flag) != std::string::npos; }
};

constexpr std::size_t kMostWide = 1024;

Result<Verb> read_verb(std::string_view form, std::size_t& at) {
  Verb verb;
  const auto number = [&] {
    std::size_t value = 0;
    for (; at < form.size() && form[at] >= '0' && form[at] <= '9'; ++at)
      value = std::min<std::size_t>(value * 10 + static_cast<std::size_t>(form[at] - '0'),
                                    kMostWide + 1);
    return value;
  };
  while (at < form.size() && std::string_view("-+ #0").find(form[at]) != std::string_view::npos)
    verb.flags += form[at++];
  verb.width = number();
  if (at < form.size() && form[at] == '.') {
    ++at;
    verb.precision = number();
  }
  if (at >= form.size()) return fail(Kind::Invalid, "the format ends within a '%'");
  verb.letter = form[at++];
  if (verb.letter == '[')
    return fail(Kind::Unsupported, "arguments by their number, %[1]s, are not read");
  if (verb.width > kMostWide || verb.precision.value_or(0) > kMostWide)
    return fail(Kind::Invalid, "the format asks for more than 1024 characters");
  return verb;
}

std::string whole_text(char letter, std::int64_t value) {
  const bool is_negative = value < 0;
  const std::uint64_t size =
      is_negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::string text;
  if (letter == 'b') text = fmt::format("{:b}", size);
  if (letter == 'o') text = fmt::format("{:o}", size);
  if (letter == 'x') text = fmt::format("{:x}", size);
  if (letter == 'X') text = fmt::format("{:X}", size);
  if (letter == 'd') text = fmt::format("{}", size);
  return (is_negative ? "-" : "") + text;
}

Result<std::string> number_text(const Verb& verb, const json::Value& value) {
  const json::Value number = TRY(number_of(value));
  std::string text;
  if (std::string_view("dboxX").find(verb.letter) != std::string_view::npos) {
    const std::int64_t whole = TRY(whole_of(number));
    text = whole_text(verb.letter, whole);
  } else {
    const int digits = static_cast<int>(verb.precision.value_or(6));
    const double real = number.as_double();
    if (verb.letter == 'f' || verb.letter == 'F') text = fmt::format("{:.{}f}", real, digits);
    if (verb.letter == 'e') text = fmt::format("{:.{}e}", real, digits);
    if (verb.letter == 'E') text = fmt::format("{:.{}E}", real, digits);
    if (verb.letter == 'g' || verb.letter == 'G')
      text = verb.precision ? fmt::format("{:.{}g}", real, digits) : fmt::format("{}", real);
  }
  if (!text.starts_with('-') && verb.has('+')) text.insert(0, "+");
  if (!text.starts_with('-') && verb.has(' ') && !verb.has('+')) text.insert(0, " ");
  return text;
}

Result<std::string> verb_value(const Verb& verb, const json::Value& value) {
  switch (verb.letter) {
    case 'v':
      if (value.is_array() || value.is_object() || value.is_null()) return json::print(value);
      return text_of(value);
    case 's': {
      const std::string text = TRY(text_of(value));
      return verb.precision ? text.substr(0, *verb.precision) : text;
    }
    case 'q': {
      const std::string text = TRY(text_of(value));
      return json::print(json::Value(text));
    }
    case 't': {
      const bool is_true = TRY(bool_of(value));
      return std::string(is_true ? "true" : "false");
    }
    default:
      if (std::string_view("dboxXfFeEgG").find(verb.letter) != std::string_view::npos)
        return number_text(verb, value);
      return fail(Kind::Invalid, "'%' is followed by " + quoted(std::string(1, verb.letter)) +
                                     ", which is no form");
  }
}

std::string padded(const Verb& verb, std::string text) {
  if (text.size() >= verb.width) return text;
  const std::size_t missing = verb.width - text.size();
  if (verb.has('-')) return text + std::string(missing, ' ');
  const bool is_number = std::string_view("sqvt").find(verb.letter) == std::string_view::npos;
  if (!verb.has('0') || !is_number) return std::string(missing, ' ') + text;
  const std::size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  return text.substr(0, sign) + std::string(missing, '0') + text.substr(sign);
}

}  // namespace

std::span<const Builtin> time_functions() { return kTimes; }

Result<std::string> format_values(std::string_view form, std::span<const json::Value> values) {
  std::string made;
  std::size_t used = 0;
  for (std::size_t at = 0; at < form.size();) {
    const std::size_t percent = std::min(form.find('%', at), form.size());
    TRY(append(made, form.substr(at, percent - at)));
    at = percent;
    if (at >= form.size()) break;
    ++at;
    const Verb verb = TRY(read_verb(form, at));
    if (verb.letter == '%') {
      made += '%';
      continue;
    }
    if (used >= values.size())
      return fail(Kind::Invalid, "the format has more than there is for it");
    std::string text = TRY(verb_value(verb, values[used++]));
    TRY(append(made, padded(verb, std::move(text))));
  }
  if (used < values.size()) return fail(Kind::Invalid, "there is more than the format has");
  return made;
}

}  // namespace tare::hcl
