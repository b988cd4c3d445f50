// SPDX-License-Identifier: Apache-2.0
#include "oci/runtime_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "oci/runtime_names.h"

namespace tare::oci {
namespace {

constexpr std::uint32_t kMaxListed = 8191;

// "1", "0", "10": no sign and no leading zeros. [semver.org 2.0.0, 2]
bool is_version_number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Identifiers with dots between them: what follows '-' or '+'. [semver.org 2.0.0, 9 and 10]
bool is_version_suffix(std::string_view text) {
  for (const std::string& part : split(text, '.'))
    if (part.empty() || !std::ranges::all_of(
                            part, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; }))
      return false;
  return true;
}

bool is_semantic_version(std::string_view text) {
  const std::size_t plus = text.find('+');
  if (plus != std::string_view::npos && !is_version_suffix(text.substr(plus + 1))) return false;
  text = text.substr(0, plus);
  const std::size_t dash = text.find('-');
  if (dash != std::string_view::npos && !is_version_suffix(text.substr(dash + 1))) return false;
  const std::vector<std::string> numbers = split(text.substr(0, dash), '.');
  return numbers.size() == 3 && std::ranges::all_of(numbers, is_version_number);
}

// Minor versions are compatible in both directions as far as known properties go, and unknown ones
// are to be ignored, so only the major version decides. [config.md "Specification version"]
Result<> read_version(const Node& node, std::string& out) {
  TRY(node.require(out));
  if (!is_semantic_version(out))
    return node.wrong(quoted(out) + " is no version like '" + std::string(kRuntimeSpecVersion) +
                      "'");
  if (!out.starts_with("1."))
    return node.wrong(quoted(out) + " is not supported: this runtime reads versions 1.x",
                      Kind::Unsupported);
  return {};
}

Result<> read_root(const Node& node, Root& root) {
  if (!node.present()) return node.wrong("is missing");
  TRY(node.check_object());
  const Node path = node.at("path");
  TRY(path.require(root.path));
  if (root.path.empty()) return path.wrong("is empty");
  return node.at("readonly").read(root.readonly);
}

Result<> read_mount(const Node& node, Mount& mount) {
  TRY(node.check_object());
  const Node destination = node.at("destination");
  TRY(destination.require(mount.destination));
  if (mount.destination.empty()) return destination.wrong("is empty");
  // "it MUST be interpreted as relative to '/'" [config.md "Mounts"]
  if (mount.destination[0] != '/') mount.destination.insert(0, 1, '/');
  TRY(node.at("type").read(mount.type));
  TRY(node.at("source").read(mount.source));
  TRY(node.at("options").read(mount.options));
  TRY(read_id_mappings(node.at("uidMappings"), mount.uid_mappings));
  TRY(read_id_mappings(node.at("gidMappings"), mount.gid_mappings));
  if (mount.uid_mappings.empty() != mount.gid_mappings.empty())
    return node.wrong("must have both uidMappings and gidMappings, or neither");
  return {};
}

Result<> read_annotations(const Node& node, std::map<std::string, std::string>& out) {
  TRY(node.read(out));
  if (out.contains("")) return node.wrong("has a key that is empty");
  return {};
}

// An empty section asks for nothing.
Result<> refuse_platforms(const Node& root) {
  for (const std::string_view platform : {"windows", "solaris", "vm", "zos", "freebsd"}) {
    const Node section = root.at(platform);
    TRY(section.check_object());
    if (section.present() && !section.value().as_object().empty())
      return section.wrong("is not supported: this runtime makes containers of Linux only",
                           Kind::Unsupported);
  }
  return {};
}

Result<> read_config(const Node& root, RuntimeConfig& config) {
  TRY(root.check_object());
  TRY(read_version(root.at("ociVersion"), config.oci_version));
  TRY(refuse_platforms(root));
  TRY(read_root(root.at("root"), config.root));
  TRY(root.at("mounts").each([&](const Node& mount) -> Result<> {
    return read_mount(mount, config.mounts.emplace_back());
  }));
  const Node process = root.at("process");
  if (process.present()) TRY(read_process(process, config.process.emplace()));
  TRY(root.at("hostname").read(config.hostname));
  TRY(root.at("domainname").read(config.domainname));
  TRY(read_hooks(root.at("hooks"), config.hooks));
  TRY(read_annotations(root.at("annotations"), config.annotations));
  TRY(read_linux(root.at("linux"), config));
  return check_namespaces(root, config);
}

// Moved out of the document and not copied: it is its largest part.
Result<> take_seccomp(json::Value& document, RuntimeConfig& config) {
  json::Value* section = document.find("linux");
  json::Value* seccomp = section != nullptr ? section->find("seccomp") : nullptr;
  if (seccomp == nullptr || seccomp->is_null()) return {};
  if (!seccomp->is_object()) return fail(Kind::Invalid, "linux.seccomp is not an object");
  config.has_seccomp = true;
  config.seccomp = std::move(*seccomp);
  return {};
}

std::string known_words(std::span<const NamedNumber> words) {
  std::string text;
  for (const NamedNumber& word : words) {
    if (!text.empty()) text += ", ";
    text += word.name;
  }
  return text;
}

Result<std::uint32_t> parse_listed(std::string_view text) {
  const auto number = parse_u64(text);
  if (!number) return fail(Kind::Invalid, quoted(text) + " is no number");
  if (*number > kMaxListed)
    return fail(Kind::Invalid, fmt::format("{} is above {}", *number, kMaxListed));
  return static_cast<std::uint32_t>(*number);
}

}  // namespace

std::string_view namespace_name(NamespaceType type) {
  return kNamespaces.at(static_cast<std::size_t>(type)).name;
}

const Namespace* RuntimeConfig::find_namespace(NamespaceType type) const {
  const auto found = std::ranges::find(namespaces, type, &Namespace::type);
  return found != namespaces.end() ? &*found : nullptr;
}

Result<std::uint32_t> read_word(const Node& node, std::span<const NamedNumber> words) {
  if (!node.present()) return node.wrong("is missing");
  if (!node.value().is_string()) return node.wrong("is not a string");
  const std::string& text = node.value().as_string();
  const auto found = std::ranges::find(words, text, &NamedNumber::name);
  if (found == words.end())
    return node.wrong(quoted(text) + " is not one of " + known_words(words));
  return found->number;
}

Result<std::uint32_t> read_flags(const Node& node, std::span<const NamedNumber> words) {
  std::uint32_t flags = 0;
  const auto add = [&](const Node& flag) -> Result<> {
    flags |= TRY(read_word(flag, words));
    return {};
  };
  TRY(node.each(add));
  return flags;
}

Result<> read_absolute(const Node& node, std::string& out) {
  TRY(node.read(out));
  if (node.present() && !out.starts_with('/'))
    return node.wrong(quoted(out) + " is not an absolute path");
  return {};
}

Result<RuntimeConfig> parse_runtime_config(std::string_view text) {
  json::Value document = TRY(json::parse(text));
  RuntimeConfig config;
  TRY(take_seccomp(document, config));
  TRY(read_config(Node(document, ""), config));
  return config;
}

Result<Process> parse_process(std::string_view text) {
  const json::Value document = TRY(json::parse(text));
  Process process;
  TRY(read_process(Node(document, "process"), process));
  return process;
}

Result<Resources> parse_resources(std::string_view text) {
  const json::Value document = TRY(json::parse(text));
  Resources resources;
  TRY(read_resources(Node(document, "resources"), resources));
  return resources;
}

Result<std::vector<std::uint32_t>> parse_number_list(std::string_view text) {
  std::vector<std::uint32_t> numbers;
  for (const std::string& part : split(text, ',')) {
    const auto range = split_once(part, '-');
    const std::uint32_t first = TRY(parse_listed(range ? range->first : std::string_view(part)));
    const std::uint32_t last = range ? TRY(parse_listed(range->second)) : first;
    if (first > last) return fail(Kind::Invalid, quoted(part) + " runs backwards");
    for (std::uint32_t number = first; number <= last; ++number) numbers.push_back(number);
    // Overlapping ranges must not add up to memory without bound.
    if (numbers.size() > 2 * kMaxListed) {
      std::ranges::sort(numbers);
      numbers.erase(std::ranges::unique(numbers).begin(), numbers.end());
    }
  }
  std::ranges::sort(numbers);
  numbers.erase(std::ranges::unique(numbers).begin(), numbers.end());
  return numbers;
}

}  // namespace tare::oci
