// SPDX-License-Identifier: Apache-2.0
#include "deb/package.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "deb/repository.h"
#include "deb/version.h"

namespace tare::deb {
namespace {

constexpr std::size_t kMostPackages = 1'000'000;

int importance_of(std::string_view priority) {
  constexpr std::array kNames = {"optional", "standard", "important", "required"};
  const auto found = std::ranges::find(kNames, priority);
  return found == kNames.end() ? 0 : static_cast<int>(found - kNames.begin());
}

Package package_of(const Stanza& stanza) {
  return {.name = stanza.get("Package"),
          .version = stanza.get("Version"),
          .architecture = stanza.get("Architecture"),
          .multi_arch = stanza.get("Multi-Arch"),
          .depends = stanza.get("Depends"),
          .pre_depends = stanza.get("Pre-Depends"),
          .provides = stanza.get("Provides"),
          .conflicts = stanza.get("Conflicts"),
          .breaks = stanza.get("Breaks"),
          .filename = stanza.get("Filename"),
          .sha256 = stanza.get("SHA256"),
          .text = stanza.text,
          .importance = importance_of(stanza.get("Priority"))};
}

template <typename Take>
Result<std::vector<Package>> read_packages(std::string_view text, std::string_view architecture,
                                           const Take& take) {
  std::vector<Package> packages;
  StanzaReader reader(text);
  Stanza stanza;
  while (TRY(reader.next(stanza))) {
    Package package = package_of(stanza);
    if (!is_package_name(package.name) || !is_version(package.version))
      return fail(Kind::Corrupt, "the package " + quoted(package.name) + " of the version " +
                                     quoted(package.version));
    if (package.architecture != architecture && package.architecture != "all") continue;
    if (!TRY(take(stanza, package))) continue;
    if (packages.size() == kMostPackages) return fail(Kind::Corrupt, "there are too many packages");
    packages.push_back(package);
  }
  return packages;
}

}  // namespace

Result<std::vector<Package>> read_index(std::string_view text, std::string_view architecture) {
  return read_packages(
      text, architecture, [](const Stanza& stanza, Package& package) -> Result<bool> {
        constexpr std::size_t kDigits = 64;
        const auto size = parse_u64(stanza.get("Size"));
        if (!size || !is_repository_path(package.filename) || package.sha256.size() != kDigits)
          return fail(Kind::Corrupt,
                      "the package " + package.label() + " has no file, size or SHA256");
        package.size = *size;
        return true;
      });
}

Result<std::vector<Package>> read_status(std::string_view text, std::string_view architecture) {
  return read_packages(text, architecture,
                       [](const Stanza& stanza, const Package&) -> Result<bool> {
                         // "install ok installed": the last word is what it is.
                         const std::string_view status = stanza.get("Status");
                         return status.ends_with(" installed") || status.ends_with(" unpacked") ||
                                status.ends_with(" half-configured") || status.empty();
                       });
}

}  // namespace tare::deb
