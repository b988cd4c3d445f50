// SPDX-License-Identifier: Apache-2.0
#include "audit/dpkg.h"

#include <unordered_map>

#include "base/text.h"

namespace tare::audit {
namespace {

constexpr std::string_view kInfo = "/var/lib/dpkg/info";
constexpr std::string_view kStatus = "/var/lib/dpkg/status";
constexpr std::string_view kListEnd = ".list";
constexpr std::size_t kMaxList = 64 << 20;
constexpr std::size_t kMaxStatus = 256 << 20;

// Calls `use(line)` for each line; stops when it returns false.
template <typename Use>
void each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (!use(text.substr(0, end))) return;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

std::optional<std::string_view> field_of(std::string_view line, std::string_view name) {
  if (!line.starts_with(name) || !line.substr(name.size()).starts_with(':')) return std::nullopt;
  return trim(line.substr(name.size() + 1));
}

}  // namespace

std::optional<DpkgPackage> parse_dpkg_stanza(std::string_view stanza) {
  DpkgPackage package;
  bool skipping = false;  // Inside Conffiles: most of those files are not in the image.
  each_line(stanza, [&](std::string_view line) {
    const bool continued = line.starts_with(' ') || line.starts_with('\t');
    if (!continued) skipping = field_of(line, "Conffiles").has_value();
    if (skipping || line.empty()) return true;
    if (const auto name = field_of(line, "Package")) package.name = *name;
    if (const auto version = field_of(line, "Version")) package.version = *version;
    if (const auto architecture = field_of(line, "Architecture"))
      package.architecture = *architecture;
    package.stanza += line;
    package.stanza += '\n';
    return true;
  });
  // The name becomes a file name: only what Debian allows in names. [policy 5.6.1]
  if (package.name.empty() || package.version.empty() || package.name.starts_with('.') ||
      package.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+-.") !=
          std::string::npos)
    return std::nullopt;
  return package;
}

Result<std::optional<std::string>> Dpkg::info_directory() {
  auto info = TRY(tree_.find(kInfo));
  if (!info || info->node.kind != NodeKind::Directory) return std::optional<std::string>();
  return std::optional(std::move(info->path));
}

Result<std::map<std::string, std::string>> Dpkg::owners(const std::vector<std::string>& paths) {
  std::map<std::string, std::string> owners;
  const auto info = TRY(info_directory());
  if (paths.empty() || !info) return owners;
  std::vector<std::string> aliases;  // Keeps the views in `wanted` alive.
  aliases.reserve(paths.size());
  std::unordered_map<std::string_view, const std::string*> wanted;
  for (const std::string& path : paths) {
    wanted.emplace(path, &path);
    // Merged /usr: packages built before it name the directories of the old place.
    if (path.starts_with("/usr/")) {
      aliases.push_back(path.substr(4));
      wanted.emplace(aliases.back(), &path);
    }
  }
  for (const std::string& name : TRY(tree_.list(*info))) {
    if (!name.ends_with(kListEnd)) continue;
    const std::string list = TRY(tree_.read_file(*info + "/" + name, kMaxList));
    const std::string key = name.substr(0, name.size() - kListEnd.size());
    each_line(list, [&](std::string_view line) {
      if (const auto hit = wanted.find(line); hit != wanted.end())
        owners.emplace(*hit->second, key);
      return true;
    });
  }
  return owners;
}

Result<std::optional<std::string>> Dpkg::owner_of_name(const std::string& name) {
  const auto info = TRY(info_directory());
  if (!info) return std::optional<std::string>();
  const std::string end = "/" + base_name(name);
  for (const std::string& list_name : TRY(tree_.list(*info))) {
    if (!list_name.ends_with(kListEnd)) continue;
    const std::string list = TRY(tree_.read_file(*info + "/" + list_name, kMaxList));
    if (list.find(end + "\n") != std::string::npos)
      return std::optional(list_name.substr(0, list_name.size() - kListEnd.size()));
  }
  return std::optional<std::string>();
}

Result<std::map<std::string, DpkgPackage>> Dpkg::packages(const std::vector<std::string>& keys) {
  std::map<std::string, DpkgPackage> packages;
  const auto status = TRY(tree_.find(kStatus));
  if (!status || status->node.kind != NodeKind::File) return packages;
  const std::string text = TRY(tree_.read_file(status->path, kMaxStatus));
  std::unordered_map<std::string_view, std::vector<const std::string*>> by_name;
  for (const std::string& key : keys)
    by_name[std::string_view(key).substr(0, key.find(':'))].push_back(&key);
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\n\n");
    const std::string_view stanza = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
    // Cheap look first: only few of the thousands of paragraphs are wanted.
    const auto name = field_of(stanza.substr(0, stanza.find('\n')), "Package");
    const auto hit = name ? by_name.find(*name) : by_name.end();
    if (hit == by_name.end()) continue;
    auto package = parse_dpkg_stanza(stanza);
    if (!package) continue;
    for (const std::string* key : hit->second) {
      const auto parts = split_once(*key, ':');
      if (!parts || parts->second == package->architecture) packages.emplace(*key, *package);
    }
  }
  return packages;
}

}  // namespace tare::audit
