// SPDX-License-Identifier: Apache-2.0
#include "build/lock.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/text.h"
#include "build/builder.h"
#include "codec/json.h"

namespace tare::build {
namespace {

using image::Material;

constexpr int kVersion = 1;
constexpr std::string_view kFormat = "tare-lock";
constexpr json::Limits kLimits{.bytes = 64 << 20, .depth = 8, .values = 4'000'000};
constexpr int kMinStatus = 200;
constexpr int kMaxStatus = 599;
constexpr std::size_t kMaxSources = 100'000;
constexpr std::string_view kImage = "docker-image://";
constexpr std::string_view kKinds[] = {"image", "url", "git"};

auto order(const Material& one) { return std::tie(one.kind, one.uri, one.request); }

// Members that say nothing are left out.
json::Value print_source(const Material& material) {
  json::Value value;
  const auto kind = static_cast<std::size_t>(material.kind);
  value.set(kKinds[kind], material.uri);
  if (!material.request.empty()) value.set("platform", material.request);
  if (!material.revision.empty()) value.set("commit", material.revision);
  value.set("digest", material.digest.text());
  if (material.size != 0) value.set("size", material.size);
  return value;
}

json::Value print_download(const Material& material) {
  json::Value value;
  value.set("url", material.uri);
  if (!material.request.empty()) value.set("request", material.request);
  if (material.status != 200) value.set("status", material.status);
  value.set("digest", material.digest.text());
  value.set("size", material.size);
  if (!material.headers.empty()) value.set("headers", json::Value(material.headers));
  return value;
}

Result<Material> parse_source(const json::Value& value, const std::string& name) {
  Material material;
  const auto is_there = [&](std::string_view kind) { return value.find(kind) != nullptr; };
  const auto* const kind = std::ranges::find_if(kKinds, is_there);
  if (kind == std::end(kKinds))
    return fail(Kind::Invalid, name + ": a source is neither image, url nor git");
  material.kind = static_cast<Material::Kind>(kind - std::begin(kKinds));
  material.uri = TRY(json::require_string(value, *kind, name));
  material.request = value["platform"].as_string();
  material.revision = value["commit"].as_string();
  const std::string digest = TRY(json::require_string(value, "digest", name));
  material.digest = TRY(Digest::parse(digest), name);
  material.size = value["size"].as_uint();
  return material;
}

Result<Material> parse_download(const json::Value& value, const std::string& name) {
  Material material{.kind = Material::Kind::Url, .uri = "", .digest = {}, .revision = ""};
  material.uri = TRY(json::require_string(value, "url", name));
  material.request = value["request"].as_string();
  material.status = static_cast<int>(value["status"].as_int(200));
  if (material.status < kMinStatus || material.status > kMaxStatus)
    return fail(Kind::Invalid, name + ": the status of " + quoted(material.uri) + " is none");
  const std::string digest = TRY(json::require_string(value, "digest", name));
  material.digest = TRY(Digest::parse(digest), name);
  material.size = value["size"].as_uint();
  material.headers = value["headers"].as_strings();
  return material;
}

std::string lines_of(const json::Array& entries, std::string_view indent) {
  std::string text;
  for (const json::Value& entry : entries) {
    if (!text.empty()) text += ",";
    text += "\n" + std::string(indent) + json::print(entry);
  }
  return text;
}

bool is_download(const Material& material) {
  return material.kind == Material::Kind::Url && material.status != 0;
}

// An image is meant by its name with and without a tag.
bool means_source(const Material& material, std::string_view name) {
  if (material.uri == name) return true;
  if (material.kind != Material::Kind::Image || !material.uri.starts_with(kImage)) return false;
  const std::string own = material.uri.substr(kImage.size());
  if (own == name) return true;
  const auto reference = image::Reference::parse(own);
  return reference && (reference->familiar() == name || reference->familiar_repository() == name);
}

std::string_view file_of(const Material& download) {
  const std::string_view path = std::string_view(download.uri).substr(0, download.uri.find('?'));
  return path.substr(path.rfind('/') + 1);
}

// A file of a package has its name and, behind that, its version.
bool means_download(const Material& download, std::string_view name) {
  const std::string_view file = file_of(download);
  return download.uri == name || file == name ||
         (file.starts_with(name) && (file[name.size()] == '_' || file[name.size()] == '-'));
}

// "  libc6: 2.36 -> 2.37" of packages of Debian, of which the name is known; other files by digest.
std::string package_of(std::string_view file) {
  return file.ends_with(".deb") ? std::string(file.substr(0, file.find('_'))) : std::string(file);
}

std::string version_of(std::string_view file) {
  const auto parts = split(file, '_');
  return parts.size() > 2 && file.ends_with(".deb") ? parts[1] : std::string(file);
}

std::vector<std::string> download_changes(const LockedRun& before, const LockedRun& after) {
  std::map<std::string, const Material*> old;
  std::map<std::string, const Material*> now;
  for (const Material& each : before.downloads) old[package_of(file_of(each))] = &each;
  for (const Material& each : after.downloads) now[package_of(file_of(each))] = &each;
  std::vector<std::string> lines;
  for (const auto& [name, each] : now) {
    const auto found = old.find(name);
    const std::string version = version_of(file_of(*each));
    if (found == old.end())
      lines.push_back("  + " + name + " " + version);
    else if (found->second->digest != each->digest &&
             version_of(file_of(*found->second)) != version)
      lines.push_back("    " + name + ": " + version_of(file_of(*found->second)) + " -> " +
                      version);
    else if (found->second->digest != each->digest)
      lines.push_back("    " + name + ": " + found->second->digest.short_hex() + " -> " +
                      each->digest.short_hex());
  }
  for (const auto& [name, each] : old)
    if (!now.contains(name)) lines.push_back("  - " + name + " " + version_of(file_of(*each)));
  return lines;
}

void add_answers(LockedRun& run, const LockedRun& before) {
  std::set<std::pair<std::string, std::string>> own;
  for (const Material& each : run.downloads) own.emplace(each.uri, each.request);
  for (const Material& each : before.downloads)
    if (!own.contains({each.uri, each.request})) run.downloads.push_back(each);
}

// A RUN asks for nothing that its caches have, and an empty cache asks for all of it. So it keeps
// what it had in the lock; or, when its text is new, what those had that are not there any more.
void add_lacking(LockedRun& run, const Lock& lock, const Lock& before, bool is_part) {
  if (const LockedRun* same = before.find_run(run.step)) {
    add_answers(run, *same);
  } else if (!is_part) {
    for (const LockedRun& each : before.runs)
      if (lock.find_run(each.step) == nullptr) add_answers(run, each);
  }
  run.downloads = in_order(std::move(run.downloads));
}

// Its own come first.
void add_missing(Lock& lock, const Lock& before) {
  for (const Material& each : before.sources)
    if (lock.find(each.kind, each.uri, each.request) == nullptr) lock.sources.push_back(each);
  for (const LockedRun& run : before.runs)
    if (lock.find_run(run.step) == nullptr) lock.runs.push_back(run);
}

}  // namespace

const Material* Lock::find(Material::Kind kind, std::string_view uri,
                           std::string_view platform) const {
  const auto is_it = [&](const Material& each) {
    return each.kind == kind && each.uri == uri && each.request == platform;
  };
  const auto found = std::ranges::find_if(sources, is_it);
  return found == sources.end() ? nullptr : &*found;
}

const LockedRun* Lock::find_run(std::string_view step) const {
  const auto found = std::ranges::find(runs, step, &LockedRun::step);
  return found == runs.end() ? nullptr : &*found;
}

std::vector<Material> Lock::answers_for(std::string_view step) const {
  std::vector<Material> answers;
  std::set<std::pair<std::string, std::string>> own;
  if (const LockedRun* run = find_run(step)) answers = run->downloads;
  for (const Material& each : answers) own.emplace(each.uri, each.request);
  for (const LockedRun& run : runs)
    for (const Material& each : run.downloads)
      if (run.step != step && !own.contains({each.uri, each.request})) answers.push_back(each);
  return answers;
}

bool Lock::has(const Material& material) const {
  if (!is_download(material)) {
    const Material* const found = find(material.kind, material.uri, material.request);
    return found != nullptr && found->digest == material.digest;
  }
  return std::ranges::any_of(runs, [&](const LockedRun& run) {
    return std::ranges::find(run.downloads, material) != run.downloads.end();
  });
}

std::size_t Lock::move(std::string_view name) {
  const std::size_t before = moved.size();
  std::erase_if(sources, [&](const Material& each) {
    if (!means_source(each, name)) return false;
    moved.push_back(each.uri);
    return true;
  });
  std::erase_if(runs, [&](const LockedRun& run) {
    if (run.step.find(name) == std::string::npos &&
        std::ranges::none_of(run.downloads,
                             [&](const Material& each) { return means_download(each, name); }))
      return false;
    moved.push_back(run.step);
    return true;
  });
  return moved.size() - before;
}

bool Lock::is_moved(std::string_view what) const {
  return std::ranges::find(moved, what) != moved.end();
}

std::vector<std::string> differences(const Lock& before, const Lock& after) {
  std::vector<std::string> lines;
  for (const Material& each : after.sources) {
    const Material* const old = before.find(each.kind, each.uri, each.request);
    if (old == nullptr)
      lines.push_back("+ " + each.uri + " " + each.digest.text());
    else if (old->digest != each.digest)
      lines.push_back("  " + each.uri + " " + old->digest.text() + " -> " + each.digest.text());
  }
  for (const Material& each : before.sources)
    if (after.find(each.kind, each.uri, each.request) == nullptr)
      lines.push_back("- " + each.uri + " " + each.digest.text());
  for (const LockedRun& run : after.runs) {
    const LockedRun* const old = before.find_run(run.step);
    const LockedRun none;
    const std::vector<std::string> changes = download_changes(old == nullptr ? none : *old, run);
    if (changes.empty()) continue;
    lines.push_back(run.step);
    lines.insert(lines.end(), changes.begin(), changes.end());
  }
  for (const LockedRun& run : before.runs)
    if (after.find_run(run.step) == nullptr) lines.push_back("- " + run.step);
  return lines;
}

std::string LockSteps::next(std::size_t number, std::string_view stage,
                            std::string_view instruction) {
  const std::size_t count = ++seen_[{number, std::string(instruction)}];
  // No stage has a name with that sign.
  const std::string which = count == 1 ? "" : " #" + std::to_string(count);
  return "[" + std::string(stage) + which + "] " + std::string(instruction);
}

std::vector<Material> in_order(std::vector<Material> downloads) {
  const auto key = [](const Material& each) { return std::tie(each.uri, each.request); };
  // Connections come and go in any order; of what was asked for several times the order counts.
  std::ranges::stable_sort(downloads, {}, key);
  std::vector<Material> kept;
  for (auto it = downloads.begin(); it != downloads.end();) {
    const auto end = std::find_if(it, downloads.end(),
                                  [&](const Material& each) { return key(each) != key(*it); });
    const auto last = std::find_if(std::make_reverse_iterator(end), std::make_reverse_iterator(it),
                                   [&](const Material& each) { return each != *(end - 1); });
    std::move(it, last.base() + 1, std::back_inserter(kept));
    it = end;
  }
  return kept;
}

Lock lock_of(const Built& built, const Lock& before, bool is_part) {
  Lock lock{.sources = built.materials};
  LockSteps steps;
  std::vector<LockedRun*> lacking;
  lock.runs.reserve(built.trace.size());
  for (const TracedStep& step : built.trace) {
    LockedRun run{.step = steps.next(step.stage_number, step.stage, step.text), .downloads = {}};
    for (const Material& each : step.layer.materials)
      (is_download(each) ? run.downloads : lock.sources).push_back(each);
    if (lock.find_run(run.step) != nullptr) continue;
    lock.runs.push_back(std::move(run));
    if (step.may_lack) lacking.push_back(&lock.runs.back());
  }
  for (LockedRun* run : lacking) add_lacking(*run, lock, before, is_part);
  std::erase_if(lock.runs, [](const LockedRun& run) { return run.downloads.empty(); });
  if (is_part) add_missing(lock, before);
  std::ranges::stable_sort(lock.sources, {}, order);
  const auto same = std::ranges::unique(lock.sources, {}, order);
  lock.sources.erase(same.begin(), same.end());
  return lock;
}

std::string print_lock(const Lock& lock) {
  json::Array sources;
  for (const Material& each : lock.sources) sources.push_back(print_source(each));
  std::string text = "{\n  \"format\": \"" + std::string(kFormat) +
                     "\",\n  \"version\": " + std::to_string(kVersion) + ",\n  \"sources\": [";
  text += lines_of(sources, "    ") + "\n  ],\n  \"runs\": [";
  for (std::size_t i = 0; i < lock.runs.size(); ++i) {
    json::Array downloads;
    for (const Material& each : lock.runs[i].downloads) downloads.push_back(print_download(each));
    text += std::string(i == 0 ? "" : ",") +
            "\n    {\"step\": " + json::print(json::Value(lock.runs[i].step)) +
            ", \"downloads\": [" + lines_of(downloads, "      ") + "\n    ]}";
  }
  return text + "\n  ]\n}\n";
}

bool begins_lock(std::string_view bytes) {
  std::string text;
  for (const char c : bytes)
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') text += c;
  return text.starts_with("{\"format\":\"" + std::string(kFormat) + "\"");
}

Result<Lock> parse_lock(std::string_view text, const std::string& name) {
  auto parsed = json::parse(text, kLimits);
  if (!parsed)
    return std::unexpected(std::move(parsed).error().wrap(name).hint(
        "it is written by tare build; a build with --no-lock does without it"));
  const json::Value& value = *parsed;
  if (TRY(json::require_int(value, "version", name)) != kVersion)
    return fail(Kind::Unsupported, name + ": it was written by another version of Tare");
  Lock lock;
  for (const json::Value& each : value["sources"].as_array()) {
    if (lock.sources.size() == kMaxSources)
      return fail(Kind::Invalid, name + " has too many sources");
    lock.sources.push_back(TRY(parse_source(each, name)));
  }
  std::ranges::stable_sort(lock.sources, {}, order);
  for (const json::Value& each : value["runs"].as_array()) {
    LockedRun run{.step = TRY(json::require_string(each, "step", name)), .downloads = {}};
    for (const json::Value& download : each["downloads"].as_array())
      run.downloads.push_back(TRY(parse_download(download, name)));
    lock.runs.push_back(std::move(run));
  }
  return lock;
}

}  // namespace tare::build
