// SPDX-License-Identifier: Apache-2.0
#include "build/pick.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <map>

#include "build/glob.h"
#include "build/lock.h"
#include "codec/sha256.h"
#include "store/overlay_mount.h"
#include "sys/files.h"

namespace tare::build {
namespace {

constexpr int kMostLinks = 40;  // As the kernel follows. [path_resolution(7)]

std::string join(const std::string& dir, const std::string& name) {
  return dir.empty() ? name : name.empty() ? dir : dir + "/" + name;
}

// Without '/' at its ends, "." and ".."; a ".." at the top stays there.
std::string inside(std::string_view path) {
  const std::string clean = clean_path("/" + std::string(path));
  return clean.substr(1);
}

// The nearest name of what is in the directory where `path` should be.
std::string near(const Tree& tree, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string dir = slash == std::string::npos ? "" : path.substr(0, slash);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const auto place = open_in(tree.root, dir, O_RDONLY | O_DIRECTORY);
  if (!place) return "there is no directory " + quoted("/" + dir) + " either";
  const auto names = sys::list_directory(place->get(), ".");
  if (!names) return "";
  const auto similar = nearest(name, *names);
  return similar ? "did you mean " + quoted(join(dir, *similar)) + "?" : "";
}

// By its content: others call their files so, too.
bool is_lock(int root, const std::string& path) {
  if (!path.ends_with(kLockSuffix)) return false;
  struct stat info{};
  const auto place = open_in(root, path, O_PATH);
  if (!place || ::fstat(place->get(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  const auto file = open_in(root, path, O_RDONLY | O_NONBLOCK);
  if (!file) return false;
  std::string begin(kLockBegin, '\0');
  const auto count = sys::read_full(file->get(), begin.data(), begin.size());
  return count && begins_lock(std::string_view(begin).substr(0, *count));
}

std::string name_of(int file) {
  std::string path(PATH_MAX, '\0');
  const ssize_t size =
      ::readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), path.data(), path.size());
  path.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return path;
}

// Where `file` is in the tree, by no link: what .dockerignore says is said of that.
Result<std::string> real_path(int root, int file) {
  const std::string top = name_of(root);
  std::string path = name_of(file);
  if (path == top) return std::string();
  const std::size_t length = top == "/" ? 0 : top.size();
  if (top.empty() || !path.starts_with(top) || path.size() <= length || path[length] != '/')
    return fail(Kind::Unavailable, "files move while they are looked for");
  return path.substr(length + 1);
}

class Picker {
 public:
  Picker(const Tree& tree, const IgnoreRules& excludes) : tree_(tree), excludes_(excludes) {}

  // What `path` leads to, itself a link or not.
  Result<std::optional<Pick>> one(std::string path);
  // All paths below `dir` that match.
  Result<> match(const std::string& dir, const Glob& glob, std::vector<std::string>& found) const;

 private:
  Result<> walk(Pick& pick, const std::string& below);
  Result<> find_links(Pick& pick) const;
  bool is_ignored(const std::string& path) const {
    if (path.empty()) return false;
    return (tree_.ignore != nullptr && tree_.ignore->ignores(path)) ||
           (tree_.leaves_out_locks && is_lock(tree_.root, path));
  }

  const Tree& tree_;
  const IgnoreRules& excludes_;
};

Result<std::optional<Pick>> Picker::one(std::string path) {
  Pick pick{.name = path.substr(path.rfind('/') + 1), .parents = path};
  for (int links = 0; links < kMostLinks; ++links) {
    const auto file = open_in(tree_.root, path, O_PATH);
    if (!file) {
      if (file.error().errnum() == ENOENT || file.error().errnum() == ENOTDIR) return std::nullopt;
      return std::unexpected(file.error());
    }
    struct stat info{};
    if (::fstat(file->get(), &info) != 0) return fail_errno("stat " + quoted(path));
    path = TRY(real_path(tree_.root, file->get()));
    if (S_ISLNK(info.st_mode)) {
      const std::string target = TRY(read_link(tree_.root, path));
      const std::size_t slash = path.rfind('/');
      const std::string dir = slash == std::string::npos ? "" : path.substr(0, slash);
      path = target.starts_with('/') ? target : join(dir, target);
      continue;
    }
    pick.source = path;
    pick.is_directory = S_ISDIR(info.st_mode);
    if (is_ignored(path) && !(pick.is_directory && tree_.ignore->may_except_below(path)))
      return std::nullopt;
    pick.files.push_back({.path = path, .below = "", .info = info, .same_as = {}});
    if (pick.is_directory) TRY(walk(pick, ""));
    TRY(find_links(pick));
    return pick;
  }
  return fail(Kind::Invalid, "too many symbolic links at " + quoted(pick.name));
}

Result<> Picker::find_links(Pick& pick) const {
  std::map<std::pair<dev_t, ino_t>, std::vector<std::size_t>> inodes;
  for (std::size_t i = 0; i < pick.files.size(); ++i)
    if (const struct stat& info = pick.files[i].info; S_ISREG(info.st_mode) && info.st_nlink > 1)
      inodes[{info.st_dev, info.st_ino}].push_back(i);
  for (const auto& [inode, names] : inodes) {
    std::map<std::uint64_t, std::size_t> first;
    for (const std::size_t name : names) {
      if (names.size() == 1) continue;
      const std::uint64_t file =
          tree_.links == nullptr ? 1 : TRY((*tree_.links)(pick.files[name].path));
      if (file == 0) continue;
      const auto [known, is_new] = first.try_emplace(file, name);
      if (!is_new) pick.files[name].same_as = known->second;
    }
  }
  return {};
}

Result<> Picker::walk(Pick& pick, const std::string& below) {
  const std::string dir = join(pick.source, below);
  const sys::Fd place = TRY(open_in(tree_.root, dir, O_RDONLY | O_DIRECTORY));
  for (const std::string& name : TRY(sys::list_directory(place.get(), "."))) {
    PickedFile file{.path = join(dir, name), .below = join(below, name), .info = {}, .same_as = {}};
    if (::fstatat(place.get(), name.c_str(), &file.info, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno("stat " + quoted(file.path));
    const bool is_directory = S_ISDIR(file.info.st_mode);
    const bool hidden =
        is_ignored(file.path) || (!excludes_.empty() && excludes_.ignores(file.below));
    const bool look =
        is_directory &&
        (!hidden || (is_ignored(file.path) && tree_.ignore->may_except_below(file.path)) ||
         excludes_.may_except_below(file.below));
    if (S_ISSOCK(file.info.st_mode) || (hidden && !look)) continue;
    const std::string next = file.below;
    const std::size_t before = pick.files.size();
    pick.files.push_back(std::move(file));
    if (!look) continue;
    TRY(walk(pick, next));
    if (hidden && pick.files.size() == before + 1) pick.files.resize(before);
  }
  return {};
}

Result<> Picker::match(const std::string& dir, const Glob& glob,
                       std::vector<std::string>& found) const {
  // With the dot a link to a directory is followed: /lib/*.so is found where /lib is one.
  const auto place = open_in(tree_.root, join(dir, "."), O_RDONLY | O_DIRECTORY);
  if (!place) return {};
  const std::string real = TRY(real_path(tree_.root, place->get()));
  for (const std::string& name : TRY(sys::list_directory(place->get(), "."))) {
    const std::string path = join(dir, name);
    if (glob.matches(path)) {
      const std::string there = join(real, name);
      if (!is_ignored(there) || tree_.ignore->may_except_below(there)) found.push_back(path);
      continue;
    }
    struct stat info{};
    if (::fstatat(place->get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(info.st_mode))
      TRY(match(path, glob, found));
  }
  return {};
}

// How many parts of a path --parents leaves out. [BuildKit frontend 1.20, reference.md "COPY
// --parents"]
std::size_t parts_before_pivot(std::string_view source) {
  const std::size_t pivot = source.find("/./");
  if (pivot == std::string_view::npos) return 0;
  const std::string before = inside(source.substr(0, pivot));
  return before.empty() ? 0 : static_cast<std::size_t>(std::ranges::count(before, '/')) + 1;
}

std::string without_parts(std::string path, std::size_t count) {
  for (; count > 0; --count) {
    const std::size_t slash = path.find('/');
    path = slash == std::string::npos ? "" : path.substr(slash + 1);
  }
  return path;
}

void add_number(std::string& text, std::uint64_t number) { text += std::to_string(number) + " "; }

}  // namespace

Result<sys::Fd> open_in(int root, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how);
  if (fd < 0) return fail_errno("open " + quoted(path.empty() ? "/" : path));
  return sys::Fd(static_cast<int>(fd));
}

Result<std::string> read_link(int root, const std::string& path) {
  const sys::Fd link = TRY(open_in(root, path, O_PATH));
  std::string target(4096, '\0');
  const ssize_t size = ::readlinkat(link.get(), "", target.data(), target.size());
  if (size < 0) return fail_errno("read the link " + quoted(path));
  target.resize(static_cast<std::size_t>(size));
  return target;
}

Result<std::vector<Pick>> pick(const Tree& tree, const PickRequest& request) {
  const IgnoreRules excludes = TRY(IgnoreRules::from_patterns(request.excludes));
  Picker picker(tree, excludes);
  std::vector<Pick> picks;
  const std::string source = inside(request.source);
  const std::size_t cut = parts_before_pivot(request.source);
  if (!has_wildcards(source)) {
    auto found = TRY(picker.one(source));
    if (!found)
      return std::unexpected(
          Error(Kind::NotFound, quoted(request.source) + " is not there" +
                                    (tree.ignore != nullptr && tree.ignore->ignores(source)
                                         ? " for the build: .dockerignore leaves it out"
                                     : tree.leaves_out_locks && is_lock(tree.root, source)
                                         ? " for the build: it is the lock of a build"
                                         : ""))
              .hint(near(tree, source)));
    found->parents = without_parts(found->parents, cut);
    picks.push_back(std::move(*found));
    return picks;
  }
  const Glob glob =
      TRY(Glob::parse(source, request.any_depth ? GlobStyle::Ignore : GlobStyle::Path));
  std::vector<std::string> paths;
  TRY(picker.match(split_wildcards(source).first == "." ? "" : split_wildcards(source).first, glob,
                   paths));
  for (const std::string& path : paths) {
    auto found = TRY(picker.one(path));
    if (!found) continue;
    found->parents = without_parts(found->parents, cut);
    picks.push_back(std::move(*found));
  }
  return picks;
}

Error no_match(const Tree& tree, const std::string& source) {
  Error error(Kind::NotFound, "no file matches " + quoted(source));
  Tree whole = tree;
  whole.ignore = nullptr;
  const auto left_out = pick(whole, {.source = source, .excludes = {}});
  if (tree.ignore != nullptr && left_out && !left_out->empty())
    return std::move(error).hint(".dockerignore leaves out " + quoted(left_out->front().source) +
                                 (left_out->size() > 1 ? " and others" : ""));
  const std::string path = inside(source);
  if (has_wildcards(path.substr(0, std::min(path.rfind('/'), path.size())))) return error;
  const std::string hint = near(tree, path);
  return hint.empty() ? error : std::move(error).hint(hint);
}

Result<std::vector<std::pair<std::string, std::string>>> kept_attributes(int file) {
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  std::vector<std::pair<std::string, std::string>> kept;
  std::string names(64 << 10, '\0');  // The most that the kernel takes. [xattr(7)]
  const ssize_t size = ::listxattr(path.c_str(), names.data(), names.size());
  if (size <= 0) return kept;
  names.resize(static_cast<std::size_t>(size));
  for (const std::string& name : split(names, '\0')) {
    if (name != "security.capability" && !name.starts_with("user.")) continue;
    std::string value(64 << 10, '\0');
    const ssize_t bytes = ::getxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (bytes < 0) continue;
    value.resize(static_cast<std::size_t>(bytes));
    kept.emplace_back(name, std::move(value));
  }
  std::ranges::sort(kept);
  return kept;
}

namespace {

// Owners, and what else a copy has of an image's file.
Result<> add_facts_of_image(std::string& text, const Tree& tree, const PickedFile& file) {
  if (tree.ids == nullptr) return {};
  // As the image has them: which ids stand for those is this machine's.
  add_number(text, TRY(store::inside_of(*tree.ids, file.info.st_uid), quoted(file.path)));
  add_number(text, TRY(store::inside_of(tree.ids->groups(), file.info.st_gid), quoted(file.path)));
  if (!S_ISREG(file.info.st_mode) && !S_ISDIR(file.info.st_mode)) return {};
  const sys::Fd opened = TRY(open_in(tree.root, file.path, O_PATH));
  for (const auto& [name, value] : TRY(kept_attributes(opened.get())))
    text += escaped(name) + "=" + codec::sha256(value).hex() + " ";
  return {};
}

// A file that was read before is not even opened.
Result<Digest> digest_of(const Tree& tree, const PickedFile& file) {
  FileDigests none;
  FileDigests& digests = tree.digests != nullptr ? *tree.digests : none;
  if (const Digest* const known = digests.find(file.path, file.info)) return *known;
  const sys::Fd opened = TRY(open_in(tree.root, file.path, O_RDONLY | O_NONBLOCK));
  return digests.of(file.path, opened.get(), file.info);
}

}  // namespace

Result<std::string> fingerprint(const Tree& tree, Pick& pick) {
  std::string text = pick.is_directory ? "directory\n" : "file " + escaped(pick.name) + "\n";
  for (PickedFile& file : pick.files) {
    text += escaped(file.below) + "\t";
    // Of a directory the mode means something, of a link it does not.
    if (!S_ISLNK(file.info.st_mode)) add_number(text, file.info.st_mode & 07777U);
    TRY(add_facts_of_image(text, tree, file));
    if (file.same_as) text += "same as " + escaped(pick.files[*file.same_as].below) + " ";
    if (S_ISREG(file.info.st_mode)) {
      file.digest = TRY(digest_of(tree, file));
      text += file.digest->text();
    } else if (S_ISLNK(file.info.st_mode)) {
      file.link = TRY(read_link(tree.root, file.path));
      text += "link " + escaped(*file.link);
    } else {
      add_number(text, file.info.st_mode & S_IFMT);
      if (S_ISCHR(file.info.st_mode) || S_ISBLK(file.info.st_mode))
        add_number(text, file.info.st_rdev);
    }
    text += "\n";
  }
  return codec::sha256(text).text();
}

}  // namespace tare::build
