// SPDX-License-Identifier: Apache-2.0
// One reader for each kind of file. Private to the room.
#pragma once

#include "trust/packages.h"

namespace tare::trust {

// What all readers do at last: packages without a name or with one of a mile go; all text is
// escaped; `path` is where they are told of.
void finish_packages(std::string_view path, std::vector<Package>& packages);

// Calls `use(line)` for each line, without its end.
template <typename Use>
void for_each_line(std::string_view text, const Use& use) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    use(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

// The one spelling of a name. [PEP 503, "Normalized Names"]
std::string python_name(std::string_view name);
// A module of Go.
Package go_package(std::string_view path, std::string version);

// [dpkg(1), deb-control(5)]; only what is installed.
std::vector<Package> read_dpkg(std::string_view text, const Distribution& distribution);
// [apk-tools, apk-package(5) "installed"]
std::vector<Package> read_apk(std::string_view text, const Distribution& distribution);
// [npm docs, package-lock.json and package.json]
std::vector<Package> read_npm_package(std::string_view text, const Distribution&);
std::vector<Package> read_npm_lock(std::string_view text, const Distribution&);
// [Python packaging, core metadata specifications; requirements file format: pins alone]
std::vector<Package> read_python_metadata(std::string_view text, const Distribution&);
std::vector<Package> read_requirements(std::string_view text, const Distribution&);
// [Go modules reference, "go.mod files"]
std::vector<Package> read_go_mod(std::string_view text, const Distribution&);
// [The Cargo Book, "Cargo.toml vs Cargo.lock"]
std::vector<Package> read_cargo_lock(std::string_view text, const Distribution&);
// [Composer documentation, "composer.lock"]
std::vector<Package> read_composer_lock(std::string_view text, const Distribution&);
// [Yarn's documentation, "yarn.lock" of version 1; and its successors']
std::vector<Package> read_yarn_lock(std::string_view text, const Distribution&);
// [pnpm/spec, lockfile]
std::vector<Package> read_pnpm_lock(std::string_view text, const Distribution&);
// [pipenv documentation]; poetry.lock and uv.lock, which look as Cargo's do.
std::vector<Package> read_pipfile_lock(std::string_view text, const Distribution&);
std::vector<Package> read_python_lock(std::string_view text, const Distribution&);
// [RubyGems guides, specification reference]
std::vector<Package> read_gemspec(std::string_view text, const Distribution&);
// [Bundler documentation, Gemfile.lock]
std::vector<Package> read_gemfile_lock(std::string_view text, const Distribution&);

}  // namespace tare::trust
