// SPDX-License-Identifier: Apache-2.0
#include "engine/image_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "codec/sha256.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

using Inode = store::MergedTree::Inode;

constexpr int kMaxLinks = 40;  // [path_resolution(7)]

std::pair<std::string_view, std::string_view> split_path(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"/", path};
  return {slash == 0 ? path.substr(0, 1) : path.substr(0, slash), path.substr(slash + 1)};
}

// A file's content, in a file of the store.
class PartOfFile : public codec::Bytes {
 public:
  // `own`: closed with it, when it is the one that `file` is of.
  PartOfFile(sys::Fd own, int file, std::uint64_t begin, std::uint64_t size)
      : own_(std::move(own)), file_(file), begin_(begin), size_(size) {}
  std::uint64_t size() const override { return size_; }
  Result<std::string> read(std::uint64_t offset, std::size_t size) const override {
    std::string bytes(size, '\0');
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t count = ::pread(file_, bytes.data() + done, bytes.size() - done,
                                    static_cast<off_t>(begin_ + offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return fail_errno("read a file of the image");
      if (count == 0) return fail(Kind::Corrupt, "a file of the image ends too early");
      done += static_cast<std::size_t>(count);
    }
    return bytes;
  }

 private:
  sys::Fd own_;
  int file_;
  std::uint64_t begin_;
  std::uint64_t size_;
};

}  // namespace

Result<ImageFiles> ImageFiles::open(const store::Store& store,
                                    const std::vector<store::Layer>& layers) {
  return ImageFiles(store, TRY(store::share_image_tree(store, layers)));
}

Result<ImageFiles::Found> ImageFiles::find(std::string_view path) {
  const auto [directory, name] = split_path(path);
  if (name.empty()) return Found{.inode = 0, .layer = 0};
  const auto missing = fail(Kind::NotFound, quoted(path) + " is not in the image");
  const auto parent = image_->tree.find(directory);
  if (!parent) return missing;
  const auto& children = inode(*parent).children();
  const auto found = children.find(std::string(name));
  if (found == children.end()) return missing;
  return Found{.inode = found->second.inode,
               .layer = found->second.layer == 0 ? 0 : found->second.layer - 1};
}

std::vector<std::string> ImageFiles::list(std::string_view directory) {
  std::vector<std::string> names;
  const auto found = image_->tree.find(directory);
  if (!found) return names;
  for (const auto& [name, child] : inode(*found).children()) names.push_back(name);
  return names;
}

Digest ImageFiles::digest_of(const Inode& inode) {
  if (inode.type != tar::Type::Regular || inode.content.pack == store::kNowhere) return {};
  return store::digest_of(inode.content.digest);
}

Result<sys::Fd> ImageFiles::open_content(const Inode& inode) const {
  if (inode.content.pack == store::kInObject)
    return sys::open_at(store_->dir(), store::object_path(store::digest_of(inode.content.digest)),
                        O_RDONLY | O_NOFOLLOW);
  return store::open_pack(*store_, image_->packs[image_->pack_of(inode)]);
}

Result<std::unique_ptr<codec::Bytes>> ImageFiles::bytes(const Inode& inode) {
  if (inode.size == 0 || inode.content.pack == store::kNowhere)
    return std::make_unique<codec::StringBytes>(std::string_view());
  if (inode.content.pack == store::kInObject) {
    sys::Fd file = TRY(open_content(inode));
    const int fd = file.get();
    return std::make_unique<PartOfFile>(std::move(file), fd, 0, inode.size);
  }
  auto& pack = packs_[image_->pack_of(inode)];
  if (!pack) pack = TRY(open_content(inode));
  return std::make_unique<PartOfFile>(sys::Fd(), pack.get(), inode.content.offset, inode.size);
}

Result<std::string> ImageFiles::content(const Inode& inode) const {
  if (inode.size == 0 || inode.content.pack == store::kNowhere) return std::string();
  sys::Fd file = TRY(open_content(inode));
  const int fd = file.get();
  const std::uint64_t begin = inode.content.pack == store::kInObject ? 0 : inode.content.offset;
  std::string bytes = TRY(PartOfFile(std::move(file), fd, begin, inode.size).read(0, inode.size));
  if (codec::sha256(bytes) != store::digest_of(inode.content.digest))
    return std::unexpected(Error(Kind::Corrupt, "a file of the image is not what its layer says")
                               .hint("tare verify IMAGE says more"));
  return bytes;
}

Result<std::string> ImageFiles::read(std::string_view path, std::size_t limit) {
  std::string place(path);
  for (int i = 0; i < kMaxLinks; ++i) {
    const Found found = TRY(find(place));
    const Inode& node = inode(found.inode);
    if (node.type == tar::Type::Symlink) {
      place = node.link().starts_with('/')
                  ? node.link()
                  : std::string(split_path(place).first) + "/" + node.link();
      continue;
    }
    if (node.type != tar::Type::Regular)
      return fail(Kind::Invalid, quoted(path) + " of the image is no file");
    if (node.size > limit)
      return fail(Kind::Invalid, quoted(path) + " of the image has " + human_size(node.size) +
                                     ", which is too much");
    return content(node);
  }
  return fail(Kind::Invalid, quoted(path) + " of the image is a link without an end");
}

void ImageFiles::walk(store::MergedTree::Id directory, std::string& path, const Take& take) const {
  for (const auto& [name, child] : inode(directory).children()) {
    const std::size_t before = path.size();
    path += "/" + name;
    if (inode(child.inode).type == tar::Type::Directory)
      walk(child.inode, path, take);
    else
      take(path, {.inode = child.inode, .layer = child.layer == 0 ? 0 : child.layer - 1});
    path.resize(before);
  }
}

void ImageFiles::each(const Take& take) const {
  std::string path;
  walk(0, path, take);
}

}  // namespace tare::engine
