// SPDX-License-Identifier: Apache-2.0
#include "image/leaks.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "codec/sha256.h"
#include "image/leaky_files.h"
#include "image/records.h"
#include "store/layers.h"
#include "sys/files.h"
#include "trust/secrets.h"

namespace tare::image {
namespace {

constexpr const char* kRoom = "leaks";
constexpr int kVersion = 1;
constexpr std::size_t kMaxFile = 4 << 20;
constexpr std::size_t kSaltBytes = 32;

// leaks/HEX.json
struct LeakRecord {
  std::vector<Leak> found;
  std::set<std::string> looked_for;  // Salted hashes of secrets.
  std::vector<Leak> suspected;
  int patterns = 0;  // trust::kSecretPatterns of when it was looked for those.
  std::vector<Leak> patterns_found;
};

json::Value print_leaks(const std::vector<Leak>& leaks) {
  json::Value list = json::Array();
  for (const Leak& leak : leaks) {
    json::Value& value = list.push(json::Object());
    value.set("id", leak.id);
    value.set("where", json::Value(leak.where));
    if (!leak.secrets.empty())
      value.set("secrets", json::Array(leak.secrets.begin(), leak.secrets.end()));
  }
  return list;
}

std::vector<Leak> parse_leaks(const json::Value& list) {
  std::vector<Leak> leaks;
  for (const json::Value& each : list.as_array()) {
    const std::vector<std::string> secrets = each["secrets"].as_strings();
    leaks.push_back({.id = each["id"].as_string(),
                     .where = each["where"].as_strings(),
                     .secrets = {secrets.begin(), secrets.end()}});
  }
  return leaks;
}

std::string file_of(const Digest& digest) { return digest.hex() + ".json"; }

// What cannot be read is looked for again.
LeakRecord load(const store::Store& store, const Digest& digest) {
  LeakRecord record;
  const auto text =
      sys::load_file(store.dir(), std::string(kRoom) + "/" + file_of(digest), kMaxFile);
  const auto value = text ? json::parse(*text) : json::parse("");
  if (!value || (*value)["version"].as_int() != kVersion) return record;
  record.found = parse_leaks((*value)["found"]);
  for (std::string& each : (*value)["lookedFor"].as_strings())
    record.looked_for.insert(std::move(each));
  record.suspected = parse_leaks((*value)["suspected"]);
  record.patterns = static_cast<int>((*value)["patterns"].as_int());
  record.patterns_found = parse_leaks((*value)["patternsFound"]);
  return record;
}

Result<sys::Fd> open_room(store::Store& store) {
  if (::mkdirat(store.dir(), kRoom, 0700) != 0 && errno != EEXIST)
    return fail_errno("make a directory for what was found in images");
  return sys::open_at(store.dir(), kRoom, O_RDONLY | O_DIRECTORY);
}

Result<> save(store::Store& store, const Digest& digest, const LeakRecord& record) {
  json::Value value;
  value.set("version", kVersion);
  value.set("found", print_leaks(record.found));
  value.set("lookedFor", json::Array(record.looked_for.begin(), record.looked_for.end()));
  if (!record.suspected.empty()) value.set("suspected", print_leaks(record.suspected));
  value.set("patterns", record.patterns);
  value.set("patternsFound", print_leaks(record.patterns_found));
  const sys::Fd room = TRY(open_room(store));
  return sys::replace_file(room.get(), file_of(digest),
                           json::print(value, json::Style::Indented) + "\n");
}

// So that the hash of a secret says nothing without this store.
Result<std::string> salt_of(store::Store& store) {
  const sys::Fd lock = TRY(store.lock(kRoom));
  const std::string path = std::string(kRoom) + "/salt";
  const auto known = sys::load_file(store.dir(), path, kSaltBytes);
  if (known && known->size() == kSaltBytes) return *known;
  std::string salt(kSaltBytes, '\0');
  if (::getrandom(salt.data(), salt.size(), 0) != static_cast<ssize_t>(salt.size()))
    return fail_errno("getrandom");
  const sys::Fd room = TRY(open_room(store));
  TRY(sys::replace_file(room.get(), "salt", salt));
  return salt;
}

// The same id again is the same secret, or was.
void merge(std::vector<Leak>& leaks, const std::string& id, const std::string& where,
           const std::set<std::string>& secrets = {}) {
  const auto known = std::ranges::find(leaks, id, &Leak::id);
  Leak& leak = known != leaks.end() ? *known : leaks.emplace_back(Leak{.id = id, .where = {}});
  leak.secrets.insert(secrets.begin(), secrets.end());
  if (leak.where.size() < kMostLeakPlaces &&
      std::ranges::find(leak.where, where) == leak.where.end())
    leak.where.push_back(where);
}

// Needles of several secrets, and whose they are.
struct Needles {
  explicit Needles(const Secrets& secrets) : search(collect(secrets, ids)) {}

  std::vector<std::string> ids;
  trust::TextSearch search;

 private:
  static std::vector<std::string> collect(const Secrets& secrets, std::vector<std::string>& ids) {
    std::vector<std::string> all;
    for (const auto& [id, content] : secrets)
      for (std::string& form : trust::forms_of(content)) {
        all.push_back(std::move(form));
        ids.push_back(id);
      }
    return all;
  }
};

using TakeHit =
    std::function<void(const std::string& path, std::size_t needle, std::string_view rest)>;

// Names, links, attributes and contents of everything in a layer.
Result<> search_layer(const store::Store& store, const Digest& diff_id,
                      const trust::TextSearch& search, const TakeHit& take) {
  const auto source = TRY(store::open_layer_tar(store, diff_id));
  tar::Reader reader(*source);
  std::string path;
  trust::TextSearch::Stream stream(
      search, [&](std::size_t needle, std::string_view rest) { take(path, needle, rest); });
  std::vector<char> buffer(256 << 10);
  while (TRY(reader.next())) {
    const tar::Entry& entry = reader.entry();
    path = "/" + escaped(entry.name);
    for (const std::string* text : {&entry.name, &entry.link}) {
      stream.feed(*text);
      stream.finish();
    }
    for (const auto& [name, value] : entry.xattrs) {
      stream.feed(value);
      stream.finish();
    }
    while (const std::size_t count = TRY(reader.read_content(buffer.data(), buffer.size())))
      stream.feed({buffer.data(), count});
    stream.finish();
  }
  return {};
}

// Calls `take` with the name of each part of the config, and its text.
void each_part(const oci::ImageConfig& config, std::string_view text,
               const std::function<void(const std::string&, std::string_view)>& take) {
  for (const oci::History& entry : config.history) take("the history", entry.created_by);
  for (const std::string& variable : config.env)
    take("the variable " + escaped(variable.substr(0, variable.find('='))), variable);
  for (const auto& [name, value] : config.labels) take("the label " + escaped(name), value);
  take("the config", text);
}

void search_config(const oci::ImageConfig& config, std::string_view text,
                   const trust::TextSearch& search, const TakeHit& take) {
  each_part(config, text, [&](const std::string& part, std::string_view content) {
    trust::TextSearch::Stream stream(
        search, [&](std::size_t needle, std::string_view rest) { take(part, needle, rest); });
    stream.feed(content);
    stream.finish();
  });
}

// `look` searches with what it is given.
using Look = std::function<Result<>(const trust::TextSearch&, const TakeHit&)>;

Result<std::vector<Leak>> find(store::Store& store, const Digest& digest, const Secrets& secrets,
                               const Look& look) {
  LeakRecord record = load(store, digest);
  if (secrets.empty()) return record.found;
  const std::string salt = TRY(salt_of(store));
  Secrets missing;
  std::map<std::string, std::set<std::string>> hashes;  // By id.
  for (const auto& [id, content] : secrets) {
    const std::string hash = codec::sha256(salt + content).hex();
    if (!record.looked_for.insert(hash).second) continue;
    missing.emplace(id, content);
    hashes[id].insert(hash);
  }
  if (missing.empty()) return record.found;
  const Needles needles(missing);
  LeakyPaths paths;
  if (!needles.search.empty())
    TRY(look(needles.search, [&](const std::string& where, std::size_t needle, std::string_view) {
      const std::string& id = needles.ids[needle];
      merge(record.found, id, where, hashes[id]);
      paths[where].insert(id);
    }));
  // First, as nobody looks again when the record is there.
  if (!paths.empty()) TRY(remember_leaky_files(store, digest, paths, salt));
  TRY(save(store, digest, record));
  return record.found;
}

Result<std::vector<Leak>> find_patterns_in(store::Store& store, const Digest& digest,
                                           const trust::TextSearch& search, const Look& look) {
  LeakRecord record = load(store, digest);
  if (record.patterns == trust::kSecretPatterns) return record.patterns_found;
  record.patterns = trust::kSecretPatterns;
  record.patterns_found.clear();
  TRY(look(search, [&](const std::string& where, std::size_t needle, std::string_view rest) {
    const trust::SecretPattern& pattern = trust::secret_patterns()[needle];
    if (trust::matches(pattern, rest))
      merge(record.patterns_found, std::string(pattern.name), where);
  }));
  TRY(save(store, digest, record));
  return record.patterns_found;
}

Look look_in_config(const Image& image, const std::string& text) {
  return [&image, &text](const trust::TextSearch& search, const TakeHit& take) -> Result<> {
    search_config(image.config, text, search, take);
    return {};
  };
}

}  // namespace

bool has_secret(std::string_view text, const Secrets& secrets) {
  const Needles needles(secrets);
  bool found = false;
  trust::TextSearch::Stream stream(needles.search,
                                   [&](std::size_t, std::string_view) { found = true; });
  stream.feed(text);
  stream.finish();
  return found;
}

Result<std::vector<Leak>> find_secrets(store::Store& store, const Digest& diff_id,
                                       const Secrets& secrets) {
  TRY(find(store, diff_id, secrets, [&](const trust::TextSearch& search, const TakeHit& take) {
    return search_layer(store, diff_id, search, take);
  }));
  return leaks_of(store, diff_id);
}

Result<std::vector<Leak>> find_secrets_in_config(store::Store& store, const Image& image,
                                                 const Secrets& secrets) {
  const std::string text = TRY(store.load_blob(image.id));
  return find(store, image.id, secrets, look_in_config(image, text));
}

std::vector<Leak> leaks_of(const store::Store& store, const Digest& digest) {
  std::vector<Leak> all = load(store, digest).found;
  for (const Leak& copy : find_leaky_copies(store, digest))
    for (const std::string& where : copy.where) merge(all, copy.id, where, copy.secrets);
  return all;
}

std::vector<Leak> suspected_of(const store::Store& store, const Digest& digest) {
  return load(store, digest).suspected;
}

Result<> set_suspected(store::Store& store, const Digest& digest, const std::vector<Leak>& leaks) {
  LeakRecord record = load(store, digest);
  if (record.suspected == leaks) return {};
  record.suspected = leaks;
  return save(store, digest, record);
}

bool was_searched(const store::Store& store, const Digest& diff_id, const Leak& leak) {
  const LeakRecord record = load(store, diff_id);
  return !leak.secrets.empty() && std::ranges::all_of(leak.secrets, [&](const std::string& hash) {
    return record.looked_for.contains(hash);
  });
}

Result<> add_leaks(store::Store& store, const Digest& digest, const std::vector<Leak>& leaks) {
  LeakRecord record = load(store, digest);
  const std::vector<Leak> before = record.found;
  for (const Leak& leak : leaks)
    for (const std::string& where : leak.where) merge(record.found, leak.id, where, leak.secrets);
  return record.found == before ? Result<>() : save(store, digest, record);
}

Result<> refuse_leaks(const store::Store& store, const std::vector<Digest>& digests,
                      const std::vector<std::string>& allowed) {
  const auto is_allowed = [&](const Leak& leak) {
    return std::ranges::find(allowed, leak.id) != allowed.end();
  };
  for (const Digest& digest : digests) {
    for (const Leak& leak : leaks_of(store, digest)) {
      if (is_allowed(leak)) continue;
      return std::unexpected(
          Error(Kind::Denied, "the secret " + quoted(leak.id) +
                                  ", which was given to a build, is in the image: " +
                                  join(leak.where, ", ") + " (" + digest.short_hex() + ")")
              .hint("build it without, and change the secret; --allow-secret " + leak.id +
                    " if it is none any more"));
    }
    for (const Leak& leak : suspected_of(store, digest)) {
      if (is_allowed(leak)) continue;
      return std::unexpected(
          Error(Kind::Denied, "the secret " + quoted(leak.id) +
                                  " may be in the image, and was not given to be looked for: " +
                                  join(leak.where, ", "))
              .hint("build it again with --secret id=" + leak.id + ",src=FILE; or --allow-secret " +
                    leak.id));
    }
  }
  return {};
}

Result<std::vector<Leak>> find_patterns(store::Store& store, const Image& image) {
  // What came from a registry is known there.
  std::set<Digest> others;
  for (const Digest& id : TRY(list_records(store)))
    if (const auto record = load_record(store, id); record && !record->from.empty())
      for (const RecordLayer& layer : record->layers) others.insert(layer.layer.diff_id);
  const trust::TextSearch search = trust::search_for_patterns();
  std::vector<Leak> all;
  const auto add = [&](const std::vector<Leak>& leaks) {
    for (const Leak& leak : leaks)
      for (const std::string& where : leak.where) merge(all, leak.id, where);
  };
  for (const store::Layer& layer : image.layers) {
    if (others.contains(layer.diff_id)) continue;
    add(TRY(find_patterns_in(store, layer.diff_id, search,
                             [&](const trust::TextSearch& patterns, const TakeHit& take) {
                               return search_layer(store, layer.diff_id, patterns, take);
                             })));
  }
  const std::string text = TRY(store.load_blob(image.id));
  add(TRY(find_patterns_in(store, image.id, search, look_in_config(image, text))));
  return all;
}

}  // namespace tare::image
