// SPDX-License-Identifier: Apache-2.0
#include "engine/image_packages.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"

namespace tare::engine {
namespace {

constexpr std::size_t kMaxFile = 64 << 20;  // Of one file that tells of packages;
constexpr std::size_t kMaxAll = 512 << 20;  // of all of them;
constexpr std::size_t kMostFiles = 50'000;  // and their number.
constexpr std::size_t kMaxRpm = 256 << 20;  // A database of rpm has all of them, with their files.
constexpr std::size_t kMostOwned = 2'000'000;  // Files that packages have;
constexpr std::size_t kMaxOwned = 256 << 20;   // the bytes of their names.
constexpr std::size_t kMaxPath = 4096;         // [PATH_MAX]
constexpr const char* kInfo = "/var/lib/dpkg/info";
constexpr const char* kPieces = "/var/lib/dpkg/status.d";
constexpr const char* kApk[] = {"/lib/apk/db/installed", "/usr/lib/apk/db/installed"};

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

// Reads what tells of packages, in the order of names, within the bounds for an image.
class Lister {
 public:
  explicit Lister(ImageFiles& files) : files_(files) {
    list_.distribution = distribution_of(files);
  }

  trust::PackageList run() {
    std::vector<std::string> paths;
    files_.each([&](const std::string& path, const ImageFiles::Found&) {
      if (!trust::tells_of_packages(path) && !trust::is_rpm_database(path)) return;
      if (paths.size() < kMostFiles)
        paths.push_back(path);
      else
        ++unread_;
    });
    for (const std::string& path : paths)
      if (trust::is_rpm_database(path))
        read_rpm(path);
      else
        read(path);
    if (unread_ > 0)
      list_.notes.push_back(std::to_string(unread_) + " files that tell of packages were not read");
    if (all_.size() == trust::kMostPackages) list_.notes.emplace_back("there are more packages");
    list_.packages.assign(all_.begin(), all_.end());
    return std::move(list_);
  }

 private:
  std::optional<std::string> text_of(const std::string& path, std::size_t limit) {
    auto text = bytes_ < kMaxAll ? files_.read(path, limit) : fail(Kind::Invalid, "");
    if (!text) {
      ++unread_;
      return std::nullopt;
    }
    bytes_ += text->size();
    return std::move(*text);
  }

  void read(const std::string& path) {
    if (const auto text = text_of(path, kMaxFile))
      add(trust::read_packages(path, *text, list_.distribution));
  }

  void read_rpm(const std::string& path) {
    const auto database = text_of(path, kMaxRpm);
    if (!database) return;
    trust::RpmPackages read = trust::read_rpm(path, *database, list_.distribution);
    if (!read.is_whole)
      list_.notes.push_back(escaped(path) + " is damaged: packages of rpm may be missing");
    // What SQLite wrote and did not move over yet; rpm leaves none when it ends as it should.
    if (const auto log = files_.find(path + "-wal"); log && files_.inode(log->inode).size > 0)
      list_.notes.push_back("changes in " + escaped(path) + "-wal are not read");
    add(std::move(read.packages));
  }

  void add(std::vector<trust::Package> packages) {
    for (trust::Package& each : packages)
      if (all_.size() < trust::kMostPackages && known_.insert(each.purl()).second)
        all_.insert(std::move(each));
  }

  ImageFiles& files_;
  trust::PackageList list_;
  std::set<trust::Package> all_;
  std::set<std::string> known_;  // The same package may be told of twice.
  std::size_t bytes_ = 0;
  std::size_t unread_ = 0;
};

}  // namespace

trust::PackageList packages_of(ImageFiles& files) { return Lister(files).run(); }

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
      if (const auto text = files.read(directory + "/" + name, kMaxFile))
        add_dpkg_list(*text, found->second, end == kSums);
    }
}

trust::TakeFile PackageOwners::taker() {
  return [this](std::string path, const trust::Package& package) {
    add(std::move(path), number_of(package));
  };
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
    trust::read_apk_files(*text, distribution, owners.taker());
  }
  for (const std::string_view directory : trust::kRpmPlaces)
    for (const std::string& name : files.list(directory)) {
      const std::string place = std::string(directory) + "/" + name;
      if (!trust::is_rpm_database(place)) continue;
      if (const auto database = files.read(place, kMaxRpm))
        trust::read_rpm(place, *database, distribution, owners.taker());
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
  if (package.type == "rpm")
    return {package.name + "-" + package.version + "." + package.architecture + ".rpm"};
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
