// SPDX-License-Identifier: Apache-2.0
#include "trust/packages.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/text.h"
#include "trust/package_readers.h"

namespace tare::trust {
namespace {

std::string in_purl(std::string_view text, bool is_path = false) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool stays = std::isalnum(byte) != 0 || c == '.' || c == '-' || c == '_' || c == '~' ||
                       c == ':' || (is_path && c == '/');
    if (stays) {
      out += c;
      continue;
    }
    std::string hex = to_hex(std::string_view(&c, 1));
    for (char& digit : hex) digit = static_cast<char>(std::toupper(digit));
    out += "%" + hex;
  }
  return out;
}

struct Reader {
  bool (*is_its)(std::string_view path);
  std::vector<Package> (*read)(std::string_view text, const Distribution& distribution);
};

bool is_named(std::string_view path, std::string_view name) {
  return path.ends_with(name) && path.size() > name.size() &&
         path[path.size() - name.size() - 1] == '/';
}

bool is_dpkg(std::string_view path) {
  constexpr std::string_view kPieces = "/var/lib/dpkg/status.d/";
  return path == "/var/lib/dpkg/status" ||
         (path.starts_with(kPieces) && !path.ends_with(".md5sums") &&
          path.find('/', kPieces.size()) == std::string_view::npos);
}
bool is_apk(std::string_view path) {
  return path == "/lib/apk/db/installed" || path == "/usr/lib/apk/db/installed";
}
// node_modules/NAME/package.json or node_modules/@SCOPE/NAME/package.json: an installed package,
// and not a file of one.
bool is_npm(std::string_view path) {
  constexpr std::string_view kModules = "/node_modules/";
  if (!is_named(path, "package.json")) return false;
  const std::size_t at = path.rfind(kModules);
  if (at == std::string_view::npos) return false;
  const std::string_view below = path.substr(at + kModules.size());
  const auto slashes = std::ranges::count(below, '/');
  return slashes == (below.starts_with('@') ? 2 : 1);
}
bool is_npm_lock(std::string_view path) {
  return is_named(path, "package-lock.json") || is_named(path, "npm-shrinkwrap.json");
}
bool is_yarn(std::string_view path) { return is_named(path, "yarn.lock"); }
bool is_pnpm(std::string_view path) { return is_named(path, "pnpm-lock.yaml"); }
bool is_python(std::string_view path) {
  return path.ends_with(".dist-info/METADATA") || path.ends_with(".egg-info/PKG-INFO") ||
         path.ends_with("/EGG-INFO/PKG-INFO") || path.ends_with(".egg-info");
}
bool is_pipfile(std::string_view path) { return is_named(path, "Pipfile.lock"); }
bool is_python_lock(std::string_view path) {
  return is_named(path, "poetry.lock") || is_named(path, "uv.lock");
}
bool is_requirements(std::string_view path) { return is_named(path, "requirements.txt"); }
bool is_go_mod(std::string_view path) { return is_named(path, "go.mod"); }
bool is_cargo(std::string_view path) { return is_named(path, "Cargo.lock"); }
bool is_composer(std::string_view path) {
  return is_named(path, "composer.lock") || path.ends_with("/vendor/composer/installed.json");
}
bool is_gem(std::string_view path) {
  return path.ends_with(".gemspec") && path.find("/specifications/") != std::string_view::npos;
}
bool is_gems(std::string_view path) { return is_named(path, "Gemfile.lock"); }

constexpr Reader kReaders[] = {
    {is_dpkg, read_dpkg},
    {is_apk, read_apk},
    {is_npm, read_npm_package},
    {is_npm_lock, read_npm_lock},
    {is_yarn, read_yarn_lock},
    {is_pnpm, read_pnpm_lock},
    {is_python, read_python_metadata},
    {is_requirements, read_requirements},
    {is_pipfile, read_pipfile_lock},
    {is_python_lock, read_python_lock},
    {is_go_mod, read_go_mod},
    {is_cargo, read_cargo_lock},
    {is_composer, read_composer_lock},
    {is_gems, read_gemfile_lock},
    {is_gem, read_gemspec},
};

const Reader* reader_of(std::string_view path) {
  const auto* const found =
      std::ranges::find_if(kReaders, [&](const Reader& reader) { return reader.is_its(path); });
  return found == std::end(kReaders) ? nullptr : found;
}

}  // namespace

std::string Package::purl() const {
  std::string out = "pkg:" + type;
  if (!space.empty()) out += "/" + in_purl(space, true);
  out += "/" + in_purl(name);
  if (!version.empty()) out += "@" + in_purl(version);
  if (!architecture.empty()) out += "?arch=" + in_purl(architecture);
  if (!epoch.empty()) out += (architecture.empty() ? "?epoch=" : "&epoch=") + in_purl(epoch);
  return out;
}

std::string Package::label() const {
  const bool is_system = type == "deb" || type == "rpm" || type == "apk";
  if (is_system || space.empty()) return name;
  return space + (type == "maven" ? ":" : "/") + name;
}

Distribution parse_os_release(std::string_view text) {
  Distribution distribution;
  for (const std::string& line : split(text.substr(0, 64 << 10), '\n')) {
    const auto pair = split_once(line, '=');
    if (!pair) continue;
    std::string_view value = trim(pair->second);
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
        value.back() == value.front())
      value = value.substr(1, value.size() - 2);
    if (pair->first == "ID") distribution.id = value;
    if (pair->first == "VERSION_ID") distribution.version = value;
  }
  return distribution;
}

bool tells_of_packages(std::string_view path) { return reader_of(path) != nullptr; }

void finish_packages(std::string_view path, std::vector<Package>& packages) {
  // Who has neither is none; a name of a mile is somebody's joke.
  constexpr std::size_t kMostText = 512;
  std::erase_if(packages, [](const Package& package) {
    return package.name.empty() || package.name.size() > kMostText ||
           package.version.size() > kMostText || package.space.size() > kMostText;
  });
  if (packages.size() > kMostPackages) packages.resize(kMostPackages);
  for (Package& package : packages) {
    package.place = path;
    for (std::string* text_of :
         {&package.name, &package.version, &package.space, &package.architecture, &package.epoch,
          &package.vendor, &package.source, &package.license, &package.place})
      *text_of = escaped(text_of->substr(0, 4 * kMostText));
  }
}

std::vector<Package> read_packages(std::string_view path, std::string_view text,
                                   const Distribution& distribution) {
  const Reader* const reader = reader_of(path);
  if (reader == nullptr) return {};
  std::vector<Package> packages = reader->read(text, distribution);
  finish_packages(path, packages);
  return packages;
}

}  // namespace tare::trust
