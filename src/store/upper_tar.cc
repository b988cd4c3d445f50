// SPDX-License-Identifier: Apache-2.0
#include "store/upper_tar.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "codec/tar.h"
#include "store/image_tree.h"
#include "store/overlay_mount.h"
#include "sys/files.h"
#include "sys/user_namespace.h"

namespace tare::store {
namespace {

constexpr std::size_t kMaxPath = 4096 - 8;  // Names of a tar; with room for ".wh." in front.
constexpr std::size_t kPiece = 1 << 20;

constexpr const char* kWhiteout = ".wh.";

std::unexpected<Error> no_such_name(const std::string& dir, const std::string& name) {
  return std::unexpected(
      Error(Kind::Unsupported, "a file cannot be called " +
                                   quoted("/" + dir + (dir.empty() ? "" : "/") + name) +
                                   ": in a layer that name says that another file is removed")
          .hint("give it a name that does not begin with '.wh.', or leave it out"));
}

Result<sys::Fd> open_below(int root, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
  const long fd = ::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how);
  if (fd < 0) return fail_errno("open " + quoted("/" + path));
  return sys::Fd(static_cast<int>(fd));
}

std::string fd_path(const sys::Fd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

// Nothing when there is none of that name.
std::optional<std::string> attribute(const sys::Fd& file, const std::string& name) {
  std::string value(64 << 10, '\0');  // The most that the kernel takes. [xattr(7)]
  const ssize_t size = ::getxattr(fd_path(file).c_str(), name.c_str(), value.data(), value.size());
  if (size < 0) return std::nullopt;
  value.resize(static_cast<std::size_t>(size));
  return value;
}

// A capability given in a user namespace names the id of that one's root, which an image does not
// have: the older form says the same for whoever is root. [capabilities(7), "Namespaced file
// capabilities"]
std::string without_root_id(std::string value) {
  constexpr std::size_t kV3 = 24;
  constexpr std::size_t kV2 = 20;
  constexpr char kRevision2 = 2;
  if (value.size() != kV3) return value;
  value.resize(kV2);
  value[3] = kRevision2;  // The highest byte of a little-endian word; the flag is in the lowest.
  return value;
}

class UpperTar {
 public:
  UpperTar(const Store& store, const UpperRequest& request, codec::Sink& sink)
      : store_(store),
        request_(request),
        tar_(sink),
        prefix_(sys::in_initial_user_namespace() ? "trusted.overlay." : "user.overlay.") {}

  Result<std::uint64_t> write() {
    TRY(add_children("", request_.whole ? From::Merged : From::Upper));
    TRY(tar_.finish());
    return entries_;
  }

 private:
  // Merged: everything that is there, because what is below is all from another place.
  enum class From : std::uint8_t { Upper, Merged };

  struct Item {
    std::string path;
    sys::Fd file;  // O_PATH, of the merged tree.
    struct stat info{};
  };

  int tree(From from) const { return from == From::Upper ? request_.upper : request_.merged; }

  Result<> add_children(const std::string& dir, From from);
  Result<> add(const std::string& path, From from);
  Result<> add_directory(const Item& item, From from);
  Result<> add_whiteout(const std::string& dir, const std::string& name);
  Result<> add_file(tar::Entry entry, const Item& item);
  Result<Item> look(const std::string& path) const;
  Result<tar::Entry> entry_of(const Item& item) const;
  Result<> read_attributes(tar::Entry& entry, const sys::Fd& file) const;
  Result<> put(const tar::Entry& entry);
  // A directory's own entry is written with the first thing in it that is.
  Result<> put_parents();

  bool is_place(const std::string& path) const {
    return std::ranges::find(request_.places, path) != request_.places.end();
  }
  // What the layers below have at a path; nothing when there is none.
  Result<std::optional<const MergedTree::Inode*>> below(const std::string& path);
  Result<bool> is_as_below(const Item& item);

  const Store& store_;
  const UpperRequest& request_;
  tar::Writer tar_;
  std::string prefix_;  // Of overlayfs' own attributes.
  std::shared_ptr<ImageTree> below_;
  std::vector<tar::Entry> parents_;  // On the way to where we are, not yet written.
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // First names of what has several.
  std::uint64_t entries_ = 0;
};

Result<> UpperTar::put_parents() {
  for (const tar::Entry& parent : std::exchange(parents_, {})) {
    TRY(tar_.add(parent));
    ++entries_;
  }
  return {};
}

Result<> UpperTar::put(const tar::Entry& entry) {
  TRY(put_parents());
  ++entries_;
  return tar_.add(entry);
}

Result<UpperTar::Item> UpperTar::look(const std::string& path) const {
  Item item{.path = path};
  item.file = TRY(open_below(request_.merged, path, O_PATH));
  if (::fstat(item.file.get(), &item.info) != 0) return fail_errno("fstat " + quoted("/" + path));
  return item;
}

Result<> UpperTar::add_children(const std::string& dir, From from) {
  if (dir.size() > kMaxPath)
    return fail(Kind::Unsupported, "a directory is deeper than a tar can say: " +
                                       quoted("/" + dir.substr(0, 80) + "..."));
  const sys::Fd place = TRY(open_below(tree(from), dir, O_RDONLY | O_DIRECTORY));
  std::vector<std::string> names = TRY(sys::list_directory(place.get(), "."));
  std::ranges::sort(names);
  for (const std::string& name : names) {
    struct stat info{};
    if (::fstatat(place.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno("stat " + quoted(name));
    const bool is_gone = S_ISCHR(info.st_mode) && info.st_rdev == 0;
    if (name.starts_with(kWhiteout) && !request_.whole) return no_such_name(dir, name);
    if (from == From::Upper && is_gone)
      TRY(add_whiteout(dir, name));
    else
      TRY(add(dir.empty() ? name : dir + "/" + name, from));
  }
  return {};
}

Result<> UpperTar::add_whiteout(const std::string& dir, const std::string& name) {
  const std::string hidden = dir.empty() ? name : dir + "/" + name;
  if (!TRY(below(hidden))) return {};  // There is nothing to hide.
  return put({.name = (dir.empty() ? "" : dir + "/") + kWhiteout + name, .mtime = request_.newest});
}

Result<> UpperTar::read_attributes(tar::Entry& entry, const sys::Fd& file) const {
  const ssize_t size = ::listxattr(fd_path(file).c_str(), nullptr, 0);
  if (size < 0 && errno == ENOTSUP) return {};
  if (size < 0) return fail_errno("list extended attributes");
  if (size == 0) return {};
  std::string names(static_cast<std::size_t>(size), '\0');
  // Less than that, where the file system keeps some for itself.
  const ssize_t got = ::listxattr(fd_path(file).c_str(), names.data(), names.size());
  if (got < 0) return fail_errno("list extended attributes");
  names.resize(static_cast<std::size_t>(got));
  for (const std::string& name : split(names, '\0')) {
    const bool is_capability = name == "security.capability";
    if (!is_capability && (!name.starts_with("user.") || name.starts_with("user.overlay.")))
      continue;
    if (auto value = attribute(file, name))
      entry.xattrs[name] = is_capability ? without_root_id(std::move(*value)) : std::move(*value);
  }
  return {};
}

Result<tar::Entry> UpperTar::entry_of(const Item& item) const {
  tar::Entry entry{.name = item.path, .mode = item.info.st_mode & 07777U};
  entry.uid = TRY(inside_of(*request_.ids, item.info.st_uid), quoted("/" + item.path));
  entry.gid = TRY(inside_of(request_.ids->groups(), item.info.st_gid), quoted("/" + item.path));
  const UnixNanos written = item.info.st_mtim.tv_sec * 1'000'000'000;  // Whole seconds.
  entry.mtime = request_.same_times ? request_.newest : std::min(written, request_.newest);
  // Of a link to no file: the kernel has them for no user. [xattr(7)]
  if (!S_ISLNK(item.info.st_mode)) TRY(read_attributes(entry, item.file));
  return entry;
}

Result<std::optional<const MergedTree::Inode*>> UpperTar::below(const std::string& path) {
  if (!below_) below_ = TRY(share_image_tree(store_, request_.below));
  const std::size_t slash = path.rfind('/');
  const auto dir = below_->tree.find(slash == std::string::npos ? "" : path.substr(0, slash));
  if (!dir) return std::nullopt;
  const auto& children = below_->tree.inode(*dir).children();
  const auto found = children.find(slash == std::string::npos ? path : path.substr(slash + 1));
  if (found == children.end()) return std::nullopt;
  return &below_->tree.inode(found->second.inode);
}

Result<bool> UpperTar::is_as_below(const Item& item) {
  const auto found = TRY(below(item.path));
  if (!found || (*found)->type != tar::Type::Directory) return false;
  const tar::Entry now = TRY(entry_of(item));
  const auto& xattrs = (*found)->xattrs();
  return now.mode == (*found)->mode && now.uid == (*found)->uid && now.gid == (*found)->gid &&
         std::ranges::equal(now.xattrs, xattrs, [](const auto& one, const auto& other) {
           return one.first == other.first && one.second == other.second;
         });
}

Result<> UpperTar::add_directory(const Item& item, From from) {
  tar::Entry entry = TRY(entry_of(item));
  entry.type = tar::Type::Directory;
  bool opaque = false;
  From inside = from;
  if (from == From::Upper) {
    const sys::Fd own = TRY(open_below(request_.upper, item.path, O_PATH));
    opaque = attribute(own, prefix_ + "opaque") == "y";
    // It was renamed: what is below it lies elsewhere.
    if (attribute(own, prefix_ + "redirect")) {
      opaque = true;
      inside = From::Merged;
    }
  }
  const auto had = TRY(below(item.path));
  const bool hides = opaque && had && (*had)->type == tar::Type::Directory;
  const bool is_new = !had || (*had)->type != tar::Type::Directory;
  const std::size_t depth = parents_.size();
  const std::uint64_t before = entries_;
  parents_.push_back(entry);
  if (hides) TRY(put({.name = item.path + "/.wh..wh..opq", .mtime = request_.newest}));
  TRY(add_children(item.path, inside));
  if (entries_ != before) return {};  // It was written.
  parents_.resize(depth);
  // Nothing in it: it is a change by itself, or one of the engine's places and ways to them.
  const bool is_way = std::ranges::any_of(request_.places, [&](const std::string& place) {
    return place == item.path || place.starts_with(item.path + "/");
  });
  if (is_new ? is_way : TRY(is_as_below(item))) return {};
  return put(entry);
}

Result<> UpperTar::add_file(tar::Entry entry, const Item& item) {
  entry.size = static_cast<std::uint64_t>(item.info.st_size);
  TRY(put(entry));
  const auto take = [this](std::string_view bytes) { return tar_.write_content(bytes); };
  if (request_.lent != nullptr && TRY(request_.lent->read(item.info, take))) return {};
  const sys::Fd file = TRY(open_below(request_.merged, item.path, O_RDONLY | O_NONBLOCK));
  std::string buffer(std::min<std::size_t>(kPiece, entry.size), '\0');
  for (std::uint64_t left = entry.size; left > 0;) {
    const std::size_t count =
        TRY(sys::read_full(file.get(), buffer.data(),
                           static_cast<std::size_t>(std::min<std::uint64_t>(left, kPiece))));
    if (count == 0)
      return fail(Kind::Corrupt, quoted("/" + item.path) + " became shorter while it was read");
    TRY(tar_.write_content({buffer.data(), count}));
    left -= count;
  }
  return {};
}

Result<> UpperTar::add(const std::string& path, From from) {
  const Item item = TRY(look(path));
  const mode_t type = item.info.st_mode & S_IFMT;
  if (type == S_IFDIR) return add_directory(item, from);
  if (type == S_IFSOCK) return {};
  if (type == S_IFREG && item.info.st_size == 0 && is_place(path) && !TRY(below(path))) return {};
  tar::Entry entry = TRY(entry_of(item));
  if (item.info.st_nlink > 1) {
    const auto [first, is_first] =
        linked_.emplace(std::pair(item.info.st_dev, item.info.st_ino), path);
    if (!is_first) {
      entry.type = tar::Type::HardLink;
      entry.link = first->second;
      entry.xattrs.clear();
      return put(entry);
    }
  }
  switch (type) {
    case S_IFREG:
      return add_file(std::move(entry), item);
    case S_IFLNK: {
      std::string target(4096, '\0');
      const ssize_t size = ::readlinkat(item.file.get(), "", target.data(), target.size());
      if (size < 0) return fail_errno("read the link " + quoted("/" + path));
      target.resize(static_cast<std::size_t>(size));
      entry.type = tar::Type::Symlink;
      entry.link = std::move(target);
      return put(entry);
    }
    case S_IFIFO:
      entry.type = tar::Type::Fifo;
      return put(entry);
    default:
      entry.type = type == S_IFCHR ? tar::Type::CharDevice : tar::Type::BlockDevice;
      entry.device_major = major(item.info.st_rdev);
      entry.device_minor = minor(item.info.st_rdev);
      return put(entry);
  }
}

}  // namespace

Result<std::uint64_t> write_upper_tar(const Store& store, const UpperRequest& request,
                                      codec::Sink& sink) {
  return UpperTar(store, request, sink).write();
}

}  // namespace tare::store
