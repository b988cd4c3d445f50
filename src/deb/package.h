// SPDX-License-Identifier: Apache-2.0
// Packages as an index or dpkg's status has them, and which of them a wish comes to. Views are into
// the text that was given. [deb-control(5); Debian Policy 4.6 sections 5 and 7]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "deb/control.h"

namespace tare::deb {

struct Package {
  std::string_view name;
  std::string_view version;
  std::string_view architecture;
  std::string_view multi_arch;
  std::string_view depends;
  std::string_view pre_depends;
  std::string_view provides;
  std::string_view conflicts;
  std::string_view breaks;
  std::string_view filename;  // Below its repository's URL. Of an index; and the next two.
  std::string_view sha256;    // Hexadecimal.
  std::uint64_t size = 0;
  std::string_view text;       // Its stanza.
  std::size_t repository = 0;  // Which of those that were asked.
  int importance = 0;          // As Debian sees it: 3 what is required, 0 what is optional.
  int priority = 0;            // Of the repository: a higher one goes before a later version.

  std::string label() const { return std::string(name) + "=" + std::string(version); }
};

// Of a Packages file, for this architecture; others are left out. Errors: Corrupt.
Result<std::vector<Package>> read_index(std::string_view text, std::string_view architecture);
// Of /var/lib/dpkg/status: those that are installed.
Result<std::vector<Package>> read_status(std::string_view text, std::string_view architecture);

struct Wish {
  std::string name;
  std::string version;  // "": the best that there is.
};
struct Resolution {
  std::vector<const Package*> added;     // By name: with those that another version is there of.
  std::vector<const Package*> replaced;  // Those versions.
};

// What is to be added to `installed` so that the wishes are there and every package that is added
// has what it depends on. Nothing is removed, nothing that is only recommended is added. The same
// lists give the same answer. Errors: NotFound (no such package or version), Invalid (no way to
// have them all, with the way there).
Result<Resolution> resolve(const std::vector<Package>& available,
                           const std::vector<Package>& installed, const std::vector<Wish>& wishes,
                           std::string_view architecture);

}  // namespace tare::deb
