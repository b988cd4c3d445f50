// SPDX-License-Identifier: Apache-2.0
#include "audit/host_tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "sys/files.h"

namespace tare::audit {
namespace {

constexpr std::size_t kMaxLinks = 40;  // As the kernel: [path_resolution(7)].

// Puts the components of `path` in front of what is still to walk (`rest` is in reverse order).
void push_components(std::vector<std::string>& rest, std::string_view path) {
  std::vector<std::string> parts = split(path, '/');
  for (auto part = parts.rbegin(); part != parts.rend(); ++part)
    if (!part->empty() && *part != ".") rest.push_back(std::move(*part));
}

NodeKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return NodeKind::File;
  if (S_ISDIR(mode)) return NodeKind::Directory;
  if (S_ISLNK(mode)) return NodeKind::Symlink;
  return NodeKind::Other;
}

}  // namespace

std::string directory_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == 0 || slash == std::string_view::npos) return "/";
  return std::string(path.substr(0, slash));
}

std::string base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

Result<HostTree> HostTree::open(const std::string& root) {
  HostTree tree;
  tree.root_ = root;
  tree.fd_ = TRY(sys::open_path(root, O_PATH | O_DIRECTORY));
  return tree;
}

Result<Node> HostTree::look(const std::string& real) {
  if (const auto known = seen_.find(real); known != seen_.end()) return known->second;
  Node node;
  auto fd = sys::open_in_root(fd_.get(), real, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
  if (!fd) {
    const int errnum = fd.error().errnum();
    if (errnum != ENOENT && errnum != ENOTDIR && errnum != ENAMETOOLONG)
      return std::unexpected(std::move(fd).error());
    return seen_[real] = node;
  }
  struct stat info{};
  if (::fstat(fd->get(), &info) != 0) return fail_errno("stat " + quoted(real));
  node.kind = kind_of(info.st_mode);
  node.mode = info.st_mode & 07777;
  node.size = static_cast<std::uint64_t>(info.st_size);
  if (node.kind == NodeKind::Symlink) {
    std::string target(4097, '\0');
    const ssize_t count = ::readlinkat(fd->get(), "", target.data(), target.size());
    if (count < 0) return fail_errno("read the link " + quoted(real));
    target.resize(static_cast<std::size_t>(count));
    node.target = std::move(target);
  }
  return seen_[real] = node;
}

Result<std::optional<Found>> HostTree::find(std::string_view path) {
  if (!path.starts_with('/') || path.find('\0') != std::string_view::npos)
    return fail(Kind::Invalid, "path " + quoted(path) + " is not absolute");
  std::vector<std::string> rest;
  push_components(rest, path);
  Found found;
  std::string walked;  // Without a slash at the end; "" is the root.
  found.node.kind = NodeKind::Directory;
  while (!rest.empty()) {
    std::string name = std::move(rest.back());
    rest.pop_back();
    if (name == "..") {
      walked.resize(walked.empty() ? 0 : walked.rfind('/'));
      continue;
    }
    const std::string next = walked + "/" + name;
    Node node = TRY(look(next));
    if (node.kind == NodeKind::Absent) return std::optional<Found>();
    if (node.kind == NodeKind::Symlink) {
      if (found.links.size() >= kMaxLinks)
        return fail(Kind::Invalid, "too many symbolic links in " + quoted(path));
      if (node.target.starts_with('/')) walked.clear();
      push_components(rest, node.target);
      found.links.push_back({next, std::move(node.target)});
      continue;
    }
    if (node.kind != NodeKind::Directory && !rest.empty()) return std::optional<Found>();
    walked = next;
    found.node = std::move(node);
  }
  if (walked.empty() || found.node.kind == NodeKind::Directory)
    found.node =
        walked.empty() ? Node{.kind = NodeKind::Directory, .mode = 0755} : TRY(look(walked));
  found.path = walked.empty() ? "/" : walked;
  return std::optional(std::move(found));
}

Result<sys::Fd> HostTree::open_file(const std::string& real) const {
  // O_NONBLOCK: a fifo put there since we looked must not hold us.
  sys::Fd fd = TRY(sys::open_in_root(fd_.get(), real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0,
                                     RESOLVE_NO_SYMLINKS));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail_errno("stat " + quoted(real));
  if (!S_ISREG(info.st_mode)) return fail(Kind::Invalid, quoted(real) + " is not a regular file");
  return fd;
}

Result<std::string> HostTree::read_file(const std::string& real, std::size_t limit) const {
  const sys::Fd fd = TRY(open_file(real));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail_errno("stat " + quoted(real));
  // In one piece when the size is known: package databases are hundreds of files.
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return TRY(sys::read_all(fd.get(), limit), "read " + quoted(real));
  if (size > limit)
    return fail(Kind::Invalid, quoted(real) + " is larger than " + human_size(limit));
  std::string bytes(size, '\0');
  bytes.resize(TRY(sys::read_full(fd.get(), bytes.data(), size), "read " + quoted(real)));
  return bytes;
}

Result<std::vector<std::string>> HostTree::list(const std::string& real) const {
  const sys::Fd dir = TRY(sys::open_in_root(fd_.get(), real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                                            RESOLVE_NO_SYMLINKS));
  return sys::list_directory(dir.get());
}

}  // namespace tare::audit
