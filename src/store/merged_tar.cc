// SPDX-License-Identifier: Apache-2.0
#include "store/merged_tar.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "codec/tar.h"
#include "store/image_tree.h"

namespace tare::store {
namespace {

using Inode = MergedTree::Inode;
using Id = MergedTree::Id;

constexpr std::size_t kPiece = 1 << 20;

std::string below_of(const std::string& dir, const std::string& name) {
  return dir.empty() ? name : dir + "/" + name;
}

bool same_directory(const Inode& one, const Inode& other) {
  return one.mode == other.mode && one.uid == other.uid && one.gid == other.gid &&
         one.mtime == other.mtime && one.xattrs() == other.xattrs();
}

// The difference of two trees, one of which has the layers and one has not.
class MergedTar {
 public:
  MergedTar(const Store& store, const ImageTree& with, const ImageTree& without, std::size_t below,
            codec::Sink& sink)
      : store_(store), with_(with), without_(without), below_(below), tar_(sink) {}

  Result<std::uint64_t> write() {
    for (const Digest& pack : with_.packs) packs_.push_back(TRY(open_pack(store_, pack)));
    const Inode& root = with_.tree.inode(0);
    if (!same_directory(root, without_.tree.inode(0))) TRY(put(entry_of(root, ".")));
    TRY(add_children("", 0, 0));
    TRY(tar_.finish());
    return entries_;
  }

 private:
  bool is_ours(std::uint32_t layer) const { return layer > below_; }  // From 1.

  const Inode& old_inode(Id id) const { return without_.tree.inode(id); }

  static tar::Entry entry_of(const Inode& inode, const std::string& path) {
    tar::Entry entry{.name = path, .type = inode.type, .mode = inode.mode};
    entry.uid = inode.uid;
    entry.gid = inode.gid;
    entry.mtime = inode.mtime;
    entry.link = inode.link();
    for (const auto& [name, value] : inode.xattrs()) entry.xattrs[name] = value;
    return entry;
  }

  // A directory's own entry is written with the first thing in it that is.
  Result<> put(const tar::Entry& entry) {
    for (const tar::Entry& parent : std::exchange(parents_, {})) {
      TRY(tar_.add(parent));
      ++entries_;
    }
    ++entries_;
    return tar_.add(entry);
  }

  // `old`: the directory of the same name without the layers, if there is one.
  Result<> add_children(const std::string& dir, Id now, std::optional<Id> old) {
    static const MergedTree::Children nothing;
    const auto& names = with_.tree.inode(now).children();
    const auto& before = old ? old_inode(*old).children() : nothing;
    auto gone = before.begin();
    const auto hide_until = [&](const std::string* name) -> Result<> {
      for (; gone != before.end() && (name == nullptr || gone->first <= *name); ++gone)
        if (!names.contains(gone->first))
          TRY(put(
              {.name = below_of(dir, ".wh." + gone->first), .mtime = with_.tree.inode(now).mtime}));
      return {};
    };
    for (const auto& [name, place] : names) {
      TRY(hide_until(&name));
      if (!is_ours(place.layer)) continue;
      const auto was = before.find(name);
      TRY(add(below_of(dir, name), place.inode,
              was == before.end() ? std::nullopt : std::optional(was->second.inode)));
    }
    return hide_until(nullptr);
  }

  Result<> add(const std::string& path, Id id, std::optional<Id> old) {
    const Inode& inode = with_.tree.inode(id);
    tar::Entry entry = entry_of(inode, path);
    if (inode.type == tar::Type::Directory) return add_directory(entry, id, old);
    if (inode.type == tar::Type::CharDevice || inode.type == tar::Type::BlockDevice) {
      entry.device_major = static_cast<std::uint32_t>(inode.content.offset >> 32);
      entry.device_minor = static_cast<std::uint32_t>(inode.content.offset);
    }
    if (inode.names > 1) {
      const auto [first, is_first] = linked_.emplace(id, path);
      if (!is_first) {
        entry.type = tar::Type::HardLink;
        entry.link = first->second;
        entry.xattrs.clear();
        return put(entry);
      }
    }
    if (inode.type != tar::Type::Regular) return put(entry);
    entry.size = inode.size;
    TRY(put(entry));
    return add_content(inode, path);
  }

  Result<> add_directory(const tar::Entry& entry, Id id, std::optional<Id> old) {
    if (old && old_inode(*old).type != tar::Type::Directory) old.reset();
    const Inode& inode = with_.tree.inode(id);
    const bool is_as_before = old && same_directory(inode, old_inode(*old));
    const std::size_t depth = parents_.size();
    const std::uint64_t before = entries_;
    const std::string path = entry.name;
    parents_.push_back(entry);
    if (old && is_ours(inode.cleared)) {
      TRY(put({.name = path + "/.wh..wh..opq", .mtime = inode.mtime}));
      old.reset();
    }
    TRY(add_children(path, id, old));
    if (entries_ != before) return {};
    parents_.resize(depth);
    return is_as_before ? Result<>() : put(entry);
  }

  Result<> add_content(const Inode& inode, const std::string& path) {
    if (inode.size == 0) return {};
    sys::Fd object;
    if (inode.content.pack == kInObject)
      object =
          TRY(sys::open_at(store_.dir(), object_path(digest_of(inode.content.digest)), O_RDONLY));
    const int file = object ? object.get() : packs_[with_.pack_of(inode)].get();
    std::uint64_t at = object ? 0 : inode.content.offset;
    std::string buffer(std::min<std::uint64_t>(kPiece, inode.size), '\0');
    for (std::uint64_t left = inode.size; left > 0;) {
      const ssize_t count = ::pread(file, buffer.data(), std::min<std::uint64_t>(left, kPiece),
                                    static_cast<off_t>(at));
      if (count < 0) return fail_errno("read the content of " + quoted("/" + path));
      if (count == 0)
        return fail(Kind::Corrupt, "the content of " + quoted("/" + path) + " ends too early");
      const auto got = static_cast<std::size_t>(count);
      TRY(tar_.write_content({buffer.data(), got}));
      at += got;
      left -= got;
    }
    return {};
  }

  const Store& store_;
  const ImageTree& with_;
  const ImageTree& without_;
  std::size_t below_;  // Layers.
  tar::Writer tar_;
  std::vector<sys::Fd> packs_;
  std::vector<tar::Entry> parents_;  // On the way to where we are, not yet written.
  std::map<Id, std::string> linked_;
  std::uint64_t entries_ = 0;
};

}  // namespace

Result<std::uint64_t> write_merged_tar(const Store& store, const MergeRequest& request,
                                       codec::Sink& sink) {
  std::vector<Layer> all = request.below;
  all.insert(all.end(), request.layers.begin(), request.layers.end());
  const auto with = TRY(share_image_tree(store, all));
  const auto without = TRY(share_image_tree(store, request.below));
  return MergedTar(store, *with, *without, request.below.size(), sink).write();
}

}  // namespace tare::store
