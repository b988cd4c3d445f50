// SPDX-License-Identifier: Apache-2.0
#include "image/leaky_files.h"

#include <fcntl.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "base/text.h"
#include "codec/sha256.h"
#include "store/layers.h"
#include "sys/files.h"

namespace tare::image {
namespace {

constexpr const char* kFile = "leaks/files.json";
constexpr int kVersion = 1;
constexpr std::size_t kMaxFile = 16 << 20;
constexpr std::size_t kSaltBytes = 32;

// What tells a text: its size, and a salted hash of its digest.
struct Fingerprint {
  std::uint64_t size = 0;
  std::string hash;
  std::string id;
  auto operator<=>(const Fingerprint&) const = default;
};
using Fingerprints = std::set<Fingerprint>;

std::string hash_of(const std::string& salt, std::string_view raw_digest) {
  return codec::sha256(salt + std::string(raw_digest)).hex();
}
std::string hash_of_text(const std::string& salt, std::string_view text) {
  return hash_of(salt, store::bytes_of(store::raw_digest(codec::sha256(text))));
}

Fingerprints load(const store::Store& store) {
  Fingerprints all;
  const auto text = sys::load_file(store.dir(), kFile, kMaxFile);
  const auto value = text ? json::parse(*text) : json::parse("");
  if (!value || (*value)["version"].as_int() != kVersion) return all;
  for (const json::Value& each : (*value)["files"].as_array())
    all.insert({.size = each["size"].as_uint(),
                .hash = each["hash"].as_string(),
                .id = each["id"].as_string()});
  return all;
}

Result<> save(const store::Store& store, const Fingerprints& all) {
  json::Value files = json::Array();
  for (const Fingerprint& each : all) {
    json::Value& value = files.push(json::Object());
    value.set("id", each.id);
    value.set("size", each.size);
    value.set("hash", each.hash);
  }
  json::Value value;
  value.set("version", kVersion);
  value.set("files", std::move(files));
  const sys::Fd room = TRY(sys::open_at(store.dir(), "leaks", O_RDONLY | O_DIRECTORY));
  return sys::replace_file(room.get(), "files.json",
                           json::print(value, json::Style::Indented) + "\n");
}

// Calls `take` with the path of each content and target that has this size, as `all` has some of.
template <typename Take>
Result<> each_text(const store::LayerIndex& index, const std::set<std::uint64_t>* sizes,
                   const std::string& salt, const Take& take) {
  const auto is_wanted = [&](std::uint64_t size) {
    return size > 0 && (sizes == nullptr || sizes->contains(size));
  };
  return index.each([&](const store::IndexEntry& entry) -> Result<> {
    const std::string_view path = entry.path;
    if (entry.type == tar::Type::Symlink && is_wanted(entry.link.size()))
      take(path, entry.link.size(), hash_of_text(salt, entry.link));
    if (entry.content.pack != store::kNowhere && !entry.sparse && is_wanted(entry.size))
      take(path, entry.size, hash_of(salt, store::bytes_of(entry.content.digest)));
    return {};
  });
}

}  // namespace

Result<> remember_leaky_files(store::Store& store, const Digest& diff_id, const LeakyPaths& paths,
                              const std::string& salt) {
  const auto index = store::load_layer(store, diff_id);
  if (!index) return {};
  const sys::Fd lock = TRY(store.lock("leaks"));
  Fingerprints all = load(store);
  const std::size_t before = all.size();
  TRY(each_text(*index, nullptr, salt,
                [&](std::string_view path, std::uint64_t size, const std::string& hash) {
                  const auto found = paths.find("/" + escaped(path));
                  if (found == paths.end()) return;
                  for (const std::string& id : found->second)
                    all.insert({.size = size, .hash = hash, .id = id});
                }));
  return all.size() == before ? Result<>() : save(store, all);
}

std::vector<Leak> find_leaky_copies(const store::Store& store, const Digest& diff_id) {
  std::vector<Leak> found;
  const Fingerprints all = load(store);
  if (all.empty()) return found;
  const auto salt = sys::load_file(store.dir(), "leaks/salt", kSaltBytes);
  const auto index = store::load_layer(store, diff_id);
  if (!salt || !index) return found;
  std::set<std::uint64_t> sizes;
  for (const Fingerprint& each : all) sizes.insert(each.size);
  (void)each_text(*index, &sizes, *salt,
                  [&](std::string_view path, std::uint64_t size, const std::string& hash) {
                    for (auto at = all.lower_bound({.size = size, .hash = hash, .id = ""});
                         at != all.end() && at->size == size && at->hash == hash; ++at)
                      found.push_back({.id = at->id, .where = {"/" + escaped(path)}});
                  });
  return found;
}

}  // namespace tare::image
