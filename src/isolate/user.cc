// SPDX-License-Identifier: Apache-2.0
// Who a container's process is, by the image's own /etc/passwd and /etc/group. The image wrote
// these files: regular files only, with a limit, never by the host's NSS.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "isolate/isolate.h"

namespace tare::isolate {
namespace {

constexpr std::size_t kDatabaseLimit = 1 << 20;
constexpr std::size_t kMostGroups = 1000;
constexpr std::uint64_t kHighestId = std::numeric_limits<std::uint32_t>::max() - 1ULL;

// A missing file is an empty one. Links are followed, below the root only.
Result<std::string> read_database(int root, const std::string& path) {
  auto opened = sys::open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!opened && opened.error().kind() == Kind::NotFound) return std::string();
  const sys::Fd file = TRY(std::move(opened));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail_errno("look at " + path + " of the image");
  if (!S_ISREG(status.st_mode))
    return fail(Kind::Invalid, path + " of the image is not a regular file");
  // SECURITY: in a running container a link may lead to the kernel's files, which tell us more than
  // they tell the container, or lose what we read (/proc/kmsg).
  struct statfs system{};
  if (::fstatfs(file.get(), &system) != 0) return fail_errno("look at " + path + " of the image");
  if (system.f_type == PROC_SUPER_MAGIC || system.f_type == SYSFS_MAGIC)
    return fail(Kind::Denied, path + " of the image is a file of the kernel");
  return TRY(sys::read_all(file.get(), kDatabaseLimit), path + " of the image");
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Result<std::uint32_t> parse_id(std::string_view text, std::string_view what) {
  const auto value = parse_u64(text);
  if (!value || *value > kHighestId)
    return fail(Kind::Invalid,
                fmt::format("{} {} is not a number up to {}", what, quoted(text), kHighestId));
  return static_cast<std::uint32_t>(*value);
}

struct PasswdEntry {
  std::string name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string home;
};

// Lines that are no entries are passed over, as the C library does.
std::vector<PasswdEntry> parse_passwd(std::string_view text) {
  std::vector<PasswdEntry> entries;
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> fields = split(line, ':');
    if (fields.size() < 7 || fields[0].empty()) continue;
    const auto uid = parse_id(fields[2], "user");
    const auto gid = parse_id(fields[3], "group");
    if (!uid || !gid) continue;
    entries.push_back({.name = fields[0], .uid = *uid, .gid = *gid, .home = fields[5]});
  }
  return entries;
}

struct GroupEntry {
  std::string name;
  std::uint32_t gid = 0;
  std::vector<std::string> members;
};

std::vector<GroupEntry> parse_group(std::string_view text) {
  std::vector<GroupEntry> entries;
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> fields = split(line, ':');
    if (fields.size() < 4 || fields[0].empty()) continue;
    const auto gid = parse_id(fields[2], "group");
    if (!gid) continue;
    entries.push_back({.name = fields[0], .gid = *gid, .members = split(fields[3], ',')});
  }
  return entries;
}

template <typename Entry>
std::unexpected<Error> no_such(std::string_view what, const std::string& name,
                               const std::string& file, const std::vector<Entry>& entries) {
  std::vector<std::string> names;
  for (const Entry& entry : entries) names.push_back(entry.name);
  Error error(Kind::NotFound, fmt::format("no {} {} in {} of the image", what, quoted(name), file));
  if (const auto close = nearest(name, names))
    return std::unexpected(std::move(error).hint("did you mean " + quoted(*close) + "?"));
  return std::unexpected(std::move(error).hint("a number works without an entry in " + file));
}

// The entry that `name` is about. A number is only ever a number: an entry whose *name* is "0" does
// not make somebody root. [CVE-2016-3697]
Result<std::optional<PasswdEntry>> find_entry(const std::vector<PasswdEntry>& entries,
                                              const std::string& name) {
  if (is_number(name)) {
    const std::uint32_t uid = TRY(parse_id(name, "user"));
    for (const PasswdEntry& entry : entries)
      if (entry.uid == uid) return std::optional(entry);
    return std::optional<PasswdEntry>();
  }
  for (const PasswdEntry& entry : entries)
    if (entry.name == name) return std::optional(entry);
  return no_such("user", name, "/etc/passwd", entries);
}

Result<std::uint32_t> find_group(const std::vector<GroupEntry>& entries, const std::string& name) {
  if (is_number(name)) return parse_id(name, "group");
  for (const GroupEntry& entry : entries)
    if (entry.name == name) return entry.gid;
  return no_such("group", name, "/etc/group", entries);
}

Result<std::vector<std::uint32_t>> groups_of(const std::vector<GroupEntry>& entries,
                                             const std::string& user) {
  std::vector<std::uint32_t> groups;
  for (const GroupEntry& entry : entries) {
    if (std::ranges::find(entry.members, user) == entry.members.end()) continue;
    if (std::ranges::find(groups, entry.gid) != groups.end()) continue;
    if (groups.size() == kMostGroups)
      return fail(Kind::Invalid, fmt::format("user {} is in more than {} groups of the image",
                                             quoted(user), kMostGroups));
    groups.push_back(entry.gid);
  }
  return groups;
}

}  // namespace

Result<User> find_user(int root, const std::string& user) {
  const auto parts = split_once(user, ':');
  std::string name(parts ? parts->first : std::string_view(user));
  const std::string group(parts ? parts->second : std::string_view());
  if (parts && group.empty())
    return fail(Kind::Invalid, "user " + quoted(user) + " has no group after the colon");
  if (name.empty()) name = "0";
  const std::string passwd = TRY(read_database(root, "/etc/passwd"));
  const auto entry = TRY(find_entry(parse_passwd(passwd), name));
  User found;
  if (entry) {
    found.uid = entry->uid;
    found.gid = entry->gid;
    if (entry->home.starts_with('/')) found.home = entry->home;
  } else {
    found.uid = TRY(parse_id(name, "user"));
  }
  const bool needs_groups = entry || !group.empty();
  if (!needs_groups) return found;
  const std::string text = TRY(read_database(root, "/etc/group"));
  const std::vector<GroupEntry> groups = parse_group(text);
  // With a group given, that one only. [Docker "USER", observed with Docker 28]
  if (!group.empty()) {
    found.gid = TRY(find_group(groups, group));
  } else {
    found.groups = TRY(groups_of(groups, entry->name));
  }
  return found;
}

}  // namespace tare::isolate
