// SPDX-License-Identifier: Apache-2.0
#include "oci/mount_options.h"

#include <linux/mount.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace tare::oci {
namespace {

enum class Change : std::uint8_t {
  Set,        // The attribute,
  Clear,      // or takes it away.
  Atime,      // The way of keeping access times,
  DropAtime,  // or no longer this one.
  Bind,
  Propagate,
  MapIds,
  TmpCopyUp,
  Remount,
  Superblock,  // A flag of the superblock, and its opposite overridden.
  Nothing,
};

struct Option {
  std::string_view name;
  Change change;
  std::uint64_t number = 0;  // MOUNT_ATTR_*, or a Propagation.
  bool recursive = false;
  std::string_view opposite = {};
};

constexpr bool kRecursive = true;
constexpr std::uint64_t number(Propagation type) { return static_cast<std::uint64_t>(type); }

// Sorted by name, for the search.
constexpr auto kOptions = std::to_array<Option>({
    {"async", Change::Superblock, 0, false, "sync"},
    {"atime", Change::DropAtime, MOUNT_ATTR_NOATIME},
    {"bind", Change::Bind},
    {"defaults", Change::Nothing},
    {"dev", Change::Clear, MOUNT_ATTR_NODEV},
    {"diratime", Change::Clear, MOUNT_ATTR_NODIRATIME},
    {"dirsync", Change::Superblock},
    {"exec", Change::Clear, MOUNT_ATTR_NOEXEC},
    {"idmap", Change::MapIds},
    // File systems that count versions do so always (ext4 since Linux 6.1), and fsconfig(2) has no
    // word for it.
    {"iversion", Change::Nothing},
    {"lazytime", Change::Superblock, 0, false, "nolazytime"},
    {"loud", Change::Nothing},
    {"mand", Change::Superblock, 0, false, "nomand"},
    {"noatime", Change::Atime, MOUNT_ATTR_NOATIME},
    {"nodev", Change::Set, MOUNT_ATTR_NODEV},
    {"nodiratime", Change::Set, MOUNT_ATTR_NODIRATIME},
    {"noexec", Change::Set, MOUNT_ATTR_NOEXEC},
    {"noiversion", Change::Nothing},
    {"nolazytime", Change::Superblock, 0, false, "lazytime"},
    {"nomand", Change::Superblock, 0, false, "mand"},
    {"norelatime", Change::DropAtime, MOUNT_ATTR_RELATIME},
    {"nostrictatime", Change::DropAtime, MOUNT_ATTR_STRICTATIME},
    {"nosuid", Change::Set, MOUNT_ATTR_NOSUID},
    {"nosymfollow", Change::Set, MOUNT_ATTR_NOSYMFOLLOW},
    {"private", Change::Propagate, number(Propagation::Private)},
    {"ratime", Change::DropAtime, MOUNT_ATTR_NOATIME, kRecursive},
    {"rbind", Change::Bind, 0, kRecursive},
    {"rdev", Change::Clear, MOUNT_ATTR_NODEV, kRecursive},
    {"rdiratime", Change::Clear, MOUNT_ATTR_NODIRATIME, kRecursive},
    {"relatime", Change::Atime, MOUNT_ATTR_RELATIME},
    {"remount", Change::Remount},
    {"rexec", Change::Clear, MOUNT_ATTR_NOEXEC, kRecursive},
    {"ridmap", Change::MapIds, 0, kRecursive},
    {"rnoatime", Change::Atime, MOUNT_ATTR_NOATIME, kRecursive},
    {"rnodev", Change::Set, MOUNT_ATTR_NODEV, kRecursive},
    {"rnodiratime", Change::Set, MOUNT_ATTR_NODIRATIME, kRecursive},
    {"rnoexec", Change::Set, MOUNT_ATTR_NOEXEC, kRecursive},
    {"rnorelatime", Change::DropAtime, MOUNT_ATTR_RELATIME, kRecursive},
    {"rnostrictatime", Change::DropAtime, MOUNT_ATTR_STRICTATIME, kRecursive},
    {"rnosuid", Change::Set, MOUNT_ATTR_NOSUID, kRecursive},
    {"rnosymfollow", Change::Set, MOUNT_ATTR_NOSYMFOLLOW, kRecursive},
    {"ro", Change::Set, MOUNT_ATTR_RDONLY},
    {"rprivate", Change::Propagate, number(Propagation::Private), kRecursive},
    {"rrelatime", Change::Atime, MOUNT_ATTR_RELATIME, kRecursive},
    {"rro", Change::Set, MOUNT_ATTR_RDONLY, kRecursive},
    {"rrw", Change::Clear, MOUNT_ATTR_RDONLY, kRecursive},
    {"rshared", Change::Propagate, number(Propagation::Shared), kRecursive},
    {"rslave", Change::Propagate, number(Propagation::Slave), kRecursive},
    {"rstrictatime", Change::Atime, MOUNT_ATTR_STRICTATIME, kRecursive},
    {"rsuid", Change::Clear, MOUNT_ATTR_NOSUID, kRecursive},
    {"rsymfollow", Change::Clear, MOUNT_ATTR_NOSYMFOLLOW, kRecursive},
    {"runbindable", Change::Propagate, number(Propagation::Unbindable), kRecursive},
    {"rw", Change::Clear, MOUNT_ATTR_RDONLY},
    {"shared", Change::Propagate, number(Propagation::Shared)},
    {"silent", Change::Nothing},
    {"slave", Change::Propagate, number(Propagation::Slave)},
    {"strictatime", Change::Atime, MOUNT_ATTR_STRICTATIME},
    {"suid", Change::Clear, MOUNT_ATTR_NOSUID},
    {"symfollow", Change::Clear, MOUNT_ATTR_NOSYMFOLLOW},
    {"sync", Change::Superblock, 0, false, "async"},
    {"tmpcopyup", Change::TmpCopyUp},
    {"unbindable", Change::Propagate, number(Propagation::Unbindable)},
});
static_assert(std::ranges::is_sorted(kOptions, {}, &Option::name));

const Option* find_option(std::string_view name) {
  const auto found = std::ranges::lower_bound(kOptions, name, {}, &Option::name);
  return found != kOptions.end() && found->name == name ? &*found : nullptr;
}

void replace(MountAttributes& attributes, std::uint64_t field, std::uint64_t set,
             std::uint64_t clear) {
  attributes.set = (attributes.set & ~field) | set;
  attributes.clear = (attributes.clear & ~field) | clear;
}

void change_attributes(MountAttributes& attributes, const Option& option) {
  const std::uint64_t flag = option.number;
  const std::uint64_t atime = attributes.set & MOUNT_ATTR__ATIME;
  switch (option.change) {
    case Change::Set:
      return replace(attributes, flag, flag, 0);
    case Change::Clear:
      return replace(attributes, flag, 0, flag);
    case Change::Atime:
      return replace(attributes, MOUNT_ATTR__ATIME, flag, MOUNT_ATTR__ATIME);
    case Change::DropAtime:
      // "strictatime,atime" stays strict: what is taken back is noatime. What is left when a way is
      // taken back is the kernel's own, relatime.
      if (atime != 0 && atime != flag) return;
      return replace(attributes, MOUNT_ATTR__ATIME, 0, MOUNT_ATTR__ATIME);
    default:
      return;
  }
}

void apply_attributes(MountOptions& out, const Option& option) {
  if (!option.recursive) return change_attributes(out.own, option);
  change_attributes(out.recursive, option);
  // It is the later word for the mount itself as well.
  const bool atime = option.change == Change::Atime || option.change == Change::DropAtime;
  replace(out.own, atime ? MOUNT_ATTR__ATIME : option.number, 0, 0);
}

void apply(MountOptions& out, const Option& option) {
  switch (option.change) {
    case Change::Set:
    case Change::Clear:
    case Change::Atime:
    case Change::DropAtime:
      return apply_attributes(out, option);
    case Change::Bind:
      out.bind = true;
      out.bind_recursive = option.recursive;
      return;
    case Change::Propagate:
      out.propagation.push_back({static_cast<Propagation>(option.number), option.recursive});
      return;
    case Change::MapIds:
      out.idmap = option.recursive ? IdMap::Recursive : IdMap::Mount;
      return;
    case Change::TmpCopyUp:
      out.tmpcopyup = true;
      return;
    case Change::Remount:
      out.remount = true;
      return;
    case Change::Superblock:
      std::erase_if(out.superblock, [&](const auto& entry) {
        return entry.first == option.name || entry.first == option.opposite;
      });
      out.superblock.emplace_back(option.name, "");
      return;
    case Change::Nothing:
      return;
  }
}

// What mount(8) keeps to itself. [mount(8) "FILESYSTEM-INDEPENDENT MOUNT OPTIONS"]
bool is_for_mount_program(std::string_view option) {
  static constexpr std::string_view kWords[] = {"",       "auto",    "noauto",
                                                "nofail", "_netdev", "nouser"};
  return std::ranges::find(kWords, option) != std::end(kWords) || option.starts_with("x-") ||
         option.starts_with("X-") || option.starts_with("comment=");
}

// mount(2) takes all data as one text with commas, so one string may hold several options. Commas
// in quotes and after a backslash belong to a value.
std::vector<std::string_view> split_data(std::string_view text) {
  std::vector<std::string_view> parts;
  bool in_quotes = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') in_quotes = !in_quotes;
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == ',' && !in_quotes) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  parts.push_back(text.substr(std::min(begin, text.size())));
  return parts;
}

// The quotes around an SELinux context only keep its comma from being a separator.
std::string_view unquoted(std::string_view key, std::string_view value) {
  if (!key.ends_with("context") || value.size() < 2) return value;
  if (!value.starts_with('"') || !value.ends_with('"')) return value;
  return value.substr(1, value.size() - 2);
}

Result<> add_data(MountOptions& out, std::string_view text) {
  const auto pair = split_once(text, '=');
  const std::string_view key = pair ? pair->first : text;
  if (key.empty()) return fail(Kind::Invalid, "the mount option " + quoted(text) + " has no name");
  out.superblock.emplace_back(key, pair ? unquoted(key, pair->second) : "");
  return {};
}

}  // namespace

Result<MountOptions> parse_mount_options(std::span<const std::string> options) {
  MountOptions out;
  for (const std::string& whole : options) {
    for (const std::string_view text : split_data(whole)) {
      if (const Option* option = find_option(text))
        apply(out, *option);
      else if (!is_for_mount_program(text))
        TRY(add_data(out, text));
    }
  }
  return out;
}

std::vector<std::string> known_mount_options() {
  std::vector<std::string> names;
  for (const Option& option : kOptions)
    if (option.change != Change::Remount) names.emplace_back(option.name);
  return names;
}

}  // namespace tare::oci
