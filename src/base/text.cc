// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>

namespace tare {
namespace {

// Length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none. [RFC 3629]
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  std::size_t length = 0;
  if (first >= 0xc2 && first <= 0xdf) length = 2;
  if (first >= 0xe0 && first <= 0xef) length = 3;
  if (first >= 0xf0 && first <= 0xf4) length = 4;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (first == 0xe0 && byte(1) < 0xa0) return 0;  // Overlong.
  if (first == 0xed && byte(1) > 0x9f) return 0;  // Surrogate.
  if (first == 0xf0 && byte(1) < 0x90) return 0;  // Overlong.
  if (first == 0xf4 && byte(1) > 0x8f) return 0;  // Above U+10FFFF.
  if (first == 0xc2 && byte(1) < 0xa0) return 0;  // C1 control.
  return length;
}

// Of three bytes: characters that turn the direction of what follows, and ends of lines and
// paragraphs, which show others a text in another order than it has; "": not one of those.
// [UAX 9, table 4; UAX 14, BK]
std::string turning(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence == "\u061c") return "<U+061C>";
  if (sequence.size() != 3) return "";
  const unsigned code = (byte(0) & 0xfU) << 12 | (byte(1) & 0x3fU) << 6 | (byte(2) & 0x3fU);
  const bool turns = code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
                     (code >= 0x2066 && code <= 0x2069);
  return turns ? fmt::format("<U+{:04X}>", code) : "";
}

void append_escaped(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\r') {
      out += "\\r";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte >= 0x20 && byte < 0x7f) {
      out += text[i];
    } else if (const std::size_t length = byte < 0x80 ? 0 : utf8_length(text.substr(i))) {
      const std::string_view sequence = text.substr(i, length);
      const std::string named = turning(sequence);
      out += named.empty() ? sequence : named;
      i += length;
      continue;
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
    ++i;
  }
}

template <typename T>
Result<T> parse_number(std::string_view text, const char* what) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range)
    return fail(Kind::Invalid, quoted(text) + " is out of range");
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return fail(Kind::Invalid, quoted(text) + " is not " + what);
  return value;
}

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kMaxBytes = 200;
  std::string out = "'";
  append_escaped(out, text.substr(0, kMaxBytes));
  out += text.size() > kMaxBytes ? "...'" : "'";
  return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t at; (at = text.find(separator, start)) != std::string_view::npos; start = at + 1)
    parts.emplace_back(text.substr(start, at - start));
  parts.emplace_back(text.substr(start));
  return parts;
}

std::optional<std::pair<std::string_view, std::string_view>> split_once(std::string_view text,
                                                                        char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  return std::pair(text.substr(0, at), text.substr(at + 1));
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (&part != parts.data()) out += separator;
    out += part;
  }
  return out;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

namespace {
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j)
      out += j <= count ? kBase64[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

Result<std::string> from_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t digit = kBase64.find(c);
    if (digit == std::string_view::npos || c == '\0')
      return fail(Kind::Invalid, "a text is not base64");
    group = group << 6 | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(group >> bits & 0xff);
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Result<std::uint64_t> parse_u64(std::string_view text) {
  return parse_number<std::uint64_t>(text, "a whole number");
}

Result<std::int64_t> parse_i64(std::string_view text) {
  return parse_number<std::int64_t>(text, "a whole number");
}

Result<double> parse_double(std::string_view text) {
  const double value = TRY(parse_number<double>(text, "a number"));
  if (!std::isfinite(value)) return fail(Kind::Invalid, quoted(text) + " is not a finite number");
  return value;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string unit = lower(trim(text.substr(digits)));
  if (unit.ends_with("ib")) unit.resize(unit.size() - 2);
  if (unit.ends_with("b")) unit.resize(unit.size() - 1);
  constexpr std::string_view kUnits = "kmgtpe";
  double factor = 1;
  if (!unit.empty()) {
    const std::size_t power = kUnits.find(unit[0]);
    if (unit.size() != 1 || power == std::string_view::npos)
      return fail(Kind::Invalid,
                  quoted(text) + " is not a size: use a number and b, k, m, g or t, as in 512m");
    factor = std::pow(1024.0, static_cast<double>(power) + 1);
  }
  auto number = parse_double(text.substr(0, digits));
  if (!number || *number * factor >= 0x1p63)
    return fail(Kind::Invalid,
                quoted(text) + " is not a size: use a number and b, k, m, g or t, as in 512m");
  return static_cast<std::uint64_t>(*number * factor);
}

std::string human_size(std::uint64_t bytes) {
  constexpr std::array<const char*, 7> kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.3g}{}", value, kUnits[unit]);
}

std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '"')
      out += "\\(dq";
    else
      out += c;
  }
  if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
  return out;
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > word.size() + best_distance || candidate == word) continue;
    const std::size_t distance = edit_distance(word, candidate);
    const bool begins = best && distance == best_distance && candidate.starts_with(word) &&
                        !best->starts_with(word);  // "ru" is "run" rather than "rm".
    if (distance < best_distance || begins) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

UnixNanos now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<UnixNanos>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

std::string rfc3339(UnixNanos when) {
  if (when == 0) return "0001-01-01T00:00:00Z";
  constexpr UnixNanos kSecond = 1'000'000'000;
  UnixNanos fraction = when % kSecond;
  UnixNanos seconds = when / kSecond;
  if (fraction < 0) {
    fraction += kSecond;
    --seconds;
  }
  // Not gmtime_r(3): it reads the time zone from a file, although nobody asks for it.
  const std::chrono::sys_seconds point{std::chrono::seconds(seconds)};
  const auto midnight = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss time(point - midnight);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  time.hours().count(), time.minutes().count(), time.seconds().count());
  if (fraction != 0) {
    std::string digits = fmt::format("{:09}", fraction);
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text + "Z";
}

Result<UnixNanos> parse_rfc3339(std::string_view text) {
  const auto bad = [&] { return fail(Kind::Invalid, quoted(text) + " is not an RFC 3339 time"); };
  std::tm parts{};
  const std::string copy(text);
  const char* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return bad();
  UnixNanos fraction = 0;
  if (*rest == '.') {
    UnixNanos scale = 100'000'000;
    const char* digits = ++rest;
    for (; *rest >= '0' && *rest <= '9'; ++rest, scale /= 10) fraction += (*rest - '0') * scale;
    if (rest == digits || rest - digits > 9) return bad();
  }
  std::int64_t offset = 0;
  if (*rest == 'Z' || *rest == 'z') {
    ++rest;
  } else if (*rest == '+' || *rest == '-') {
    const std::string_view zone(rest);
    if (zone.size() != 6 || zone[3] != ':') return bad();
    const auto hours = parse_u64(zone.substr(1, 2));
    const auto minutes = parse_u64(zone.substr(4, 2));
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return bad();
    offset = static_cast<std::int64_t>(*hours * 3600 + *minutes * 60) * (*rest == '+' ? 1 : -1);
    rest += 6;
  } else {
    return bad();
  }
  if (rest != copy.c_str() + copy.size()) return bad();
  const std::int64_t seconds = static_cast<std::int64_t>(::timegm(&parts)) - offset;
  constexpr std::int64_t kYearOne = -62'135'596'800;  // How rfc3339() prints "no time".
  if (seconds == kYearOne && fraction == 0) return 0;
  constexpr std::int64_t kMaxSeconds = 9'223'372'035;  // From 1677 to 2262.
  if (seconds < -kMaxSeconds || seconds > kMaxSeconds)
    return fail(Kind::Invalid, quoted(text) + " is too far from our time");
  return seconds * 1'000'000'000 + fraction;
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto bad = [&] {
    return fail(Kind::Invalid, quoted(text) + " is not a duration: write it like 10s, 5m or 1h30m");
  };
  double total = 0;
  std::string_view rest = text;
  if (rest.empty()) return bad();
  while (!rest.empty()) {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    const auto number = parse_double(rest.substr(0, digits));
    rest.remove_prefix(digits);
    const std::size_t letters = std::min(rest.find_first_of("0123456789."), rest.size());
    const std::string_view unit = rest.substr(0, letters);
    rest.remove_prefix(letters);
    const double scale = unit == "ns"                   ? 1
                         : unit == "us" || unit == "µs" ? 1e3
                         : unit == "ms"                 ? 1e6
                         : unit == "s"                  ? 1e9
                         : unit == "m"                  ? 60e9
                         : unit == "h"                  ? 3600e9
                                                        : 0;
    if (!number || scale == 0) return bad();
    total += *number * scale;
  }
  if (total >= 0x1p63) return bad();
  return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

std::string human_duration(std::chrono::nanoseconds span) {
  const std::int64_t seconds = std::max<std::int64_t>(0, span.count() / 1'000'000'000);
  const std::int64_t minutes = seconds / 60;
  const std::int64_t hours = (seconds + 1800) / 3600;
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return fmt::format("{} seconds", seconds);
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return fmt::format("{} minutes", minutes);
  if (hours == 1) return "About an hour";
  if (hours < 48) return fmt::format("{} hours", hours);
  if (hours < 24 * 14) return fmt::format("{} days", hours / 24);
  if (hours < 24 * 60) return fmt::format("{} weeks", hours / 24 / 7);
  if (hours < 24 * 365 * 2) return fmt::format("{} months", hours / 24 / 30);
  return fmt::format("{} years", hours / 24 / 365);
}

}  // namespace tare
