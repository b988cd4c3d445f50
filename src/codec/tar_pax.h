// SPDX-License-Identifier: Apache-2.0
// PRIVATE to the codec room: pax extended headers. [POSIX.1-2017 pax "pax Extended Header"]
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/tar.h"

namespace tare::tar {

// The latest whole second that UnixNanos can hold, in the year 2262; its negative is the earliest.
// What lies beyond comes out as these.
inline constexpr UnixNanos kFarFuture = 9'223'372'036'000'000'000;

struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct PaxRecords {
  std::map<std::string, std::string, std::less<>> values;
  // From the repeated GNU.sparse.offset and .numbytes of sparse format 0.0, in their order.
  std::vector<Extent> extents;

  const std::string* find(std::string_view key) const;
};

// Errors: Corrupt, also for a key that comes twice: readers differ in which one they believe.
Result<PaxRecords> parse_pax(std::string_view body);

// Of a global header, what applies to the entries that follow; the rest is dropped. What would
// change which files there are (names, sizes, sparse maps, xattrs) is refused, because widespread
// readers ignore global headers and would see another archive. Errors: Unsupported.
Result<> add_globals(std::map<std::string, std::string, std::less<>>& globals,
                     const PaxRecords& records);

// Overwrites what the records say about an entry, except its size and sparseness. Errors: Corrupt,
// Invalid (limits).
Result<> apply_pax(Entry& entry, const std::map<std::string, std::string, std::less<>>& values,
                   const Limits& limits);

// "12 key=value\n": the length counts itself.
std::string print_pax_record(std::string_view key, std::string_view value);

// Seconds with a fraction to nanoseconds (digits beyond are cut), and back. Errors: Corrupt.
Result<UnixNanos> parse_pax_time(std::string_view text);
std::string print_pax_time(UnixNanos when);

// A number that may stand where a user or group id stands: chown(2) takes 2^32-1 for "leave as it
// is". Errors: Corrupt.
Result<std::uint32_t> check_id(std::int64_t value);
// Errors: Corrupt for an empty name or a NUL in it, Invalid when it is longer than allowed.
Result<> check_name(std::string_view name, std::string_view what, const Limits& limits);

}  // namespace tare::tar
