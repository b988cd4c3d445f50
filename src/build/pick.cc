// SPDX-License-Identifier: Apache-2.0
#include "build/pick.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <map>

#include "build/glob.h"
#include "build/lock.h"
#include "codec/sha256.h"
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

class Picker {
 public:
  Picker(const Tree& tree, const IgnoreRules& excludes) : tree_(tree), excludes_(excludes) {}

  // What `path` leads to, itself a link or not.
  Result<std::optional<Pick>> one(std::string path);
  // All paths below `dir` that match.
  Result<> match(const std::string& dir, const Glob& glob, std::vector<std::string>& found) const;

 private:
  Result<> walk(Pick& pick, const std::string& below);
  bool is_ignored(const std::string& path) const {
    if (path.empty()) return false;
    return (tree_.ignore != nullptr && tree_.ignore->ignores(path)) ||
           (tree_.leaves_out_locks && is_lock(tree_.root, path));
  }

  const Tree& tree_;
  const IgnoreRules& excludes_;
};

Result<std::optional<Pick>> Picker::one(std::string path) {
  Pick pick{.name = path.substr(path.rfind('/') + 1)};
  for (int links = 0; links < kMostLinks; ++links) {
    const auto file = open_in(tree_.root, path, O_PATH);
    if (!file) {
      if (file.error().errnum() == ENOENT || file.error().errnum() == ENOTDIR) return std::nullopt;
      return std::unexpected(file.error());
    }
    struct stat info{};
    if (::fstat(file->get(), &info) != 0) return fail_errno("stat " + quoted(path));
    if (S_ISLNK(info.st_mode)) {
      const std::string target = TRY(read_link(tree_.root, path));
      const std::size_t slash = path.rfind('/');
      const std::string dir = slash == std::string::npos ? "" : path.substr(0, slash);
      path = inside(target.starts_with('/') ? target : join(dir, target));
      continue;
    }
    pick.source = path;
    pick.is_directory = S_ISDIR(info.st_mode);
    if (is_ignored(path) && !(pick.is_directory && tree_.ignore->may_except_below(path)))
      return std::nullopt;
    pick.files.push_back({.path = path, .below = "", .info = info});
    if (pick.is_directory) TRY(walk(pick, ""));
    return pick;
  }
  return fail(Kind::Invalid, "too many symbolic links at " + quoted(pick.name));
}

Result<> Picker::walk(Pick& pick, const std::string& below) {
  const std::string dir = join(pick.source, below);
  const sys::Fd place = TRY(open_in(tree_.root, dir, O_RDONLY | O_DIRECTORY));
  for (const std::string& name : TRY(sys::list_directory(place.get(), "."))) {
    PickedFile file{.path = join(dir, name), .below = join(below, name)};
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
  const auto place = open_in(tree_.root, dir, O_RDONLY | O_DIRECTORY);
  if (!place) return {};
  for (const std::string& name : TRY(sys::list_directory(place->get(), "."))) {
    const std::string path = join(dir, name);
    if (glob.matches(path)) {
      if (!is_ignored(path) || tree_.ignore->may_except_below(path)) found.push_back(path);
      continue;
    }
    struct stat info{};
    if (::fstatat(place->get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(info.st_mode))
      TRY(match(path, glob, found));
  }
  return {};
}

void add_number(std::string& text, std::uint64_t number) { text += std::to_string(number) + " "; }

}  // namespace

bool has_more_names(const Tree& tree, const struct stat& info) {
  return tree.ids == nullptr && S_ISREG(info.st_mode) && info.st_nlink > 1;
}

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
    picks.push_back(std::move(*found));
    return picks;
  }
  const Glob glob = TRY(Glob::parse(source));
  std::vector<std::string> paths;
  TRY(picker.match(split_wildcards(source).first == "." ? "" : split_wildcards(source).first, glob,
                   paths));
  for (const std::string& path : paths)
    if (auto found = TRY(picker.one(path))) picks.push_back(std::move(*found));
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

Result<std::string> fingerprint(const Tree& tree, const Pick& pick) {
  std::string text = pick.is_directory ? "directory\n" : "file " + escaped(pick.name) + "\n";
  std::map<std::pair<dev_t, ino_t>, std::string> names;  // Of files that may have several.
  for (const PickedFile& file : pick.files) {
    text += escaped(file.below) + "\t";
    // Of a directory the mode means something, of a link it does not.
    if (!S_ISLNK(file.info.st_mode)) add_number(text, file.info.st_mode & 07777U);
    if (tree.ids != nullptr) {
      add_number(text, file.info.st_uid);
      add_number(text, file.info.st_gid);
    }
    if (has_more_names(tree, file.info)) {
      const auto [first, is_new] =
          names.try_emplace({file.info.st_dev, file.info.st_ino}, file.below);
      if (!is_new) text += "same as " + escaped(first->second) + " ";
    }
    if (S_ISREG(file.info.st_mode)) {
      const sys::Fd opened = TRY(open_in(tree.root, file.path, O_RDONLY | O_NONBLOCK));
      FileDigests none;
      FileDigests& digests = tree.digests != nullptr ? *tree.digests : none;
      text += TRY(digests.of(file.path, opened.get(), file.info)).text();
    } else if (S_ISLNK(file.info.st_mode)) {
      text += "link " + escaped(TRY(read_link(tree.root, file.path)));
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
