// SPDX-License-Identifier: Apache-2.0
#include "image/bin.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/failpoint.h"
#include "codec/sha256.h"
#include "sys/files.h"

namespace tare::image {
namespace {

constexpr int kVersion = 1;
constexpr std::size_t kMaxEntry = 2 << 20;
constexpr const char* kRoom = "bin/images";

std::string entry_path(const Digest& id) { return "bin/images/" + id.hex() + ".json"; }

RemovedImage as_removed(const Binned& binned) {
  RemovedImage out{.id = binned.record.id,
                   .names = binned.names,
                   .removed_at = binned.removed_at,
                   .moment = binned.moment,
                   .batch = binned.batch};
  out.manifest = binned.record.manifest;
  for (const RecordLayer& layer : binned.record.layers) {
    out.size += layer.size;
    out.layers.push_back(layer.layer);
  }
  return out;
}

json::Value binned_value(const Binned& binned) {
  json::Value value;
  value.set("version", kVersion);
  value.set("removedAt", rfc3339(binned.removed_at));
  value.set("batch", binned.batch);
  value.set("names", json::Value(binned.names));
  if (!binned.moment.empty()) value.set("moment", binned.moment);
  value.set("record", print_record(binned.record));
  return value;
}

std::string sum_of(const Binned& binned) {
  return codec::sha256(binned.record.id.text() + json::print(binned_value(binned))).hex();
}

}  // namespace

std::string print_binned(const Binned& binned) {
  json::Value value = binned_value(binned);
  value.set("sum", sum_of(binned));
  return json::print(value, json::Style::Indented) + "\n";
}

Result<Binned> parse_binned(const Digest& id, std::string_view text) {
  const std::string what = "removed image " + id.short_hex();
  const json::Value value = TRY(json::parse(text), what);
  if (TRY(json::require_int(value, "version", what)) != kVersion)
    return fail(Kind::Unsupported, what + ": it was written by another version of Tare");
  Binned binned;
  const std::string when = TRY(json::require_string(value, "removedAt", what));
  binned.removed_at = TRY(parse_rfc3339(when), what);
  binned.batch = TRY(json::require_string(value, "batch", what));
  binned.names = value["names"].as_strings();
  const std::string record = TRY(json::require_string(value, "record", what));
  binned.record = TRY(parse_record(id, record));
  binned.moment = value["moment"].as_string();
  if (value.find("sum") != nullptr && value["sum"].as_string() != sum_of(binned))
    return fail(Kind::Corrupt, what + " was changed on disk");
  return binned;
}

Result<> put_in_bin(store::Store& store, const Binned& binned) {
  for (const char* name : {"bin", kRoom})
    if (::mkdirat(store.dir(), name, 0700) != 0 && errno != EEXIST)
      return fail_errno("make the bin of the store");
  const sys::Fd dir = TRY(sys::open_at(store.dir(), kRoom, O_RDONLY | O_DIRECTORY));
  return sys::replace_file(dir.get(), binned.record.id.hex() + ".json", print_binned(binned));
}

Result<Binned> load_binned(const store::Store& store, const Digest& id) {
  auto text = sys::load_file(store.dir(), entry_path(id), kMaxEntry);
  if (!text && text.error().kind() == Kind::NotFound)
    return fail(Kind::NotFound, "image " + id.short_hex() + " is not among what was removed");
  return parse_binned(id, TRY(std::move(text)));
}

Result<std::vector<Digest>> list_binned_ids(const store::Store& store) {
  std::vector<Digest> ids;
  auto names = sys::list_directory(store.dir(), kRoom);
  if (!names && names.error().kind() == Kind::NotFound) return ids;
  for (const std::string& name : TRY(std::move(names))) {
    if (name.starts_with('.') || !name.ends_with(".json")) continue;
    if (auto id = Digest::parse("sha256:" + name.substr(0, name.size() - 5)))
      ids.push_back(std::move(*id));
  }
  return ids;
}

Result<std::vector<Binned>> list_binned(const store::Store& store, Unreadable unreadable) {
  std::vector<Binned> all;
  for (const Digest& id : TRY(list_binned_ids(store))) {
    auto binned = load_binned(store, id);
    if (!binned && binned.error().kind() == Kind::NotFound) continue;  // Brought back meanwhile.
    // Of another version of Tare it is not known what it names; that is an error.
    if (!binned && unreadable == Unreadable::LeaveOut && binned.error().kind() != Kind::Unsupported)
      continue;
    all.push_back(TRY(std::move(binned)));
  }
  std::ranges::stable_sort(all, {}, &Binned::removed_at);
  return all;
}

Result<> remove_binned(store::Store& store, const Digest& id) {
  if (::unlinkat(store.dir(), entry_path(id).c_str(), 0) != 0 && errno != ENOENT)
    return fail_errno("remove an image from the bin");
  return {};
}

Result<std::vector<RemovedImage>> Images::removed() const {
  std::vector<RemovedImage> out;
  for (const Binned& binned : TRY(list_binned(store_))) out.push_back(as_removed(binned));
  return out;
}

Result<Images::Restored> Images::restore(const Digest& id) {
  const sys::Fd lock = TRY(store_.lock(store::Store::kImagesLock));
  const Binned binned = TRY(load_binned(store_, id));
  if (!store_.has_blob(id))
    return fail(Kind::Corrupt, "image " + id.short_hex() + " cannot be brought back: its " +
                                   "configuration is no longer in the store");
  if (!TRY(has_record(store_, id))) TRY(write_record(store_, binned.record));
  failpoint("undo.image.recorded");
  Restored restored;
  for (const std::string& name : binned.names) {
    const auto holder = TRY(find_name(store_, name));
    if (holder && *holder != id) {
      restored.taken.push_back(name);
      continue;
    }
    TRY(write_name(store_, name, id));
    restored.names.push_back(name);
  }
  failpoint("undo.image.named");
  TRY(remove_binned(store_, id));
  return restored;
}

Result<> Images::forget(const std::vector<Digest>& ids) {
  if (ids.empty()) return {};
  {
    const sys::Fd lock = TRY(store_.lock(store::Store::kImagesLock));
    TRY(want_sweep_if_it_fits(store_));
    for (const Digest& id : ids) TRY(remove_binned(store_, id));
  }
  failpoint("forget.image.unlinked");
  return sweep_or_later(store_, rootfs_);
}

Result<> Images::forget_damaged() {
  bool any = false;
  {
    const sys::Fd lock = TRY(store_.lock(store::Store::kImagesLock));
    for (const Digest& id : TRY(list_binned_ids(store_))) {
      const auto binned = load_binned(store_, id);
      if (binned || binned.error().kind() == Kind::Unsupported) continue;
      any = true;
      TRY(want_sweep_if_it_fits(store_));
      TRY(remove_binned(store_, id));
    }
  }
  return any ? sweep_or_later(store_, rootfs_) : Result<>();
}

void Images::touch(const Digest& id) const {
  // Tells eviction what was used last. Only that is lost when it fails.
  (void)::utimensat(store_.dir(), ("images/" + id.hex() + ".json").c_str(), nullptr, 0);
}

Result<UnixNanos> Images::last_used(const Digest& id) const {
  struct stat info{};
  if (::fstatat(store_.dir(), ("images/" + id.hex() + ".json").c_str(), &info, 0) != 0)
    return fail_errno("look at image " + id.short_hex());
  return info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec;
}

}  // namespace tare::image
