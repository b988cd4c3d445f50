// SPDX-License-Identifier: Apache-2.0
#include "build/copy_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <ranges>
#include <utility>

#include "build/glob.h"
#include "codec/sha256.h"
#include "codec/tar.h"
#include "store/overlay_mount.h"

namespace tare::build {
namespace {

constexpr unsigned kNewDirectory = 0755;
constexpr unsigned kNewFile = 0644;

std::pair<std::string, std::string> split_last(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// A name of an archive, wherever its ".." lead, below `destination`.
std::string inside_of(const std::string& destination, std::string_view name) {
  const std::string clean = clean_path("/" + std::string(name)).substr(1);
  return destination.empty() || clean.empty() ? destination + clean : destination + "/" + clean;
}

Result<> copy_bytes(int from, int to) {
  for (;;) {
    const ssize_t count = ::copy_file_range(from, nullptr, to, nullptr, 1 << 30, 0);
    if (count == 0) return {};
    if (count > 0) continue;
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
      return fail_errno("copy");
    std::string buffer(256 << 10, '\0');
    for (std::size_t got = buffer.size(); got == buffer.size();) {
      got = TRY(sys::read_full(from, buffer.data(), buffer.size()));
      TRY(sys::write_all(to, {buffer.data(), got}));
    }
    return {};
  }
}

// The same, if the bytes are those of `expected`; false if they are others.
Result<bool> copy_expected(int from, int to, const Digest& expected) {
  codec::Sha256 hash;
  std::string buffer(256 << 10, '\0');
  for (std::size_t got = buffer.size(); got == buffer.size();) {
    got = TRY(sys::read_full(from, buffer.data(), buffer.size()));
    hash.update({buffer.data(), got});
    TRY(sys::write_all(to, {buffer.data(), got}));
  }
  return hash.finish() == expected;
}

// Where `path`, without '/' in front, leads to below the root: links are followed also where there
// is nothing yet, the last one too. [BuildKit: containerd/continuity fs.RootPath]
Result<std::string> follow(int root, const std::string& path) {
  constexpr int kMostLinks = 40;  // As the kernel. [path_resolution(7)]
  int links = 0;
  std::string reached;
  std::deque<std::string> rest;
  for (const std::string& part : split(path, '/')) rest.push_back(part);
  while (!rest.empty()) {
    const std::string part = std::move(rest.front());
    rest.pop_front();
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      reached = split_last(reached).first;
      continue;
    }
    const std::string next = reached.empty() ? part : reached + "/" + part;
    const auto place = open_in(root, next, O_PATH);
    struct stat info{};
    if (!place || ::fstat(place->get(), &info) != 0 || !S_ISLNK(info.st_mode)) {
      reached = next;
      continue;
    }
    if (++links > kMostLinks)
      return fail(Kind::Invalid, "too many symbolic links at " + quoted("/" + path));
    const std::string target = TRY(read_link(root, next));
    if (target.starts_with('/')) reached.clear();
    const std::vector<std::string> parts = split(target, '/');
    rest.insert(rest.begin(), parts.begin(), parts.end());
  }
  return reached;
}

// The bits that "rwxXst" stand for, for those whose bits `who` has.
std::uint32_t bits_of(char letter, std::uint32_t who, std::uint32_t mode, bool is_directory) {
  switch (letter) {
    case 'r':
      return 0444 & who;
    case 'w':
      return 0222 & who;
    case 'X':
      return is_directory || (mode & 0111) != 0 ? 0111 & who : 0;
    case 'x':
      return 0111 & who;
    case 's':
      return ((who & 0700) != 0 ? 04000U : 0U) | ((who & 0070) != 0 ? 02000U : 0U);
    case 't':
      return 01000;
    default:
      return 0;
  }
}

// "ug+rw-x": who, and what is done one after the other.
std::uint32_t change_by_clause(std::string_view clause, std::uint32_t mode, bool is_directory) {
  std::size_t at = 0;
  std::uint32_t who = 0;
  for (; at < clause.size() && std::string_view("ugoa").contains(clause[at]); ++at)
    who |= clause[at] == 'u' ? 0700 : clause[at] == 'g' ? 0070 : clause[at] == 'o' ? 0007 : 0777;
  if (who == 0) who = 0777;
  while (at < clause.size()) {
    const char what = clause[at++];
    std::uint32_t bits = 0;
    for (; at < clause.size() && !std::string_view("+-=").contains(clause[at]); ++at)
      bits |= bits_of(clause[at], who, mode, is_directory);
    if (what == '=') mode &= ~who;
    mode = what == '-' ? mode & ~bits : mode | bits;
  }
  return mode;
}

class Copier {
 public:
  Copier(const Tree& tree, const Target& target, const CopyOptions& options)
      : tree_(tree), target_(target), options_(options) {}

  Result<> copy(const Pick& pick, const std::string& destination, bool into);
  // The directory at `path`, made with those above it where they are not there.
  Result<sys::Fd> ensure(const std::string& path);
  Result<sys::Fd> begin_file(const std::string& path);
  // As ensure(); the same again is at hand. Borrowed until the next call.
  Result<int> ensure_once(const std::string& path);
  // As begin_file(), of one that `target_.lent` is told of.
  Result<sys::Fd> make_file(const std::string& path);
  Result<> finish(int file, const struct stat& info);
  bool is_directory(const std::string& path) const {
    return open_in(target_.root, path, O_PATH | O_DIRECTORY).has_value();
  }
  // Of an archive; `destination` is without slashes at its ends.
  Result<> unpack(tar::Reader& reader, const std::string& destination,
                  std::vector<std::string>* paths);

 private:
  Result<> unpack_entry(tar::Reader& reader, const std::string& path,
                        const std::string& destination);
  Result<> unpack_file(tar::Reader& reader, const std::string& path);
  Result<> unpack_link(const tar::Entry& entry, const std::string& path,
                       const std::string& destination);
  Result<> set_attributes(const tar::Entry& entry, int file);
  struct stat facts_of(const tar::Entry& entry) const;
  Result<> put(const PickedFile& file, const std::string& path, const std::string& first);
  Result<> put_directory(const PickedFile& file, const std::string& path);
  Result<> put_file(const PickedFile& file, const std::string& path);
  Result<Owner> owner_on_disk(const struct stat& info) const;
  Result<> put_name(const std::string& first, const std::string& path);
  Result<> put_link(const PickedFile& file, const std::string& path);
  Result<> put_fifo(const PickedFile& file, const std::string& path);
  Result<> clear(int dir, const std::string& path, const std::string& name);
  Result<> give(int file, const struct stat& info);
  Result<> keep_time(int file, const struct stat& info);
  Result<> keep_times(const Pick& pick, const std::string& base);
  Result<> copy_attributes(const PickedFile& file, int to);
  // Only of files that somebody may write meanwhile.
  Digest expected_of(const PickedFile& file) const {
    return tree_.ids == nullptr && file.digest ? *file.digest : Digest();
  }
  std::uint32_t mode_of(const struct stat& info) const {
    // SECURITY: a program that an image has as its root's would be ours.
    const std::uint32_t mode = info.st_mode & (options_.for_host ? 01777U : 07777U);
    return options_.mode.empty() ? mode : change_mode(options_.mode, mode, S_ISDIR(info.st_mode));
  }

  const Tree& tree_;
  const Target& target_;
  const CopyOptions& options_;
  std::string last_path_;
  sys::Fd last_;               // The directory that was there,
  bool is_last_sure_ = false;  // ... and is still.
};

Result<Owner> Copier::owner_on_disk(const struct stat& info) const {
  if (!options_.owner && tree_.ids != nullptr && *tree_.ids == *target_.ids)
    return Owner{.uid = info.st_uid, .gid = info.st_gid};
  Owner owner = options_.owner.value_or(Owner{.uid = info.st_uid, .gid = info.st_gid});
  if (!options_.owner && tree_.ids != nullptr) {
    owner.uid = TRY(store::inside_of(*tree_.ids, info.st_uid));
    owner.gid = TRY(store::inside_of(tree_.ids->groups(), info.st_gid));
  }
  const std::uint32_t uid = TRY(target_.ids->outside_of(owner.uid));
  const std::uint32_t gid = TRY(target_.ids->groups().outside_of(owner.gid));
  return Owner{.uid = uid, .gid = gid};
}

// By descriptors of any sort, O_PATH too.
Result<> Copier::give(int file, const struct stat& info) {
  const Owner owner = TRY(owner_on_disk(info));
  if (::fchownat(file, "", owner.uid, owner.gid, AT_EMPTY_PATH) != 0)
    return fail_errno("set the owner");
  return {};
}

Result<> Copier::finish(int file, const struct stat& info) {
  TRY(give(file, info));
  if (::fchmod(file, mode_of(info)) != 0) return fail_errno("set the mode");
  return {};
}

Result<> Copier::keep_time(int file, const struct stat& info) {
  if (!options_.for_host) return {};
  const timespec times[] = {info.st_atim, info.st_mtim};
  if (::utimensat(file, "", times, AT_EMPTY_PATH) != 0) return fail_errno("set the time of a file");
  return {};
}

// When nothing is put into them any more.
Result<> Copier::keep_times(const Pick& pick, const std::string& base) {
  if (!options_.for_host || !pick.is_directory) return {};
  for (const PickedFile& file : std::views::reverse(pick.files)) {
    if (!S_ISDIR(file.info.st_mode) || file.below.empty()) continue;
    const std::string path = base == "." || base.empty() ? file.below : base + "/" + file.below;
    const sys::Fd directory = TRY(open_in(target_.root, path, O_PATH | O_DIRECTORY));
    TRY(keep_time(directory.get(), file.info));
  }
  return {};
}

// Only where they are an image's.
Result<> Copier::copy_attributes(const PickedFile& file, int to) {
  if (tree_.ids == nullptr) return {};
  const sys::Fd from = TRY(open_in(tree_.root, file.path, O_PATH));
  for (const auto& [name, value] : TRY(kept_attributes(from.get())))
    if (::fsetxattr(to, name.c_str(), value.data(), value.size(), 0) != 0)
      return fail_errno("set the extended attribute " + quoted(name));
  return {};
}

Result<sys::Fd> Copier::ensure(const std::string& path) {
  // With the dot a link to a directory is followed, as /bin and /lib are in many images.
  auto there = open_in(target_.root, path + "/.", O_RDONLY | O_DIRECTORY);
  if (there || there.error().errnum() != ENOENT) return there;
  const auto [above, name] = split_last(path);
  const sys::Fd dir = TRY(ensure(above));
  if (::mkdirat(dir.get(), name.c_str(), 0700) != 0)
    return fail_errno("make the directory " + quoted("/" + path));
  sys::Fd made = TRY(sys::open_at(dir.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const Owner owner = options_.owner.value_or(Owner());
  const std::uint32_t uid = TRY(target_.ids->outside_of(owner.uid));
  const std::uint32_t gid = TRY(target_.ids->groups().outside_of(owner.gid));
  if (::fchown(made.get(), uid, gid) != 0 || ::fchmod(made.get(), kNewDirectory) != 0)
    return fail_errno("give the directory " + quoted("/" + path) + " its owner and mode");
  return made;
}

// A file or link at the place goes; a directory is in the way.
Result<> Copier::clear(int dir, const std::string& path, const std::string& name) {
  if (::unlinkat(dir, name.c_str(), 0) == 0) {
    is_last_sure_ = false;  // It may have been a link on the way there.
    return {};
  }
  if (errno == ENOENT) return {};
  if (errno == EISDIR || errno == EPERM)
    return fail(Kind::Invalid,
                "cannot put a file at " + quoted("/" + path) + ": a directory is there");
  return fail_errno("replace " + quoted("/" + path));
}

Result<sys::Fd> Copier::begin_file(const std::string& path) {
  sys::Fd file = TRY(make_file(path));
  if (target_.lent != nullptr) TRY(target_.lent->forget(file.get()));
  return file;
}

Result<sys::Fd> Copier::make_file(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  const auto [above, name] = split_last(path);
  const int dir = TRY(ensure_once(above));
  auto file = sys::open_at(dir, name, kFlags, 0600);
  if (!file && file.error().errnum() == EEXIST) {
    TRY(clear(dir, path, name));
    file = sys::open_at(dir, name, kFlags, 0600);
  }
  return TRY(std::move(file), "make " + quoted("/" + path));
}

Result<int> Copier::ensure_once(const std::string& path) {
  if (!is_last_sure_ || last_path_ != path) {
    last_ = TRY(ensure(path));
    last_path_ = path;
    is_last_sure_ = true;
  }
  return last_.get();
}

// A further name of a file that was put before.
Result<> Copier::put_name(const std::string& first, const std::string& path) {
  const auto [from, other] = split_last(first);
  const auto [above, name] = split_last(path);
  const sys::Fd place = TRY(open_in(target_.root, from, O_PATH | O_DIRECTORY));
  const sys::Fd dir = TRY(ensure(above));
  TRY(clear(dir.get(), path, name));
  if (::linkat(place.get(), other.c_str(), dir.get(), name.c_str(), 0) != 0)
    return fail_errno("link " + quoted("/" + path));
  return {};
}

Result<> Copier::put_file(const PickedFile& file, const std::string& path) {
  const sys::Fd to = TRY(make_file(path));
  if (target_.lent != nullptr) {
    if (::ftruncate(to.get(), file.info.st_size) != 0)
      return fail_errno("set the size of " + quoted("/" + path));
    TRY(target_.lent->lend(to.get(),
                           {.root = tree_.root, .path = file.path, .digest = expected_of(file)}));
  } else {
    const sys::Fd from = TRY(open_in(tree_.root, file.path, O_RDONLY | O_NONBLOCK));
    const std::string what = "copy to " + quoted("/" + path);
    const Digest expected = expected_of(file);
    if (expected.empty())
      TRY(copy_bytes(from.get(), to.get()), what);
    else if (!TRY(copy_expected(from.get(), to.get(), expected), what))
      return store::changed_while_copied(file.path);
  }
  TRY(finish(to.get(), file.info));
  TRY(copy_attributes(file, to.get()));
  return keep_time(to.get(), file.info);
}

Result<> Copier::put_link(const PickedFile& file, const std::string& path) {
  const std::string target = file.link ? *file.link : TRY(read_link(tree_.root, file.path));
  const auto [above, name] = split_last(path);
  const sys::Fd dir = TRY(ensure(above));
  TRY(clear(dir.get(), path, name));
  if (::symlinkat(target.c_str(), dir.get(), name.c_str()) != 0)
    return fail_errno("make the link " + quoted("/" + path));
  const sys::Fd made = TRY(sys::open_at(dir.get(), name, O_PATH | O_NOFOLLOW));
  TRY(give(made.get(), file.info));
  return keep_time(made.get(), file.info);
}

Result<> Copier::put_fifo(const PickedFile& file, const std::string& path) {
  const auto [above, name] = split_last(path);
  const sys::Fd dir = TRY(ensure(above));
  TRY(clear(dir.get(), path, name));
  const std::uint32_t mode = mode_of(file.info);
  if (::mkfifoat(dir.get(), name.c_str(), 0600) != 0 ||
      ::fchmodat(dir.get(), name.c_str(), mode, 0) != 0)
    return fail_errno("make the named pipe " + quoted("/" + path));
  const sys::Fd made = TRY(sys::open_at(dir.get(), name, O_PATH | O_NOFOLLOW));
  return give(made.get(), file.info);
}

// One that is there gets owner and mode as a new one, in an image. [tonistiigi/fsutil copy]
Result<> Copier::put_directory(const PickedFile& file, const std::string& path) {
  const bool is_there = is_directory(path);
  if (is_there && options_.for_host) return {};
  if (!is_there && open_in(target_.root, path, O_PATH))
    return fail(Kind::Invalid,
                "cannot put a directory at " + quoted("/" + path) + ": something else is there");
  const sys::Fd made = TRY(ensure(path));
  TRY(finish(made.get(), file.info));
  return copy_attributes(file, made.get());
}

// `first`: where an earlier name of the file is; "": it has none.
Result<> Copier::put(const PickedFile& file, const std::string& path, const std::string& first) {
  if (!first.empty()) return first == path ? Result<>() : put_name(first, path);
  switch (file.info.st_mode & S_IFMT) {
    case S_IFDIR:
      return put_directory(file, path);
    case S_IFLNK:
      return put_link(file, path);
    case S_IFREG:
      return put_file(file, path);
    case S_IFIFO:
      return put_fifo(file, path);
    default:
      if (options_.for_host) return {};  // A device.
      return fail(Kind::Unsupported, quoted(file.path) +
                                         " is neither a file nor a directory nor a "
                                         "link");
  }
}

Result<> Copier::copy(const Pick& pick, const std::string& destination, bool into) {
  std::string base = destination;
  if (options_.parents)
    base = pick.is_directory ? join_path(destination, pick.parents)
                             : join_path(destination, split_last(pick.parents).first);
  const bool goes_in =
      !pick.is_directory && (into || options_.parents || is_directory(base + "/."));
  if (pick.is_directory || goes_in) (void)TRY(ensure(base == "." ? "" : base));
  std::vector<std::string> paths;  // Where each file is.
  for (const PickedFile& file : pick.files) {
    std::string& path = paths.emplace_back(base == "." ? "" : base);
    const std::string below = goes_in ? pick.name : file.below;
    // The directory that was asked for stands for its contents.
    if (below.empty() && pick.is_directory) {
      if (options_.root_too) TRY(finish(target_.root, file.info));
      continue;
    }
    if (!below.empty()) path = path.empty() ? below : path + "/" + below;
    TRY(put(file, path, file.same_as ? paths[*file.same_as] : ""));
  }
  return keep_times(pick, base);
}

// As if it lay in a tree with owners.
struct stat Copier::facts_of(const tar::Entry& entry) const {
  struct stat info{};
  info.st_mode = entry.mode | (entry.type == tar::Type::Directory ? S_IFDIR : S_IFREG);
  info.st_uid = entry.uid;
  info.st_gid = entry.gid;
  return info;
}

Result<> Copier::set_attributes(const tar::Entry& entry, int file) {
  if (!options_.attributes) return {};
  for (const auto& [name, value] : entry.xattrs) {
    if (name != "security.capability" && !name.starts_with("user.")) continue;
    if (::fsetxattr(file, name.c_str(), value.data(), value.size(), 0) != 0)
      return fail_errno("set the extended attribute " + quoted(name));
  }
  return {};
}

Result<> Copier::unpack_file(tar::Reader& reader, const std::string& path) {
  const tar::Entry& entry = reader.entry();
  const sys::Fd file = TRY(begin_file(path));
  std::string buffer(256 << 10, '\0');
  while (true) {
    if (const std::uint64_t hole = reader.hole_bytes(); hole > 0) {
      if (::lseek(file.get(), static_cast<off_t>(hole), SEEK_CUR) < 0) return fail_errno("seek");
      reader.skip_hole();
    }
    const std::size_t count = TRY(reader.read_content(buffer.data(), buffer.size()));
    if (count == 0) break;
    TRY(sys::write_all(file.get(), {buffer.data(), count}));
  }
  if (::ftruncate(file.get(), static_cast<off_t>(entry.size)) != 0)
    return fail_errno("set the size of " + quoted("/" + path));
  TRY(finish(file.get(), facts_of(entry)));
  return set_attributes(entry, file.get());
}

Result<> Copier::unpack_link(const tar::Entry& entry, const std::string& path,
                             const std::string& destination) {
  const auto [above, name] = split_last(path);
  const sys::Fd dir = TRY(ensure(above));
  TRY(clear(dir.get(), path, name));
  if (entry.type == tar::Type::HardLink) {
    const auto [from, other] = split_last(inside_of(destination, entry.link));
    const sys::Fd place = TRY(open_in(target_.root, from, O_PATH | O_DIRECTORY));
    if (::linkat(place.get(), other.c_str(), dir.get(), name.c_str(), 0) != 0)
      return fail_errno("link " + quoted("/" + path));
    return {};
  }
  const bool is_link = entry.type == tar::Type::Symlink;
  if ((is_link ? ::symlinkat(entry.link.c_str(), dir.get(), name.c_str())
               : ::mkfifoat(dir.get(), name.c_str(), 0600)) != 0)
    return fail_errno("make " + quoted("/" + path));
  const struct stat info = facts_of(entry);
  if (!is_link && ::fchmodat(dir.get(), name.c_str(), mode_of(info), 0) != 0)
    return fail_errno("set the mode of " + quoted("/" + path));
  const sys::Fd made = TRY(sys::open_at(dir.get(), name, O_PATH | O_NOFOLLOW));
  return give(made.get(), info);
}

Result<> Copier::unpack_entry(tar::Reader& reader, const std::string& path,
                              const std::string& destination) {
  const tar::Entry& entry = reader.entry();
  switch (entry.type) {
    case tar::Type::Directory: {
      // A link to a directory stays one.
      if (!is_directory(path) && is_directory(path + "/.")) return {};
      const sys::Fd made = TRY(ensure(path));
      TRY(finish(made.get(), facts_of(entry)));
      return set_attributes(entry, made.get());
    }
    case tar::Type::Regular:
      return unpack_file(reader, path);
    case tar::Type::HardLink:
    case tar::Type::Symlink:
    case tar::Type::Fifo:
      return unpack_link(entry, path, destination);
    default:
      return fail(Kind::Unsupported, quoted(entry.name) + " is a device: ADD makes none");
  }
}

Result<> Copier::unpack(tar::Reader& reader, const std::string& destination,
                        std::vector<std::string>* paths) {
  (void)TRY(ensure(destination));
  while (TRY(reader.next())) {
    const std::string path = inside_of(destination, reader.entry().name);
    if (path == destination) continue;
    TRY(unpack_entry(reader, path, destination));
    if (paths != nullptr) paths->push_back(path);
  }
  return {};
}

std::string relative(const std::string& path) { return clean_path("/" + path).substr(1); }

}  // namespace

std::uint32_t change_mode(std::string_view text, std::uint32_t mode, bool is_directory) {
  if (text.find_first_not_of("01234567") == std::string_view::npos) {
    std::uint32_t number = 0;
    for (const char c : text) number = number * 8 + static_cast<std::uint32_t>(c - '0');
    return number & 07777;
  }
  for (const std::string& clause : split(text, ','))
    mode = change_by_clause(clause, mode, is_directory);
  return mode;
}

Result<> copy_files(const Tree& tree, const std::vector<Pick>& picks, const Target& target,
                    const std::string& destination, const CopyOptions& options) {
  Copier copier(tree, target, options);
  const bool into = destination.ends_with('/') || picks.size() > 1;
  const std::string place = TRY(follow(target.root, relative(destination)));
  for (const Pick& pick : picks) TRY(copier.copy(pick, place, into));
  return {};
}

Result<> unpack_archive(codec::Source& archive, const Target& target,
                        const std::string& destination, const CopyOptions& options,
                        std::vector<std::string>* paths) {
  const Tree nothing;
  Copier copier(nothing, target, options);
  tar::Reader reader(archive);
  return copier.unpack(reader, TRY(follow(target.root, relative(destination))), paths);
}

Result<> put_file(const Target& target, const std::string& destination, std::string_view content,
                  const CopyOptions& options) {
  const Tree nothing;
  Copier copier(nothing, target, options);
  const std::string path = TRY(follow(target.root, relative(destination)));
  const sys::Fd file = TRY(copier.begin_file(path));
  TRY(sys::write_all(file.get(), content));
  struct stat info{};
  info.st_mode = kNewFile;
  return copier.finish(file.get(), info);
}

Result<> put_open_file(const Target& target, const std::string& destination, const OpenFile& file,
                       const CopyOptions& options) {
  const Tree nothing;
  Copier copier(nothing, target, options);
  std::string path = TRY(follow(target.root, relative(destination)));
  if (destination.ends_with('/') || copier.is_directory(path))
    path += (path.empty() ? "" : "/") + file.name;
  const sys::Fd made = TRY(copier.begin_file(path));
  TRY(copy_bytes(file.file, made.get()), "write " + quoted("/" + path));
  struct stat info{};
  info.st_mode = S_IFREG | file.mode;
  return copier.finish(made.get(), info);
}

Result<> make_directory(const Target& target, const std::string& path, Owner owner) {
  const CopyOptions options{.owner = owner};
  const Tree nothing;
  const std::string place = TRY(follow(target.root, relative(path)));
  (void)TRY(Copier(nothing, target, options).ensure(place));
  return {};
}

}  // namespace tare::build
