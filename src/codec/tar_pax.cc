// SPDX-License-Identifier: Apache-2.0
#include "codec/tar_pax.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace tare::tar {
namespace {

constexpr std::string_view kXattr = "SCHILY.xattr.";
constexpr UnixNanos kSecond = 1'000'000'000;

// The length of a record, and with it the record itself: "LENGTH KEY=VALUE\n".
Result<std::string_view> take_record(std::string_view& rest) {
  const std::size_t space = rest.substr(0, 20).find(' ');
  if (space == std::string_view::npos)
    return fail(Kind::Corrupt, "an extended header record has no length");
  const auto length = parse_u64(rest.substr(0, space));
  if (!length || *length > rest.size() || *length < space + 3 || rest[*length - 1] != '\n')
    return fail(Kind::Corrupt, "an extended header record has a wrong length");
  const std::string_view record = rest.substr(space + 1, *length - space - 2);
  rest.remove_prefix(*length);
  return record;
}

Result<> add_sparse_number(PaxRecords& records, bool is_offset, bool& offset_open,
                           std::string_view text) {
  const auto number = parse_u64(text);
  if (!number || is_offset == offset_open)
    return fail(Kind::Corrupt, "the sparse map of an extended header is malformed");
  if (is_offset)
    records.extents.push_back({.offset = *number});
  else
    records.extents.back().length = *number;
  offset_open = is_offset;
  return {};
}

Result<> apply_xattr(Entry& entry, std::string_view name, const std::string& value,
                     const Limits& limits) {
  if (name.empty() || name.find('\0') != std::string_view::npos || name.size() > 255)
    return fail(Kind::Corrupt, "an extended attribute has the impossible name " + quoted(name));
  if (value.size() > limits.xattr_bytes)
    return fail(Kind::Invalid, fmt::format("extended attribute {} has {} bytes, the limit is {}",
                                           quoted(name), value.size(), limits.xattr_bytes));
  if (entry.xattrs.size() >= limits.xattrs)
    return fail(Kind::Invalid,
                fmt::format("more than {} extended attributes at one file", limits.xattrs));
  entry.xattrs.emplace(name, value);
  return {};
}

Result<std::uint32_t> parse_id(std::string_view text) {
  const auto value = parse_i64(text);
  if (!value) return fail(Kind::Corrupt, "the id " + quoted(text) + " is not a number");
  return check_id(*value);
}

Result<std::uint32_t> parse_device(std::string_view text) {
  const auto value = parse_u64(text);
  if (!value || *value > std::numeric_limits<std::uint32_t>::max())
    return fail(Kind::Corrupt, "the device number " + quoted(text) + " is impossible");
  return static_cast<std::uint32_t>(*value);
}

Result<std::string> checked_text(const std::string& text) {
  if (text.find('\0') != std::string::npos)
    return fail(Kind::Corrupt, "a name in an extended header holds a NUL byte");
  return text;
}

}  // namespace

const std::string* PaxRecords::find(std::string_view key) const {
  const auto found = values.find(key);
  return found != values.end() ? &found->second : nullptr;
}

Result<PaxRecords> parse_pax(std::string_view body) {
  PaxRecords records;
  bool offset_open = false;  // A GNU.sparse.offset waits for its GNU.sparse.numbytes.
  while (!body.empty()) {
    const std::string_view record = TRY(take_record(body));
    const auto parts = split_once(record, '=');
    if (!parts || parts->first.empty())
      return fail(Kind::Corrupt, "an extended header record has no key");
    const auto [key, value] = *parts;
    if (key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes") {
      TRY(add_sparse_number(records, key == "GNU.sparse.offset", offset_open, value));
    } else if (!records.values.emplace(key, value).second) {
      return fail(Kind::Corrupt, "an extended header holds " + quoted(key) + " twice");
    }
  }
  if (offset_open) return fail(Kind::Corrupt, "the sparse map of an extended header is malformed");
  return records;
}

Result<> add_globals(std::map<std::string, std::string, std::less<>>& globals,
                     const PaxRecords& records) {
  constexpr std::array<std::string_view, 5> kApplied = {"uid", "gid", "mtime", "uname", "gname"};
  constexpr std::array<std::string_view, 6> kRefused = {
      "path", "linkpath", "size", "hdrcharset", "SCHILY.devmajor", "SCHILY.devminor"};
  if (!records.extents.empty())
    return fail(Kind::Unsupported, "a global extended header holds a sparse map");
  for (const auto& [key, value] : records.values) {
    if (std::ranges::find(kRefused, key) != kRefused.end() || key.starts_with("GNU.sparse.") ||
        key.starts_with(kXattr))
      return fail(Kind::Unsupported, "a global extended header sets " + quoted(key) +
                                         ", which only makes sense for one file");
    if (std::ranges::find(kApplied, key) == kApplied.end()) continue;
    globals[key] = value;
  }
  return {};
}

Result<> apply_pax(Entry& entry, const std::map<std::string, std::string, std::less<>>& values,
                   const Limits& limits) {
  for (const auto& [key, value] : values) {
    if (key.starts_with(kXattr)) {
      TRY(apply_xattr(entry, std::string_view(key).substr(kXattr.size()), value, limits));
      continue;
    }
    if (value.empty()) continue;  // An empty value takes the header's back. [pax, "value"]
    if (key == "path") {
      TRY(check_name(value, "name", limits));
      entry.name = value;
    } else if (key == "linkpath") {
      TRY(check_name(value, "link target", limits));
      entry.link = value;
    } else if (key == "uid") {
      entry.uid = TRY(parse_id(value));
    } else if (key == "gid") {
      entry.gid = TRY(parse_id(value));
    } else if (key == "mtime") {
      entry.mtime = TRY(parse_pax_time(value));
    } else if (key == "uname") {
      entry.user_name = TRY(checked_text(value));
    } else if (key == "gname") {
      entry.group_name = TRY(checked_text(value));
    } else if (key == "SCHILY.devmajor") {
      entry.device_major = TRY(parse_device(value));
    } else if (key == "SCHILY.devminor") {
      entry.device_minor = TRY(parse_device(value));
    }
  }
  return {};
}

std::string print_pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;  // Space, '=' and newline.
  std::size_t length = rest;
  while (length != rest + std::to_string(length).size())
    length = rest + std::to_string(length).size();
  return fmt::format("{} {}={}\n", length, key, value);
}

Result<UnixNanos> parse_pax_time(std::string_view text) {
  const auto bad = [&] {
    return fail(Kind::Corrupt, "the time " + quoted(text) + " is not a number");
  };
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  const std::string_view whole = digits.substr(0, digits.find('.'));
  std::string_view fraction = digits.substr(whole.size());
  if (!fraction.empty()) fraction.remove_prefix(1);
  const auto seconds = parse_u64(whole);
  if (!seconds || fraction.find_first_not_of("0123456789") != std::string_view::npos) return bad();
  if (*seconds >= static_cast<std::uint64_t>(kFarFuture / kSecond))
    return negative ? -kFarFuture : kFarFuture;
  UnixNanos nanos = static_cast<UnixNanos>(*seconds) * kSecond;
  UnixNanos scale = kSecond / 10;
  for (const char digit : fraction.substr(0, 9)) {
    nanos += (digit - '0') * scale;
    scale /= 10;
  }
  return negative ? -nanos : nanos;
}

std::string print_pax_time(UnixNanos when) {
  // By its sign and size: -1.5 s is "-1.5".
  const std::uint64_t size =
      when < 0 ? -static_cast<std::uint64_t>(when) : static_cast<std::uint64_t>(when);
  std::string text = fmt::format("{}{}", when < 0 ? "-" : "", size / kSecond);
  if (size % kSecond == 0) return text;
  text += fmt::format(".{:09}", size % kSecond);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

Result<std::uint32_t> check_id(std::int64_t value) {
  if (value < 0 || value >= std::numeric_limits<std::uint32_t>::max())
    return fail(Kind::Corrupt, fmt::format("the id {} is not a user or group id", value));
  return static_cast<std::uint32_t>(value);
}

Result<> check_name(std::string_view name, std::string_view what, const Limits& limits) {
  if (name.empty()) return fail(Kind::Corrupt, fmt::format("an entry has an empty {}", what));
  if (name.find('\0') != std::string_view::npos)
    return fail(Kind::Corrupt, fmt::format("the {} {} holds a NUL byte", what, quoted(name)));
  if (name.size() > limits.name_bytes)
    return fail(Kind::Invalid, fmt::format("the {} {} has {} bytes, the limit is {}", what,
                                           quoted(name), name.size(), limits.name_bytes));
  return {};
}

}  // namespace tare::tar
