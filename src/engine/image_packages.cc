// SPDX-License-Identifier: Apache-2.0
#include "engine/image_packages.h"

#include <set>

#include "engine/package_reader.h"

namespace tare::engine {

trust::PackageList packages_of(ImageFiles& files) {
  trust::PackageList list;
  list.distribution = distribution_of(files);
  std::set<trust::Package> all;
  std::set<std::string> known;  // The same package may be told of twice.
  const auto take = [&](const std::string&, trust::Bundle bundle) {
    for (trust::Package& each : bundle.packages)
      if (all.size() < trust::kMostPackages && known.insert(each.purl()).second)
        all.insert(std::move(each));
  };
  list.notes = read_packages(files, list.distribution, {.take = take});
  if (all.size() == trust::kMostPackages) list.notes.emplace_back("there are more packages");
  list.packages.assign(all.begin(), all.end());
  return list;
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
