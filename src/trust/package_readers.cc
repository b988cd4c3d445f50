// SPDX-License-Identifier: Apache-2.0
#include "trust/package_readers.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "codec/json.h"

namespace tare::trust {
namespace {

constexpr std::size_t kMaxPath = 4096;  // [PATH_MAX]
constexpr json::Limits kJsonLimits{.bytes = 16 << 20, .depth = 32, .values = 500'000};

// Calls `use(paragraph)` for what is between empty lines.
template <typename Use>
void each_paragraph(std::string_view text, const Use& use) {
  while (!text.empty()) {
    const std::size_t end = text.find("\n\n");
    use(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
}

// Calls `use(name, value)` for each "Name: value"; continued lines are left out.
template <typename Use>
void each_field(std::string_view paragraph, const Use& use) {
  for_each_line(paragraph, [&](std::string_view line) {
    if (line.starts_with(' ') || line.starts_with('\t')) return;
    if (const auto pair = split_once(line, ':')) use(pair->first, trim(pair->second));
  });
}

void add_npm(std::vector<Package>& packages, std::string_view name, const json::Value& value) {
  Package package{.type = "npm"};
  if (const auto scope = name.starts_with('@') ? split_once(name, '/') : std::nullopt) {
    package.space = scope->first;
    package.name = scope->second;
  } else {
    package.name = name;
  }
  package.version = value["version"].as_string();
  package.license = value["license"].as_string();
  if (!package.version.empty() && packages.size() < kMostPackages)
    packages.push_back(std::move(package));
}

}  // namespace

std::string python_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool is_separator = c == '-' || c == '_' || c == '.';
    if (!is_separator)
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!out.ends_with('-'))
      out += '-';
  }
  return out;
}

std::vector<Package> read_dpkg(std::string_view text, const Distribution& distribution) {
  std::vector<Package> packages;
  each_paragraph(text, [&](std::string_view paragraph) {
    Package package{.type = "deb", .space = distribution.id.empty() ? "debian" : distribution.id};
    bool is_installed = true;
    each_field(paragraph, [&](std::string_view name, std::string_view value) {
      if (name == "Package") package.name = value;
      if (name == "Version") package.version = value;
      if (name == "Architecture") package.architecture = value;
      if (name == "Source") package.source = value.substr(0, value.find(' '));
      // Pieces of images without dpkg have no status.
      if (name == "Status") is_installed = value.ends_with(" installed");
    });
    if (is_installed && !package.name.empty() && packages.size() < kMostPackages)
      packages.push_back(std::move(package));
  });
  return packages;
}

namespace {

template <typename Use>
void each_apk(std::string_view text, const Distribution& distribution, const Use& use) {
  each_paragraph(text, [&](std::string_view paragraph) {
    Package package{.type = "apk", .space = distribution.id.empty() ? "alpine" : distribution.id};
    for_each_line(paragraph, [&](std::string_view line) {
      if (line.size() < 2 || line[1] != ':') return;
      const std::string_view value = line.substr(2);
      if (line[0] == 'P') package.name = value;
      if (line[0] == 'V') package.version = value;
      if (line[0] == 'A') package.architecture = value;
      if (line[0] == 'o') package.source = value;
      if (line[0] == 'L') package.license = value;
    });
    if (!package.name.empty()) use(package, paragraph);
  });
}

}  // namespace

std::vector<Package> read_apk(std::string_view text, const Distribution& distribution) {
  std::vector<Package> packages;
  each_apk(text, distribution, [&](Package& package, std::string_view) {
    if (packages.size() < kMostPackages) packages.push_back(std::move(package));
  });
  return packages;
}

void read_apk_files(std::string_view installed, const Distribution& distribution,
                    const TakeFile& take) {
  each_apk(installed, distribution, [&](Package& package, std::string_view paragraph) {
    std::string_view directory;
    for_each_line(paragraph, [&](std::string_view line) {
      if (line.starts_with("F:")) directory = line.substr(2);
      if (line.starts_with("R:") && line.size() + directory.size() < kMaxPath)
        take("/" + std::string(directory) + (directory.empty() ? "" : "/") +
                 std::string(line.substr(2)),
             package);
    });
  });
}

std::vector<Package> read_npm_package(std::string_view text, const Distribution&) {
  std::vector<Package> packages;
  const auto value = json::parse(text, kJsonLimits);
  if (value) add_npm(packages, (*value)["name"].as_string(), *value);
  return packages;
}

std::vector<Package> read_npm_lock(std::string_view text, const Distribution&) {
  constexpr std::string_view kModules = "node_modules/";
  std::vector<Package> packages;
  const auto value = json::parse(text, kJsonLimits);
  if (!value) return packages;
  for (const auto& [path, entry] : (*value)["packages"].as_object()) {
    const std::size_t at = path.rfind(kModules);
    if (at == std::string::npos || entry["link"].as_bool()) continue;
    add_npm(packages, std::string_view(path).substr(at + kModules.size()), entry);
  }
  if (packages.empty())  // Of before npm 7.
    for (const auto& [name, entry] : (*value)["dependencies"].as_object())
      add_npm(packages, name, entry);
  return packages;
}

std::vector<Package> read_python_metadata(std::string_view text, const Distribution&) {
  Package package{.type = "pypi"};
  // The header alone: behind it is a description.
  each_field(text.substr(0, text.find("\n\n")), [&](std::string_view name, std::string_view value) {
    if (name == "Name") package.name = python_name(value);
    if (name == "Version") package.version = value;
    if (name == "License-Expression" || (name == "License" && package.license.empty()))
      package.license = value;
  });
  if (package.name.empty() || package.version.empty()) return {};
  return {package};
}

std::vector<Package> read_requirements(std::string_view text, const Distribution&) {
  std::vector<Package> packages;
  for_each_line(text, [&](std::string_view line) {
    line = trim(line.substr(0, line.find('#')));
    const std::size_t at = line.find("==");
    if (at == std::string_view::npos || line.starts_with('-')) return;
    std::string_view name = trim(line.substr(0, at));
    name = trim(name.substr(0, name.find('[')));
    std::string_view version = line.substr(at + 2);
    while (version.starts_with('=')) version.remove_prefix(1);
    version = trim(version.substr(0, version.find_first_of(" ;,\\")));
    if (name.empty() || version.empty() || version.find('*') != std::string_view::npos) return;
    if (packages.size() >= kMostPackages) return;
    packages.push_back(
        {.type = "pypi", .name = python_name(name), .version = std::string(version)});
  });
  return packages;
}

Package go_package(std::string_view path, std::string version) {
  Package package{.type = "golang", .version = std::move(version)};
  const std::size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) package.space = path.substr(0, slash);
  package.name = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
  return package;
}

std::vector<Package> read_go_mod(std::string_view text, const Distribution&) {
  std::vector<Package> packages;
  bool inside = false;
  for_each_line(text, [&](std::string_view line) {
    line = trim(line.substr(0, line.find("//")));
    if (line == "require (") {
      inside = true;
      return;
    }
    if (line == ")") inside = false;
    const bool single = line.starts_with("require ");
    if (!inside && !single) return;
    if (single) line = trim(line.substr(8));
    const std::size_t space = line.find_first_of(" \t");
    if (space == std::string_view::npos || packages.size() >= kMostPackages) return;
    packages.push_back(go_package(line.substr(0, space), std::string(trim(line.substr(space)))));
  });
  return packages;
}

std::vector<Package> read_cargo_lock(std::string_view text, const Distribution&) {
  std::vector<Package> packages;
  const auto value_of = [](std::string_view line, std::string_view key) -> std::string_view {
    if (!line.starts_with(key)) return {};
    line = trim(line.substr(key.size()));
    if (!line.starts_with('=')) return {};
    line = trim(line.substr(1));
    if (line.size() < 2 || line.front() != '"' || line.back() != '"') return {};
    return line.substr(1, line.size() - 2);
  };
  bool inside = false;
  for_each_line(text, [&](std::string_view line) {
    line = trim(line);
    if (line.starts_with('[')) inside = line == "[[package]]";
    if (packages.size() >= kMostPackages) return;
    if (line == "[[package]]") packages.push_back({.type = "cargo"});
    if (!inside || packages.empty()) return;
    if (const auto name = value_of(line, "name"); !name.empty()) packages.back().name = name;
    if (const auto version = value_of(line, "version"); !version.empty())
      packages.back().version = version;
  });
  return packages;
}

std::vector<Package> read_gemfile_lock(std::string_view text, const Distribution&) {
  std::vector<Package> packages;
  bool inside = false;
  for_each_line(text, [&](std::string_view line) {
    if (!line.starts_with(' ')) inside = line == "GEM";
    // Four spaces: what is installed; six: what that needs.
    if (!inside || !line.starts_with("    ") || line.starts_with("     ")) return;
    line = trim(line);
    const std::size_t open = line.find(" (");
    if (open == std::string_view::npos || !line.ends_with(')')) return;
    if (packages.size() >= kMostPackages) return;
    packages.push_back({.type = "gem",
                        .name = std::string(line.substr(0, open)),
                        .version = std::string(line.substr(open + 2, line.size() - open - 3))});
  });
  return packages;
}

}  // namespace tare::trust
