// SPDX-License-Identifier: Apache-2.0
// Packages of rpm, and their files.
#include <algorithm>

#include "trust/package_readers.h"
#include "trust/packages.h"
#include "trust/rpm_database.h"
#include "trust/rpm_header.h"

namespace tare::trust {
namespace {

using Tag = RpmHeader::Tag;

// "openssl-3.0.7-1.el9.src.rpm" is of "openssl".
std::string_view source_name(std::string_view archive) {
  for (int i = 0; i < 2; ++i) {  // Release and version have no dash.
    const std::size_t dash = archive.rfind('-');
    if (dash == std::string_view::npos) return {};
    archive = archive.substr(0, dash);
  }
  return archive;
}

Package package_of(const RpmHeader& header, const Distribution& distribution) {
  Package package{.type = "rpm", .space = distribution.id};
  package.name = header.text(Tag::Name);
  package.version = header.text(Tag::Version);
  if (const auto release = header.text(Tag::Release); !release.empty())
    package.version += "-" + std::string(release);
  package.architecture = header.text(Tag::Architecture);
  if (const auto epoch = header.numbers(Tag::Epoch); !epoch.empty())
    package.epoch = std::to_string(epoch.front());
  package.vendor = header.text(Tag::Vendor);
  package.license = header.text(Tag::License);
  if (const auto source = source_name(header.text(Tag::SourceRpm)); source != package.name)
    package.source = source;
  return package;
}

void take_files(const RpmHeader& header, const Package& package, const TakeFile& take) {
  constexpr std::size_t kMaxPath = 4096;       // [PATH_MAX]
  constexpr std::uint32_t kNotInstalled = 64;  // Ghosts are somebody else's. [RPMFILE_GHOST]
  const auto names = header.texts(Tag::BaseNames);
  const auto directories = header.texts(Tag::DirectoryNames);
  const auto numbers = header.numbers(Tag::DirectoryNumbers);
  const auto flags = header.numbers(Tag::FileFlags);
  for (std::size_t i = 0; i < names.size() && i < numbers.size(); ++i) {
    if (i < flags.size() && (flags[i] & kNotInstalled) != 0) continue;
    if (numbers[i] >= directories.size()) continue;
    const std::string_view directory = directories[numbers[i]];  // With a slash at its end.
    if (directory.starts_with('/') && directory.size() + names[i].size() < kMaxPath)
      take(std::string(directory) + std::string(names[i]), package);
  }
}

}  // namespace

bool is_rpm_database(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view name = path.substr(slash + 1);
  return (name == "rpmdb.sqlite" || name == "Packages.db" || name == "Packages") &&
         std::ranges::find(kRpmPlaces, path.substr(0, slash)) != std::end(kRpmPlaces);
}

RpmPackages read_rpm(std::string_view path, std::string_view database,
                     const Distribution& distribution, const TakeFile& take) {
  constexpr std::size_t kCounter = 4;  // What Berkeley DB's first record has instead of a header.
  RpmPackages read;
  const bool was_read = each_rpm_header(database, [&](std::string_view blob) {
    if (blob.size() <= kCounter || read.packages.size() >= kMostPackages) return;
    const auto header = RpmHeader::parse(blob);
    read.is_whole = read.is_whole && header.has_value();
    if (!header) return;
    std::vector<Package> one{package_of(*header, distribution)};
    if (one.front().name == "gpg-pubkey") return;  // A key that rpm trusts.
    finish_packages(path, one);
    if (one.empty()) return;
    if (take) take_files(*header, one.front(), take);
    read.packages.push_back(std::move(one.front()));
  });
  read.is_whole = read.is_whole && was_read;
  return read;
}

}  // namespace tare::trust
