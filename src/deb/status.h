// SPDX-License-Identifier: Apache-2.0
// dpkg's database: /var/lib/dpkg/status. [dpkg(1) "INFORMATION ABOUT PACKAGES"]
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tare::deb {

// A package's stanza for the status, from its control file. `conffiles`: paths and contents.
std::string status_stanza(std::string_view control,
                          const std::vector<std::pair<std::string, std::string>>& conffiles);

// The status but for the packages of these names.
std::string without_packages(std::string_view status, const std::set<std::string>& names);

}  // namespace tare::deb
