// SPDX-License-Identifier: Apache-2.0
#include "store/volumes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/failpoint.h"
#include "codec/json.h"
#include "store/tree_maker.h"
#include "sys/files.h"

namespace tare::store {
namespace {

constexpr int kVersion = 1;
constexpr std::size_t kMaxRecord = 1 << 20;
constexpr std::size_t kMaxRemoved = 4096;
constexpr std::size_t kMaxName = 128;
constexpr const char* kRoom = "volumes";
constexpr const char* kBin = "bin/volumes";
constexpr const char* kRecord = "volume.json";
constexpr const char* kData = "_data";
constexpr const char* kRemoved = "removed";
constexpr const char* kLock = "lock";
constexpr const char* kNew = "new";  // In a scratch directory.

constexpr std::pair<VolumeIds, std::string_view> kIds[] = {
    {VolumeIds::Image, "image"},
    {VolumeIds::Caller, "caller"},
    {VolumeIds::Container, "container"},
};

std::string path_of(const std::string& name) { return std::string(kRoom) + "/" + name; }

json::Value print_map(const std::map<std::string, std::string>& map) {
  json::Value out{json::Object{}};
  for (const auto& [key, text] : map) out.set(key, text);
  return out;
}

std::map<std::string, std::string> parse_map(const json::Value& value) {
  std::map<std::string, std::string> map;
  for (const auto& [key, text] : value.as_object()) map[key] = text.as_string();
  return map;
}

std::string option(const Volume& volume, const char* key) {
  const auto found = volume.options.find(key);
  return found == volume.options.end() ? "" : found->second;
}

Result<> sync_room(const Store& store, const char* room) {
  const sys::Fd dir = TRY(sys::open_at(store.dir(), room, O_RDONLY | O_DIRECTORY));
  if (::fsync(dir.get()) != 0) return fail_errno("write to disk");
  return {};
}

Result<Volume> load_from(int dir, const std::string& path) {
  const sys::Fd place = TRY(sys::open_at(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return parse_volume(TRY(sys::load_file(place.get(), kRecord, kMaxRecord)));
}

// The value of "KEY=VALUE" on a line of its own.
std::string field(std::string_view text, std::string_view key) {
  for (const std::string& line : split(text, '\n'))
    if (const auto pair = split_once(line, '='); pair && pair->first == key)
      return std::string(pair->second);
  return "";
}

}  // namespace

std::string Volume::device() const { return option(*this, "device"); }

bool Volume::is_read_only() const {
  const std::vector<std::string> flags = split(option(*this, "o"), ',');
  return std::ranges::find(flags, "ro") != flags.end();
}

Result<> check_volume_name(std::string_view name) {
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto is_allowed = [&](char c) {
    return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
  };
  if (name.size() < 2)
    return std::unexpected(Error(Kind::Invalid, "volume name " + quoted(name) + " is too short")
                               .hint("names have at least two characters"));
  if (name.size() > kMaxName)
    return fail(Kind::Invalid, "volume name " + quoted(name) + " is longer than " +
                                   std::to_string(kMaxName) + " characters");
  if (!is_alphanumeric(name[0]) || !std::ranges::all_of(name, is_allowed))
    return std::unexpected(
        Error(Kind::Invalid, quoted(name) +
                                 " includes invalid characters for a local volume name, only "
                                 "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed")
            .hint("a directory of the host is given by an absolute path, or one that starts with "
                  "./"));
  return {};
}

Result<> check_volume_options(const std::map<std::string, std::string>& options) {
  if (options.empty()) return {};
  for (const auto& [key, value] : options)
    if (key != "type" && key != "device" && key != "o")
      return std::unexpected(Error(Kind::Invalid, "the volume driver has no option " + quoted(key))
                                 .hint("type, device and o are known"));
  const Volume volume{.options = options};
  const std::string type = option(volume, "type");
  bool bind = false;
  for (const std::string& flag : split(option(volume, "o"), ',')) {
    if (flag == "bind")
      bind = true;
    else if (!flag.empty() && flag != "rw" && flag != "ro")
      return fail(Kind::Unsupported,
                  "volume option o=" + quoted(flag) + ": bind, ro and rw are there");
  }
  if ((type != "none" && !type.empty()) || !bind)
    return std::unexpected(
        Error(Kind::Unsupported,
              "a volume of type " + quoted(type) + ": only type=none with o=bind is there")
            .hint("a directory of the host: -o type=none -o o=bind -o device=/path; in memory: "
                  "run --tmpfs /path"));
  if (!volume.device().starts_with('/'))
    return fail(Kind::Invalid,
                "volume option device=" + quoted(volume.device()) + " is not an absolute path");
  return {};
}

std::string print_volume(const Volume& volume) {
  json::Value out;
  out.set("version", kVersion);
  out.set("name", volume.name);
  out.set("created", rfc3339(volume.created));
  out.set("labels", print_map(volume.labels));
  out.set("options", print_map(volume.options));
  for (const auto& [which, name] : kIds)
    if (which == volume.ids) out.set("ids", name);
  if (!volume.container.empty()) out.set("container", volume.container);
  return json::print(out, json::Style::Indented) + "\n";
}

Result<Volume> parse_volume(std::string_view text) {
  const json::Value in = TRY(json::parse(text), "volume record");
  if (TRY(json::require_int(in, "version", "volume record")) != kVersion)
    return fail(Kind::Unsupported, "volume record: it was written by another version of Tare");
  Volume volume;
  volume.name = TRY(json::require_string(in, "name", "volume record"));
  TRY(check_volume_name(volume.name));
  const std::string created = TRY(json::require_string(in, "created", "volume record"));
  volume.created = TRY(parse_rfc3339(created), "volume record");
  volume.labels = parse_map(in["labels"]);
  volume.options = parse_map(in["options"]);
  const std::string ids = TRY(json::require_string(in, "ids", "volume record"));
  const auto* found = std::ranges::find(kIds, ids, &std::pair<VolumeIds, std::string_view>::second);
  if (found == std::end(kIds))
    return fail(Kind::Unsupported, "volume record: it has no ids of the kind " + quoted(ids));
  volume.ids = found->first;
  volume.container = in["container"].as_string();
  return volume;
}

Result<> create_volume(Store& store, const Volume& volume, const VolumeRoot& root,
                       sys::Durability durability) {
  const std::string what = "make volume " + quoted(volume.name);
  TRY(check_volume_name(volume.name));
  if (has_volume(store, volume.name))
    return fail(Kind::Exists, "volume " + quoted(volume.name) + " is there already");
  Store::Scratch scratch = TRY(store.make_scratch(), what);
  if (::mkdirat(scratch.dir.get(), kNew, 0700) != 0) return fail_errno(what);
  const sys::Fd dir = TRY(sys::open_at(scratch.dir.get(), kNew, O_RDONLY | O_DIRECTORY), what);
  if (::mkdirat(dir.get(), kData, 0755) != 0) return fail_errno(what);
  const sys::Fd data = TRY(sys::open_at(dir.get(), kData, O_RDONLY | O_DIRECTORY), what);
  if (::fchown(data.get(), root.uid, root.gid) != 0 || ::fchmod(data.get(), root.mode) != 0)
    return fail_errno(what);
  TRY(sys::create_file(dir.get(), kRecord, print_volume(volume), durability), what);
  failpoint("volume.written");
  const std::string place = path_of(volume.name);
  if (::syscall(SYS_renameat2, scratch.dir.get(), kNew, store.dir(), place.c_str(),
                RENAME_NOREPLACE) != 0) {
    if (errno == EEXIST)
      return fail(Kind::Exists, "volume " + quoted(volume.name) + " is there already");
    return fail_errno(what);
  }
  failpoint("volume.named");
  return durability == sys::Durability::Synced ? sync_room(store, kRoom) : Result<>();
}

Result<Volume> load_volume(const Store& store, const std::string& name) {
  const auto no_such = [&] {
    return std::unexpected(Error(Kind::NotFound, "no such volume: " + quoted(name))
                               .hint("tare volume ls lists all volumes, tare undo --list what was "
                                     "removed"));
  };
  if (!check_volume_name(name)) return no_such();
  auto volume = load_from(store.dir(), path_of(name));
  if (!volume && volume.error().kind() == Kind::NotFound) return no_such();
  Volume out = TRY(std::move(volume), "volume " + quoted(name));
  out.name = name;  // Names of directories are what counts.
  return out;
}

bool has_volume(const Store& store, const std::string& name) {
  struct stat info{};
  return ::fstatat(store.dir(), path_of(name).c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<sys::Fd> open_volume_lock(const Store& store, const std::string& name) {
  return TRY(sys::open_at(store.dir(), path_of(name) + "/" + kLock, O_RDWR | O_CREAT | O_NOFOLLOW),
             "lock volume " + quoted(name));
}

Result<std::vector<Volume>> list_volumes(const Store& store) {
  std::vector<Volume> out;
  for (const std::string& name : TRY(sys::list_directory(store.dir(), kRoom)))
    if (auto volume = load_volume(store, name)) out.push_back(std::move(*volume));
  return out;
}

std::string volume_data_path(const std::string& name) { return path_of(name) + "/" + kData; }

Result<sys::Fd> open_volume_data(const Store& store, const std::string& name) {
  auto data = sys::open_at(store.dir(), volume_data_path(name), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!data && data.error().kind() == Kind::NotFound)
    return std::unexpected(
        Error(Kind::NotFound, "volume " + quoted(name) + " is not there any more")
            .hint("tare undo " + name + " brings it back; tare volume create " + name +
                  " makes an empty one"));
  return data;
}

Result<bool> is_volume_empty(const Store& store, const std::string& name) {
  sys::Fd dir =
      TRY(sys::open_at(store.dir(), volume_data_path(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  // Room for a few entries: "." and ".." are two of them, and there may be very many.
  alignas(dirent64) char entries[4096];
  for (;;) {
    const ssize_t size = ::getdents64(dir.get(), entries, sizeof entries);
    if (size < 0) return fail_errno("look into volume " + quoted(name));
    if (size == 0) return true;
    for (ssize_t at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries + at);
      const std::string_view found = entry->d_name;
      if (found != "." && found != "..") return false;
      at += entry->d_reclen;
    }
  }
}

Result<std::vector<Store::Scratch>> write_volume_content(Store& store,
                                                         const VolumeContentRequest& request) {
  const std::string what = "copy " + quoted(request.path) + " of the image into a volume";
  std::vector<Store::Scratch> out;
  const auto top = request.image->tree.find(request.path);
  if (!top && top.error().kind() == Kind::NotFound) return out;
  if (!top)
    return std::unexpected(Error(Kind::Invalid, "cannot mount a volume at " + quoted(request.path) +
                                                    ": the image has no directory there")
                               .hint("what it has there is a file, a device, or a link to one"));
  Store::Scratch& scratch = out.emplace_back(TRY(store.make_scratch(), what));
  if (::mkdirat(scratch.dir.get(), kData, 0700) != 0) return fail_errno(what);
  const sys::Fd root = TRY(sys::open_at(scratch.dir.get(), kData, O_RDONLY | O_DIRECTORY), what);
  TRY(make_tree({.store = &store,
                 .image = request.image,
                 .top = *top,
                 .root = root.get(),
                 .ids = request.ids,
                 .v3_capabilities = request.v3_capabilities}),
      what);
  failpoint("volume.copied");
  if (::syncfs(root.get()) != 0) return fail_errno(what + ": write to disk");
  return out;
}

Result<NewContent> make_volume_content(Store& store, const VolumeRoot& root) {
  NewContent content{.scratch = TRY(store.make_scratch()), .data = {}};
  if (::mkdirat(content.scratch.dir.get(), kData, 0700) != 0) return fail_errno("make a directory");
  content.data = TRY(sys::open_at(content.scratch.dir.get(), kData, O_RDONLY | O_DIRECTORY));
  if (::fchown(content.data.get(), root.uid, root.gid) != 0 ||
      ::fchmod(content.data.get(), root.mode) != 0)
    return fail_errno("give a directory its owner");
  return content;
}

Result<> adopt_volume_content(Store& store, const Store::Scratch& content,
                              const std::string& name) {
  // rename(2) replaces a directory only when it is empty.
  const std::string place = volume_data_path(name);
  if (::renameat(content.dir.get(), kData, store.dir(), place.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST) return {};
    return fail_errno("give volume " + quoted(name) + " its first content");
  }
  failpoint("volume.filled");
  return sync_room(store, path_of(name).c_str());
}

std::string binned_volume_path(const std::string& key) { return std::string(kBin) + "/" + key; }

Result<> put_volume_in_bin(Store& store, const std::string& name, const std::string& batch) {
  for (const char* room : {"bin", kBin})
    if (::mkdirat(store.dir(), room, 0700) != 0 && errno != EEXIST)
      return fail_errno("make the bin of the store");
  const sys::Fd dir =
      TRY(sys::open_at(store.dir(), path_of(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY(sys::replace_file(dir.get(), kRemoved,
                        "at=" + std::to_string(now_ns()) + "\nbatch=" + batch + "\n",
                        sys::Durability::Lazy));
  failpoint("volume.dated");
  char raw[32];
  if (::getrandom(raw, sizeof raw, 0) != sizeof raw) return fail_errno("getrandom");
  const std::string place = binned_volume_path(to_hex(std::string_view(raw, sizeof raw)));
  if (::renameat(store.dir(), path_of(name).c_str(), store.dir(), place.c_str()) != 0)
    return fail_errno("move volume " + quoted(name) + " into the bin");
  return {};
}

Result<std::vector<BinnedVolume>> list_binned_volumes(const Store& store) {
  auto keys = sys::list_directory(store.dir(), kBin);
  if (!keys && keys.error().kind() == Kind::NotFound) return std::vector<BinnedVolume>();
  std::vector<BinnedVolume> out;
  for (const std::string& key : TRY(std::move(keys))) {
    const std::string place = binned_volume_path(key);
    auto volume = load_from(store.dir(), place);
    if (!volume) continue;
    BinnedVolume one{.key = key, .volume = std::move(*volume)};
    // It was not written to disk before the power went: it is old.
    const std::string removed =
        sys::load_file(store.dir(), place + "/" + kRemoved, kMaxRemoved).value_or("");
    one.removed_at = parse_i64(field(removed, "at")).value_or(0);
    one.batch = field(removed, "batch");
    out.push_back(std::move(one));
  }
  std::ranges::stable_sort(out, {}, &BinnedVolume::removed_at);
  return out;
}

Result<> restore_volume(Store& store, const BinnedVolume& one, const std::string& new_name) {
  const std::string place = binned_volume_path(one.key);
  const sys::Fd dir = TRY(sys::open_at(store.dir(), place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const std::string& name = new_name.empty() ? one.volume.name : new_name;
  TRY(check_volume_name(name));
  if (name != one.volume.name) {
    Volume renamed = one.volume;
    renamed.name = name;
    TRY(sys::replace_file(dir.get(), kRecord, print_volume(renamed)));
  }
  failpoint("undo.volume.written");
  if (::syscall(SYS_renameat2, store.dir(), place.c_str(), store.dir(), path_of(name).c_str(),
                RENAME_NOREPLACE) != 0) {
    if (errno != EEXIST) return fail_errno("move volume " + quoted(name) + " out of the bin");
    return std::unexpected(
        Error(Kind::Exists, "volume name " + quoted(name) + " is in use")
            .hint("bring it back under another: tare undo --name NEW " + one.key.substr(0, 12)));
  }
  failpoint("undo.volume.moved");
  ::unlinkat(dir.get(), kRemoved, 0);
  return {};
}

}  // namespace tare::store
