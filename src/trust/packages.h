// SPDX-License-Identifier: Apache-2.0
// Which packages are in a file system, from what package managers leave there. The bytes come from
// images, so from anywhere: what cannot be read counts as nothing, and all of it is bounded.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/bytes.h"

namespace tare::trust {

struct Package {
  std::string type;   // As in purls: "deb", "rpm", "npm", "golang", ...
  std::string space;  // The namespace: "debian", "@babel".
  std::string name;
  std::string version;
  std::string architecture;
  std::string epoch;    // Of rpm, when it has one.
  std::string vendor;   // As it is told.
  std::string source;   // Name of the source package, when it is another one.
  std::string license;  // As it is told.
  std::string place;    // The file that tells of it.

  // "pkg:deb/debian/libc6@2.36-9?arch=amd64" [package-url specification]
  std::string purl() const;
  // As people know it: "libc6", "@babel/core", "golang.org/x/sys", "org.example:app".
  std::string label() const;
  auto operator<=>(const Package&) const = default;
};

// The distribution, from /etc/os-release. [os-release(5)]
struct Distribution {
  std::string id;       // "debian"
  std::string version;  // "12"
};
Distribution parse_os_release(std::string_view text);

// Which files tell of packages: whether `path` (absolute) is one, by its name.
bool tells_of_packages(std::string_view path);
// What the file `path` tells.
std::vector<Package> read_packages(std::string_view path, std::string_view text,
                                   const Distribution& distribution);

// Files of packages: calls `take` with an absolute path and a package, as NAME VERSION.
using TakeFile = std::function<void(std::string path, const Package& package)>;
void read_apk_files(std::string_view installed, const Distribution& distribution,
                    const TakeFile& take);

// Databases of rpm are larger than other lists, and binary: they have readers of their own.
inline constexpr std::string_view kRpmPlaces[] = {"/usr/lib/sysimage/rpm", "/var/lib/rpm",
                                                  "/usr/share/rpm"};
bool is_rpm_database(std::string_view path);
struct RpmPackages {
  std::vector<Package> packages;
  bool is_whole = true;  // False: it is damaged, or of a kind that is not known.
};
// With `take`, their files are told, too.
RpmPackages read_rpm(std::string_view path, std::string_view database,
                     const Distribution& distribution, const TakeFile& take = nullptr);

// Of a file that holds packages.
struct Bundle {
  std::vector<Package> packages;
  bool has_own = false;  // The first is the file itself.
  bool is_whole = true;  // False: it is damaged, or not all of it was read.
};
// What a program of Go, or one of Rust that cargo-auditable built, tells; nothing of other files,
// of which little is read: the tables of ELF. `budget`: bytes that may be inflated; less
// afterwards.
Bundle read_program(std::string_view path, const codec::Bytes& file, std::size_t& budget);
// Archives of Java, and those in them, three deep at most.
bool is_jar(std::string_view path);
Bundle read_jar(std::string_view path, const codec::Bytes& file, std::size_t& budget);

inline constexpr std::size_t kMostPackages = 20'000;  // Of one image.

}  // namespace tare::trust
