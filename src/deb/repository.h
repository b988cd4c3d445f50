// SPDX-License-Identifier: Apache-2.0
// Where packages come from: apt's lists of repositories, and what a repository says of itself.
// [sources.list(5); wiki.debian.org/DebianRepository/Format]
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/error.h"

namespace tare::deb {

// One suite of one repository.
struct Repository {
  std::string url;    // http or https, with '/' at its end.
  std::string suite;  // "bookworm"; "PATH/": everything is right there.
  std::vector<std::string> components;
  std::string
      signed_by;  // Files of keys, separated by spaces, or a key itself; "": the usual ones.
  bool checks_end = true;  // How long it says that it is valid.

  bool is_flat() const { return suite.ends_with('/'); }
  std::string release_path(std::string_view name) const;  // "dists/bookworm/InRelease"
  std::string label() const { return url + " " + suite; }
};

// A line of sources.list without "deb" in front: "[OPTIONS] URL SUITE COMPONENT...". Nothing when
// its options say that it is for other architectures. Errors: Invalid; Unsupported (addresses that
// are not http or https; repositories that are to be trusted without a signature).
Result<std::optional<Repository>> parse_repository(std::string_view line,
                                                   std::string_view architecture);
// A file of the form of sources.list, or of "NAME.sources" (`is_stanzas`). Sources and disks
// (cdrom:) are left out. Errors: as above.
Result<std::vector<Repository>> parse_repositories(std::string_view text, bool is_stanzas,
                                                   std::string_view architecture);

struct ReleaseFile {
  Digest digest;
  std::uint64_t size = 0;
};
struct Release {
  std::string suite;
  std::string codename;
  std::int64_t valid_until = 0;  // Seconds since 1970; 0: for ever.
  bool has_by_hash = false;
  int priority = 500;  // As apt has it: 100 and 1 for what is not installed by itself.
  std::map<std::string, ReleaseFile> files;  // By path below it.
};
// Errors: Corrupt (a file twice, no SHA256 at all).
Result<Release> parse_release(std::string_view text);

// Relative, without "..", of characters that are themselves in addresses.
bool is_repository_path(std::string_view text);

// "Sat, 10 Feb 2024 11:07:25 UTC" as seconds since 1970. Errors: Corrupt.
Result<std::int64_t> parse_release_time(std::string_view text);

}  // namespace tare::deb
