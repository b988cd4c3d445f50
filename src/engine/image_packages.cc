// SPDX-License-Identifier: Apache-2.0
#include "engine/image_packages.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace tare::engine {
namespace {

constexpr std::size_t kMaxFile = 64 << 20;     // Of one file that tells of packages;
constexpr std::size_t kMaxAll = 512 << 20;     // of all of them;
constexpr std::size_t kMostFiles = 50'000;     // and their number.
constexpr std::size_t kMostOwned = 2'000'000;  // Files that packages have.
constexpr const char* kInfo = "/var/lib/dpkg/info";
constexpr const char* kPieces = "/var/lib/dpkg/status.d";
constexpr const char* kApk[] = {"/lib/apk/db/installed", "/usr/lib/apk/db/installed"};
constexpr std::string_view kRpm[] = {"/var/lib/rpm/", "/usr/lib/sysimage/rpm/", "/usr/share/rpm/"};

trust::Distribution distribution_of(ImageFiles& files) {
  constexpr std::size_t kMaxRelease = 64 << 10;
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"})
    if (const auto text = files.read(path, kMaxRelease)) return trust::parse_os_release(*text);
  return {};
}

void each_line(std::string_view text, const std::function<void(std::string_view)>& use) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    use(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

}  // namespace

trust::PackageList packages_of(ImageFiles& files) {
  trust::PackageList list;
  list.distribution = distribution_of(files);
  std::vector<std::string> paths;
  bool has_rpm = false;
  files.each([&](const std::string& path, const ImageFiles::Found&) {
    if (trust::tells_of_packages(path)) paths.push_back(path);
    has_rpm = has_rpm || std::ranges::any_of(
                             kRpm, [&](std::string_view place) { return path.starts_with(place); });
  });
  if (has_rpm) list.notes.emplace_back("packages of rpm are not read");
  std::size_t bytes = 0;
  std::size_t unread = paths.size() > kMostFiles ? paths.size() - kMostFiles : 0;
  if (unread > 0) paths.resize(kMostFiles);
  std::set<trust::Package> all;
  std::set<std::string> known;  // The same package may be told of twice.
  for (const std::string& path : paths) {
    const auto text = bytes < kMaxAll ? files.read(path, kMaxFile) : fail(Kind::Invalid, "");
    if (!text) {
      ++unread;
      continue;
    }
    bytes += text->size();
    for (trust::Package& each : trust::read_packages(path, *text, list.distribution))
      if (all.size() < trust::kMostPackages && known.insert(each.purl()).second)
        all.insert(std::move(each));
  }
  if (unread > 0)
    list.notes.push_back(std::to_string(unread) + " files that tell of packages were not read");
  if (all.size() == trust::kMostPackages) list.notes.emplace_back("there are more packages");
  list.packages.assign(all.begin(), all.end());
  return list;
}

void PackageOwners::add_dpkg_list(std::string_view text, std::size_t package, bool with_digests) {
  each_line(text, [&](std::string_view line) {
    if (owners_.size() >= kMostOwned) return;
    std::string path;
    if (with_digests) {  // "HEX  path": as md5sum(1) prints.
      const std::size_t at = line.find("  ");
      if (at == std::string_view::npos) return;
      path = "/" + std::string(line.substr(at + 2));
    } else {
      path = line;
    }
    owners_.emplace(std::move(path), package);
  });
}

void PackageOwners::read_dpkg(ImageFiles& files, const std::vector<trust::Package>& packages) {
  std::map<std::string, std::size_t> numbers;  // "libc6" and "libc6:amd64".
  for (const trust::Package& each : packages) {
    if (each.type != "deb") continue;
    numbers.emplace(each.name, packages_.size());
    numbers[each.name + ":" + each.architecture] = packages_.size();
    packages_.push_back(each);
  }
  if (numbers.empty()) return;
  constexpr std::string_view kList = ".list";
  constexpr std::string_view kSums = ".md5sums";
  for (const auto& [directory, end] :
       {std::pair(std::string(kInfo), kList), std::pair(std::string(kPieces), kSums)})
    for (const std::string& name : files.list(directory)) {
      if (!name.ends_with(end)) continue;
      const auto found = numbers.find(name.substr(0, name.size() - end.size()));
      if (found == numbers.end()) continue;
      if (const auto text = files.read(directory + "/" + name, kMaxFile))
        add_dpkg_list(*text, found->second, end == kSums);
    }
}

PackageOwners PackageOwners::read(ImageFiles& files) {
  PackageOwners owners;
  const trust::Distribution distribution = distribution_of(files);
  std::vector<std::string> places{"/var/lib/dpkg/status"};
  for (const std::string& name : files.list(kPieces))
    places.push_back(std::string(kPieces) + "/" + name);
  std::vector<trust::Package> packages;
  for (const std::string& place : places)
    if (const auto text = files.read(place, kMaxFile))
      std::ranges::move(trust::read_packages(place, *text, distribution),
                        std::back_inserter(packages));
  owners.read_dpkg(files, packages);
  for (const char* place : kApk) {
    const auto text = files.read(place, kMaxFile);
    if (!text) continue;
    trust::read_apk_files(*text, distribution, [&](std::string path, const trust::Package& each) {
      if (owners.owners_.size() >= kMostOwned) return;
      if (owners.packages_.empty() || owners.packages_.back() != each)
        owners.packages_.push_back(each);
      owners.owners_.emplace(std::move(path), owners.packages_.size() - 1);
    });
  }
  return owners;
}

const trust::Package* PackageOwners::find(std::string_view path) const {
  auto found = owners_.find(std::string(path));
  // Merged /usr: packages built before it name the directories of the old place.
  if (found == owners_.end() && path.starts_with("/usr/"))
    found = owners_.find(std::string(path.substr(4)));
  return found == owners_.end() ? nullptr : &packages_[found->second];
}

std::vector<std::string> archive_names(const trust::Package& package) {
  if (package.type == "apk") return {package.name + "-" + package.version + ".apk"};
  if (package.type != "deb") return {};
  std::vector<std::string> names;
  const std::size_t colon = package.version.find(':');
  const auto add = [&](const std::string& version) {
    names.push_back(package.name + "_" + version + "_" + package.architecture + ".deb");
  };
  // An epoch is escaped in caches, and left out in archives. [apt, pool]
  if (colon != std::string::npos) {
    add(package.version.substr(colon + 1));
    for (const char* escaped_colon : {"%3a", "%3A", "%253a"})
      add(package.version.substr(0, colon) + escaped_colon + package.version.substr(colon + 1));
  } else {
    add(package.version);
  }
  return names;
}

}  // namespace tare::engine
