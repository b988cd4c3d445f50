// SPDX-License-Identifier: Apache-2.0
#include "engine/package_owners.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "engine/package_reader.h"

namespace tare::engine {
namespace {

constexpr std::size_t kMostOwned = 2'000'000;  // Files that packages have;
constexpr std::size_t kMaxOwned = 256 << 20;   // the bytes of their names.
constexpr std::size_t kMaxPath = 4096;         // [PATH_MAX]
constexpr const char* kInfo = "/var/lib/dpkg/info";
constexpr const char* kPieces = "/var/lib/dpkg/status.d";
constexpr const char* kApk[] = {"/lib/apk/db/installed", "/usr/lib/apk/db/installed"};

void each_line(std::string_view text, const std::function<void(std::string_view)>& use) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    use(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

std::string_view parent_of(std::string_view path) { return path.substr(0, path.rfind('/')); }

// `name` below `directory`, without "..": lists of Python lead out of the place of libraries to
// that of programs.
std::string joined(std::string_view directory, std::string_view name) {
  while (name.starts_with("../")) {
    name.remove_prefix(3);
    directory = parent_of(directory);
  }
  return std::string(directory) + "/" + std::string(name);
}

}  // namespace

void PackageOwners::add(std::string path, std::size_t package) {
  if (owners_.size() >= kMostOwned || path.size() >= kMaxPath) return;
  owned_bytes_ += path.size();
  if (owned_bytes_ <= kMaxOwned) owners_.emplace(std::move(path), package);
}

std::size_t PackageOwners::number_of(const trust::Package& package) {
  if (packages_.empty() || packages_.back() != package) packages_.push_back(package);
  return packages_.size() - 1;
}

void PackageOwners::add_dpkg_list(std::string_view text, std::size_t package, bool with_digests) {
  each_line(text, [&](std::string_view line) {
    std::string path;
    if (with_digests) {  // "HEX  path": as md5sum(1) prints.
      const std::size_t at = line.find("  ");
      if (at == std::string_view::npos) return;
      path = "/" + std::string(line.substr(at + 2));
    } else {
      path = line;
    }
    add(std::move(path), package);
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
      if (const auto text = files.read(directory + "/" + name, kMaxPackageFile))
        add_dpkg_list(*text, found->second, end == kSums);
    }
}

trust::TakeFile PackageOwners::taker() {
  return [this](std::string path, const trust::Package& package) {
    add(std::move(path), number_of(package));
  };
}

void PackageOwners::read_systems(ImageFiles& files, const trust::Distribution& distribution) {
  std::vector<std::string> places{"/var/lib/dpkg/status"};
  for (const std::string& name : files.list(kPieces))
    places.push_back(std::string(kPieces) + "/" + name);
  std::vector<trust::Package> packages;
  for (const std::string& place : places)
    if (const auto text = files.read(place, kMaxPackageFile))
      std::ranges::move(trust::read_packages(place, *text, distribution),
                        std::back_inserter(packages));
  read_dpkg(files, packages);
  for (const char* place : kApk)
    if (const auto text = files.read(place, kMaxPackageFile))
      trust::read_apk_files(*text, distribution, taker());
  for (const std::string_view directory : trust::kRpmPlaces)
    for (const std::string& name : files.list(directory)) {
      const std::string place = std::string(directory) + "/" + name;
      if (!trust::is_rpm_database(place)) continue;
      if (const auto database = files.read(place, kMaxRpmDatabase))
        trust::read_rpm(place, *database, distribution, taker());
    }
}

// Lines are "NAME,DIGEST,SIZE"; a name with a comma is in quotes. [PyPA, "Recording installed
// projects", RECORD]
void PackageOwners::add_python_list(std::string_view text, std::string_view directory,
                                    std::size_t package) {
  each_line(text, [&](std::string_view line) {
    const bool is_quoted = line.starts_with('"');
    if (is_quoted) line.remove_prefix(1);
    const std::size_t end = line.find(is_quoted ? '"' : ',');
    if (end == std::string_view::npos || end == 0 || end >= kMaxPath) return;
    const std::string_view name = line.substr(0, end);
    add(name.starts_with('/') ? std::string(name) : joined(directory, name), package);
  });
}

void PackageOwners::add_own(ImageFiles& files, const std::string& path,
                            const trust::Bundle& bundle) {
  constexpr std::string_view kMetadata = "/METADATA";
  constexpr std::string_view kSpecifications = "/specifications/";
  const trust::Package& first = bundle.packages.front();
  if (bundle.has_own) {
    add(path, number_of(first));
  } else if (path.ends_with(".dist-info/METADATA")) {
    const std::string info = path.substr(0, path.size() - kMetadata.size());
    const auto list = files.read(info + "/RECORD", kMaxPackageFile);
    if (list) add_python_list(*list, parent_of(info), number_of(first));
  } else if (path.ends_with("/package.json")) {
    directories_.emplace(parent_of(path), number_of(first));
  } else if (const std::size_t at = path.rfind(kSpecifications);
             at != std::string::npos && path.ends_with(".gemspec")) {
    // specifications/rake-13.0.gemspec is of gems/rake-13.0.
    std::string name = path.substr(path.rfind('/') + 1);
    name.resize(name.rfind('.'));
    directories_.emplace(path.substr(0, at) + "/gems/" + name, number_of(first));
  }
}

PackageOwners PackageOwners::read(ImageFiles& files) {
  PackageOwners owners;
  const trust::Distribution distribution = distribution_of(files);
  owners.read_systems(files, distribution);
  // What the system's packages have is theirs.
  const auto take = [&](const std::string& path, const trust::Bundle& bundle) {
    owners.add_own(files, path, bundle);
  };
  read_packages(files, distribution, {.with_systems = false, .take = take});
  return owners;
}

const trust::Package* PackageOwners::find(std::string_view path) const {
  auto found = owners_.find(std::string(path));
  // Merged /usr: packages built before it name the directories of the old place.
  if (found == owners_.end() && path.starts_with("/usr/"))
    found = owners_.find(std::string(path.substr(4)));
  for (std::string_view above = parent_of(path);
       found == owners_.end() && !directories_.empty() && !above.empty(); above = parent_of(above))
    if (const auto at = directories_.find(std::string(above)); at != directories_.end())
      return &packages_[at->second];
  return found == owners_.end() ? nullptr : &packages_[found->second];
}

}  // namespace tare::engine
