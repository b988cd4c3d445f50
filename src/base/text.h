// SPDX-License-Identifier: Apache-2.0
// Text that people read and write: quoting, splitting, sizes, times, near misses.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tare {

// In single quotes, with control characters and bytes that are not UTF-8 escaped (\n, \x1b), and
// cut after 200 bytes: names from images and clients never reach a terminal raw.
std::string quoted(std::string_view text);
// The escaping of quoted() without quotes or cutting.
std::string escaped(std::string_view text);

std::vector<std::string> split(std::string_view text, char separator);  // "a,,b" gives 3 parts.
// At the first separator; nullopt when there is none.
std::optional<std::pair<std::string_view, std::string_view>> split_once(std::string_view text,
                                                                        char separator);
std::string_view trim(std::string_view text);  // White space at both ends.
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string to_hex(std::string_view bytes);
std::string lower(std::string_view text);                // ASCII only.
std::string to_base64(std::string_view bytes);           // With padding. [RFC 4648 4]
Result<std::string> from_base64(std::string_view text);  // Padding may be missing. Errors: Invalid.

// The whole string as a number, or Invalid: no sign unless T is signed, no white space, no base
// prefix, no overflow. [security rule: identities are parsed strictly]
Result<std::uint64_t> parse_u64(std::string_view text);
Result<std::int64_t> parse_i64(std::string_view text);
Result<double> parse_double(std::string_view text);

// "512m", "1.5GiB", "100" (bytes). Units are powers of 1024 whatever they are called, as in
// Docker's memory options. Errors: Invalid.
Result<std::uint64_t> parse_size(std::string_view text);
// "1.23MB", powers of 1000 and three digits, as Docker prints sizes.
std::string human_size(std::uint64_t bytes);

// Text for a manual page: backslashes, dashes and quotes escaped, no line that starts with a
// control character. [groff_char(7), groff(7)]
std::string roff(std::string_view text);

// The candidate most like `word`, if any is close enough to be what was meant.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

// Wall clock as nanoseconds since 1970-01-01T00:00:00Z.
using UnixNanos = std::int64_t;
UnixNanos now_ns();
std::string rfc3339(
    UnixNanos when);  // "2026-11-24T05:04:53.123456789Z"; zero: "0001-01-01T00:00:00Z".
Result<UnixNanos> parse_rfc3339(std::string_view text);
// "10m", "1h30m", "500ms", "1.5s". Errors: Invalid.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);
// "Less than a second", "5 minutes", "About an hour", "3 weeks": Docker's words for a time span.
std::string human_duration(std::chrono::nanoseconds span);

}  // namespace tare
