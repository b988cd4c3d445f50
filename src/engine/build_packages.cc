// SPDX-License-Identifier: Apache-2.0
#include "engine/build_packages.h"

#include <fcntl.h>

#include "base/text.h"
#include "engine/build_workshop.h"
#include "trust/packages.h"

namespace tare::engine {
namespace {

constexpr std::size_t kMaxDatabase = 64 << 20;
constexpr std::size_t kMaxRpm = 256 << 20;

std::string file_in(int root, const std::string& path, std::size_t limit = kMaxDatabase) {
  const auto file = sys::open_in_root(root, path, O_RDONLY | O_NONBLOCK);
  if (!file) return "";
  return sys::read_all(file->get(), limit).value_or("");
}

// Calls `take` with name and version of each stanza that has both lines.
template <typename Take>
void read_stanzas(std::string_view text, std::string_view name_key, std::string_view version_key,
                  const Take& take) {
  std::string name;
  std::string version;
  std::string status;
  for (const std::string& line : split(text, '\n')) {
    if (line.empty()) {
      if (!name.empty() && !version.empty()) take(name, version, status);
      name.clear();
      version.clear();
      status.clear();
    } else if (line.starts_with(name_key)) {
      name = trim(std::string_view(line).substr(name_key.size()));
    } else if (line.starts_with(version_key)) {
      version = trim(std::string_view(line).substr(version_key.size()));
    } else if (line.starts_with("Status:")) {
      status = line;
    }
  }
  if (!name.empty() && !version.empty()) take(name, version, status);
}

void read_rpm(std::string_view database, Packages& packages) {
  for (const trust::Package& each : trust::read_rpm("", database, {}).packages) {
    // Several versions of one may be there: kernels.
    std::string& versions = packages[each.name];
    versions += (versions.empty() ? "" : " ") + each.version;
  }
}

}  // namespace

void read_dpkg(std::string_view status, Packages& packages) {
  read_stanzas(status, "Package:", "Version:",
               [&](const std::string& name, const std::string& version, const std::string& state) {
                 // Removed ones that left settings behind have a stanza, too. [dpkg-query(1)]
                 if (state.empty() || state.ends_with(" installed")) packages[name] = version;
               });
}

void read_apk(std::string_view installed, Packages& packages) {
  read_stanzas(installed, "P:", "V:",
               [&](const std::string& name, const std::string& version, const std::string&) {
                 packages[name] = version;
               });
}

Result<Packages> packages_of(Engine& engine, const image::Image& image) {
  const image::TransferProgress silent;
  BuildWorkshop workshop(engine, silent);
  TRY(workshop.begin());
  const build::View view = TRY(workshop.look(build::Files::of(image)));
  Packages packages;
  Packages rpm;  // One of the places may lead to another.
  read_dpkg(file_in(view.root.get(), "/var/lib/dpkg/status"), packages);
  read_apk(file_in(view.root.get(), "/lib/apk/db/installed"), packages);
  for (const std::string_view place : trust::kRpmPlaces)
    for (const char* name : {"/rpmdb.sqlite", "/Packages.db", "/Packages"}) {
      const std::string database = file_in(view.root.get(), std::string(place) + name, kMaxRpm);
      if (!database.empty() && rpm.empty()) read_rpm(database, rpm);
    }
  packages.merge(rpm);
  return packages;
}

std::vector<std::string> package_changes(const Packages& before, const Packages& after) {
  std::vector<std::string> lines;
  for (const auto& [name, version] : after) {
    const auto old = before.find(name);
    if (old == before.end())
      lines.push_back("  + " + name + " " + version);
    else if (old->second != version)
      lines.push_back("    " + name + ": " + old->second + " -> " + version);
  }
  for (const auto& [name, version] : before)
    if (!after.contains(name)) lines.push_back("  - " + name + " " + version);
  return lines;
}

}  // namespace tare::engine
