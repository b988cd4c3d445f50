// SPDX-License-Identifier: Apache-2.0
// Which Debian package a file of the host belongs to, from dpkg's own files. [dpkg(1), FILES]
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/host_tree.h"

namespace tare::audit {

struct DpkgPackage {
  std::string name;  // Without the architecture.
  std::string version;
  std::string architecture;
  std::string stanza;  // As in the status file, one newline at the end, without Conffiles.
};

class Dpkg {
 public:
  // Reads nothing yet.
  explicit Dpkg(HostTree& tree) : tree_(tree) {}

  // Where the lists are; nullopt on hosts without dpkg.
  Result<std::optional<std::string>> info_directory();

  // The owner of each path that has one: "libc6:amd64" or "tzdata", the key of packages(). One pass
  // over all lists. The paths have no symlinks in them; dpkg may know /usr/lib/x as /lib/x.
  Result<std::map<std::string, std::string>> owners(const std::vector<std::string>& paths);

  // A package that ships a file with this name, if an installed one does: for hints.
  Result<std::optional<std::string>> owner_of_name(const std::string& name);

  // Packages by key as owners() gives them. Unknown ones are left out.
  Result<std::map<std::string, DpkgPackage>> packages(const std::vector<std::string>& keys);

 private:
  HostTree& tree_;
};

// One paragraph of the status file. Nothing when it has no Package and Version.
std::optional<DpkgPackage> parse_dpkg_stanza(std::string_view stanza);

}  // namespace tare::audit
