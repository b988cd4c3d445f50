// SPDX-License-Identifier: Apache-2.0
// Archives of Java: what Maven leaves in them, else their manifest and name.
// [JAR File Specification; Maven Archiver, "archive", addMavenDescriptor]
#include <algorithm>
#include <cctype>
#include <map>

#include "base/text.h"
#include "codec/zip.h"
#include "trust/package_readers.h"
#include "trust/packages.h"

namespace tare::trust {
namespace {

constexpr std::size_t kMaxText = 1 << 20;    // A manifest, a list of properties;
constexpr std::size_t kMaxInner = 64 << 20;  // an archive in an archive;
constexpr std::size_t kMostInner = 2000;
constexpr int kMaxDepth = 3;

using Fields = std::map<std::string, std::string, std::less<>>;

// "Name: value", and lines that go on with a space; up to the first empty line.
Fields manifest_fields(std::string_view text) {
  Fields fields;
  std::string* last = nullptr;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    if (line.starts_with(' ') && last != nullptr)
      *last += line.substr(1);
    else if (const auto pair = split_once(line, ':'))
      last = &(fields[std::string(pair->first)] = trim(pair->second));
  }
  return fields;
}

Fields property_fields(std::string_view text) {
  Fields fields;
  for (const std::string& line : split(text, '\n'))
    if (const auto pair = split_once(line, '='); pair && !line.starts_with('#'))
      fields[std::string(trim(pair->first))] = trim(pair->second);
  return fields;
}

const std::string& field(const Fields& fields, std::string_view name) {
  static const std::string kNone;
  const auto found = fields.find(name);
  return found == fields.end() ? kNone : found->second;
}

// "lib/commons-io-2.11.jar": "commons-io" and "2.11".
std::pair<std::string, std::string> name_parts(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);
  name = name.substr(0, name.rfind('.'));
  for (std::size_t at = name.find('-'); at != std::string_view::npos; at = name.find('-', at + 1))
    if (at + 1 < name.size() && std::isdigit(static_cast<unsigned char>(name[at + 1])) != 0)
      return {std::string(name.substr(0, at)), std::string(name.substr(at + 1))};
  return {std::string(name), ""};
}

// What an archive without a word of Maven is.
Package by_manifest(std::string_view path, const Fields& manifest) {
  auto [name, version] = name_parts(path);
  Package package{.type = "maven", .name = std::move(name), .version = std::move(version)};
  for (const char* key : {"Bundle-Version", "Implementation-Version"})
    if (const std::string& text = field(manifest, key); !text.empty()) package.version = text;
  package.space = field(manifest, "Implementation-Vendor-Id");
  package.vendor = field(manifest, "Implementation-Vendor");
  package.license = field(manifest, "Bundle-License");
  return package;
}

// One file of the image and the archives in it, one after the other.
class JarReader {
 public:
  JarReader(std::string_view path, Bundle& bundle, std::size_t& budget)
      : bundle_(bundle), path_(path), budget_(budget) {}

  void run(const codec::Bytes& file) {
    bundle_.has_own = read(path_, file, 0);
    while (!waiting_.empty()) {
      const Waiting next = std::move(waiting_.back());
      waiting_.pop_back();
      read(next.path, codec::StringBytes(next.bytes), next.depth);
    }
  }

 private:
  struct Waiting {
    std::string path;
    std::string bytes;
    int depth = 0;
  };

  // True when the archive itself is a package; then that is the first that it adds.
  bool read(const std::string& path, const codec::Bytes& file, int depth) {
    const auto zip = codec::Zip::open(file);
    if (!zip) {
      bundle_.is_whole = false;
      return false;
    }
    std::vector<Package> packages;
    Fields manifest;
    bool has_own = false;
    const std::string own_name = name_parts(path).first;
    for (const codec::Zip::Entry& entry : zip->entries()) {
      if (entry.name == "META-INF/MANIFEST.MF") {
        manifest = manifest_fields(text_of(*zip, entry, kMaxText));
      } else if (entry.name.starts_with("META-INF/maven/") &&
                 entry.name.ends_with("/pom.properties")) {
        const Fields pom = property_fields(text_of(*zip, entry, kMaxText));
        packages.push_back({.type = "maven",
                            .space = field(pom, "groupId"),
                            .name = field(pom, "artifactId"),
                            .version = field(pom, "version")});
        if (has_own || packages.back().name != own_name) continue;
        has_own = true;
        std::swap(packages.front(), packages.back());
      } else if (is_jar(entry.name)) {
        add_inner(*zip, entry, path, depth);
      }
    }
    if (packages.size() == 1) has_own = true;
    if (packages.empty()) {
      packages.push_back(by_manifest(path, manifest));
      has_own = !packages.back().version.empty();  // Else nothing says what it is.
      if (!has_own) packages.clear();
    }
    finish_packages(path, packages);
    has_own = has_own && !packages.empty();
    if (bundle_.packages.size() < kMostPackages)
      std::ranges::move(packages, std::back_inserter(bundle_.packages));
    return has_own;
  }

  std::string text_of(const codec::Zip& zip, const codec::Zip::Entry& entry, std::size_t limit) {
    const std::size_t allowed = std::min(limit, budget_);
    const bool is_larger = entry.size > allowed;
    auto text = is_larger ? Result<std::string>(fail(Kind::Invalid, "")) : zip.read(entry, allowed);
    if (!text) {
      if (!is_larger) budget_ -= allowed;  // What may have been inflated of it.
      bundle_.is_whole = false;
      return "";
    }
    budget_ -= text->size();
    return std::move(*text);
  }

  void add_inner(const codec::Zip& zip, const codec::Zip::Entry& entry, const std::string& path,
                 int depth) {
    if (depth + 1 >= kMaxDepth || inner_ >= kMostInner) {
      bundle_.is_whole = false;
      return;
    }
    ++inner_;
    std::string bytes = text_of(zip, entry, kMaxInner);
    if (!bytes.empty())
      waiting_.push_back(
          {.path = path + "!/" + entry.name, .bytes = std::move(bytes), .depth = depth + 1});
  }

  Bundle& bundle_;
  std::string path_;
  std::size_t& budget_;
  std::vector<Waiting> waiting_;
  std::size_t inner_ = 0;
};

}  // namespace

bool is_jar(std::string_view path) {
  constexpr std::string_view kEnds[] = {".jar", ".war", ".ear", ".hpi", ".jpi"};
  return std::ranges::any_of(kEnds, [&](std::string_view end) { return path.ends_with(end); });
}

Bundle read_jar(std::string_view path, const codec::Bytes& file, std::size_t& budget) {
  Bundle bundle;
  JarReader(path, bundle, budget).run(file);
  return bundle;
}

}  // namespace tare::trust
