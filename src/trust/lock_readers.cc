// SPDX-License-Identifier: Apache-2.0
// Lock files, and other lists of what language package managers installed.
#include <algorithm>

#include "base/text.h"
#include "codec/json.h"
#include "trust/package_readers.h"

namespace tare::trust {
namespace {

constexpr json::Limits kJsonLimits{.bytes = 16 << 20, .depth = 32, .values = 500'000};

std::string_view unquoted(std::string_view text) {
  text = trim(text);
  for (const char quote : {'"', '\''})
    if (text.size() >= 2 && text.front() == quote && text.back() == quote)
      return text.substr(1, text.size() - 2);
  return text;
}

// The place of the "@" between a name and what follows, which may start with "@scope/".
std::size_t at_sign(std::string_view text) { return text.find('@', 1); }

Package npm_package(std::string_view name, std::string_view version) {
  Package package{.type = "npm", .version = std::string(version)};
  const auto scope = name.starts_with('@') ? split_once(name, '/') : std::nullopt;
  if (scope) package.space = scope->first;
  package.name = scope ? scope->second : name;
  return package;
}

Package composer_package(const json::Value& entry) {
  Package package{.type = "composer", .version = entry["version"].as_string()};
  if (const auto name = split_once(entry["name"].as_string(), '/')) {
    package.space = name->first;
    package.name = name->second;
  }
  package.license = join(entry["license"].as_strings(), " OR ");
  return package;
}

}  // namespace

std::vector<Package> read_yarn_lock(std::string_view text, const Distribution&) {
  std::vector<Package> packages;
  std::string_view name;
  for_each_line(text, [&](std::string_view line) {
    if (!line.starts_with(' ')) {
      name = {};
      if (line.starts_with('#') || !line.ends_with(':')) return;
      // "a@^1, a@^2": what wants it. Of these the first tells the name.
      std::string_view wanted = line.substr(0, line.size() - 1);
      wanted = unquoted(wanted.starts_with('"') ? wanted : wanted.substr(0, wanted.find(',')));
      if (wanted.starts_with('"')) wanted.remove_prefix(1);
      const std::size_t at = wanted.empty() ? std::string_view::npos : at_sign(wanted);
      // A part of the project itself is no package.
      if (at == std::string_view::npos || wanted.substr(at).starts_with("@workspace:")) return;
      name = wanted.substr(0, at);
    } else if (line.starts_with("  version") && !name.empty()) {
      line.remove_prefix(std::string_view("  version").size());
      if (line.starts_with(':')) line.remove_prefix(1);
      if (packages.size() < kMostPackages) packages.push_back(npm_package(name, unquoted(line)));
      name = {};
    }
  });
  return packages;
}

std::vector<Package> read_pnpm_lock(std::string_view text, const Distribution&) {
  std::vector<Package> packages;
  bool inside = false;
  for_each_line(text, [&](std::string_view line) {
    if (!line.empty() && !line.starts_with(' ')) inside = line == "packages:";
    if (!inside || !line.starts_with("  ") || line.starts_with("   ")) return;
    // "'@a/b@1.2(c@3)':", before "/@a/b@1.2:", before "/@a/b/1.2_c@3:".
    if (line.find(": {") != std::string_view::npos) line = line.substr(0, line.find(": {") + 1);
    if (!line.ends_with(':')) return;
    std::string_view key = unquoted(line.substr(0, line.size() - 1));
    if (key.starts_with('/')) key.remove_prefix(1);
    key = key.substr(0, key.find('('));
    if (key.empty() || packages.size() >= kMostPackages) return;
    const std::size_t scope = key.starts_with('@') ? key.find('/') : std::string_view::npos;
    const std::size_t at = key.find_first_of("/@", scope == std::string_view::npos ? 1 : scope + 1);
    if (at == std::string_view::npos) return;
    std::string_view version = key.substr(at + 1);
    if (key[at] == '/') version = version.substr(0, version.find('_'));
    packages.push_back(npm_package(key.substr(0, at), version));
  });
  return packages;
}

std::vector<Package> read_pipfile_lock(std::string_view text, const Distribution&) {
  std::vector<Package> packages;
  const auto value = json::parse(text, kJsonLimits);
  if (!value) return packages;
  for (const auto& [name, entry] : (*value)["default"].as_object()) {
    std::string_view version = entry["version"].as_string();
    while (version.starts_with('=')) version.remove_prefix(1);
    if (!version.empty() && packages.size() < kMostPackages)
      packages.push_back(
          {.type = "pypi", .name = python_name(name), .version = std::string(version)});
  }
  return packages;
}

std::vector<Package> read_python_lock(std::string_view text, const Distribution& distribution) {
  std::vector<Package> packages = read_cargo_lock(text, distribution);
  for (Package& each : packages) {
    each.type = "pypi";
    each.name = python_name(each.name);
  }
  return packages;
}

std::vector<Package> read_composer_lock(std::string_view text, const Distribution&) {
  std::vector<Package> packages;
  const auto value = json::parse(text, kJsonLimits);
  if (!value) return packages;
  // installed.json of Composer 1 is the list alone.
  for (const json::Value& entry :
       value->is_array() ? value->as_array() : (*value)["packages"].as_array())
    if (packages.size() < kMostPackages) packages.push_back(composer_package(entry));
  return packages;
}

std::vector<Package> read_gemspec(std::string_view text, const Distribution&) {
  Package package{.type = "gem"};
  // `s.name = "rake".freeze`
  const auto value_of = [](std::string_view line, std::string_view key) -> std::string_view {
    if (!line.starts_with(key)) return {};
    line = trim(line.substr(key.size()));
    if (!line.starts_with("= \"")) return {};
    line.remove_prefix(3);
    return line.substr(0, line.find('"'));
  };
  for_each_line(text, [&](std::string_view line) {
    line = trim(line);
    if (package.name.empty()) package.name = value_of(line, "s.name ");
    if (package.version.empty()) package.version = value_of(line, "s.version ");
  });
  if (package.version.empty()) return {};
  return {package};
}

}  // namespace tare::trust
