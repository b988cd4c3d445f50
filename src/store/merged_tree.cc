// SPDX-License-Identifier: Apache-2.0
#include "store/merged_tree.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/text.h"
#include "store/layer_path.h"

namespace tare::store {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kWhiteoutMeta = ".wh..wh.";  // Of aufs; ".wh..wh..opq" is one of them.
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::uint32_t kIds = 65536;  // Of every container.
constexpr int kMaxLinks = 40;          // As the kernel. [path_resolution(7)]
constexpr std::size_t kMaxParts =
    2000;                               // Of a path that is being walked: more than PATH_MAX holds.
constexpr std::size_t kMaxPath = 4095;  // Without the NUL. [limits.h, PATH_MAX]
// Of the files of an image, together: each takes some 200 bytes of memory, without its name.
constexpr std::size_t kMaxInodes = 1'000'000;
constexpr std::size_t kMaxBytes = 256 << 20;  // Of memory for them.
// Of all paths, links followed: some ten seconds. Each entry of a layer may lead through 40 links,
// and each of those through a thousand directories.
constexpr std::uint64_t kMaxSteps = 50'000'000;

std::pair<std::string_view, std::string_view> split_last(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// The components of a path, as they are still to be walked.
void push_front(std::deque<std::string>& parts, std::string_view path) {
  const std::vector<std::string> list = split(path, '/');
  for (auto part = list.rbegin(); part != list.rend(); ++part)
    if (!part->empty() && *part != ".") parts.push_front(*part);
}

std::unexpected<Error> owner_out_of_range(const IndexEntry& entry) {
  return std::unexpected(
      Error(Kind::Unsupported, "it belongs to user id " + std::to_string(entry.uid) +
                                   " and group id " + std::to_string(entry.gid) +
                                   ", which the id range of a container does not have")
          .hint("containers have 65536 ids: make the image with owners from 0 to 65535"));
}

}  // namespace

MergedTree::MergedTree() {
  inodes_.emplace_back();
  inodes_[0].names = 1;
  bytes_ = bytes_of(inodes_[0]);
}

Result<> MergedTree::apply(const LayerIndex& layer) {
  ++layer_;
  last_known_ = false;
  return layer.each([&](const IndexEntry& entry) -> Result<> {
    TRY(apply_entry(entry), "entry " + quoted(entry.path));
    return {};
  });
}

Result<> MergedTree::apply_entry(const IndexEntry& entry) {
  if (TRY(apply_whiteout(entry.path))) return {};
  if (entry.type != tar::Type::HardLink && (entry.uid >= kIds || entry.gid >= kIds))
    return owner_out_of_range(entry);
  return put(TRY(find_place(entry.path, Missing::Make)), entry);
}

// True when the entry is a whiteout or another piece of aufs bookkeeping, and dealt with.
// [image-spec 1.1 layer.md, "Whiteouts"]
Result<bool> MergedTree::apply_whiteout(std::string_view path) {
  const auto [parent, name] = split_last(path);
  if (!name.starts_with(kWhiteout)) return false;
  if (name.starts_with(kWhiteoutMeta) && name != kOpaque) return true;
  const std::string hidden(name.substr(kWhiteout.size()));
  if (hidden.empty() || hidden == "." || hidden == "..")
    return fail(Kind::Invalid, "the whiteout hides no file name");
  const auto dir = find_directory(parent, Missing::Fail);
  if (!dir && dir.error().kind() == Kind::NotFound) return true;  // Nothing there to hide.
  const Id at = TRY(dir);
  if (name == kOpaque) {
    clear_lower(at);
    return true;
  }
  const Name* found = child({at, hidden});
  if (found == nullptr) return true;
  // Whiteouts are about lower layers only, in whatever order the entries come.
  if (found->layer != layer_)
    remove(at, hidden);
  else if (inodes_[found->inode].type == tar::Type::Directory)
    clear_lower(found->inode);
  return true;
}

// Removes what lower layers left in a directory, and leaves what this layer made.
void MergedTree::clear_lower(Id dir) {
  std::vector<Id> open = {dir};
  while (!open.empty()) {
    const Id at = open.back();
    open.pop_back();
    // Once is enough: what is made from now on is this layer's.
    if (std::exchange(inodes_[at].cleared, layer_) == layer_) continue;
    std::vector<std::string> gone;
    for (const auto& [name, entry] : inodes_[at].children()) {
      if (entry.layer != layer_)
        gone.push_back(name);
      else if (inodes_[entry.inode].type == tar::Type::Directory)
        open.push_back(entry.inode);
    }
    for (const std::string& name : gone) remove(at, name);
  }
}

Result<> MergedTree::put(const Place& place, const IndexEntry& entry) {
  if (entry.type == tar::Type::Directory) return put_directory(place, entry);
  if (place.name.empty()) return fail(Kind::Invalid, "the root of an image has to be a directory");
  if (entry.type == tar::Type::HardLink) return put_hard_link(place, entry);
  if (entry.type == tar::Type::Symlink && entry.link.empty())
    return fail(Kind::Invalid, "the symbolic link has no target");
  if (child(place) != nullptr) remove(place.dir, place.name);
  const Id id = TRY(make_inode(entry.type));
  TRY(fill(inodes_[id], entry));
  return link_to(place, id);
}

// A directory stays when a directory comes; anything else makes room for it.
Result<> MergedTree::put_directory(const Place& place, const IndexEntry& entry) {
  Id id = 0;
  if (!place.name.empty()) {
    const Name* found = child(place);
    if (found != nullptr && inodes_[found->inode].type == tar::Type::Directory) {
      id = found->inode;
      mark(place.dir, place.name);
    } else {
      if (found != nullptr) remove(place.dir, place.name);
      id = TRY(make_directory(place));
    }
  }
  return fill(inodes_[id], entry);
}

Result<> MergedTree::put_hard_link(const Place& place, const IndexEntry& entry) {
  const std::string target = TRY(member_path(entry.link), "link target " + quoted(entry.link));
  if (target.empty()) return fail(Kind::Invalid, "the hard link has no target");
  const auto from = find_place(target, Missing::Fail);
  const Name* found = from ? child(*from) : nullptr;
  if (found == nullptr)
    return fail(Kind::Invalid, "the hard link's target " + quoted(entry.link) +
                                   " does not exist in this layer or below");
  const Id id = found->inode;
  if (inodes_[id].type != tar::Type::Regular && inodes_[id].type != tar::Type::Symlink)
    return fail(Kind::Invalid,
                "the hard link's target " + quoted(entry.link) + " is not a regular file");
  const Name* there = child(place);
  if (there != nullptr && there->inode == id) {
    mark(place.dir, place.name);
    return {};
  }
  ++inodes_[id].names;  // It may be below what is removed.
  if (there != nullptr) remove(place.dir, place.name);
  --inodes_[id].names;
  if (inodes_[id].names == 0) return fail(Kind::Invalid, "the hard link replaces its own target");
  return link_to(place, id);
}

const std::string& MergedTree::Inode::link() const {
  static const std::string kNone;
  return rare_ ? rare_->link : kNone;
}

const MergedTree::Attributes& MergedTree::Inode::xattrs() const {
  static const Attributes kNone;
  return rare_ ? rare_->xattrs : kNone;
}

const MergedTree::Children& MergedTree::Inode::children() const {
  static const Children kNone;
  return children_ ? *children_ : kNone;
}

// With what the allocator and a map add.
std::size_t MergedTree::bytes_of_name(const std::string& name) {
  return 96 + (name.size() > 15 ? name.size() + 16 : 0);
}

std::size_t MergedTree::bytes_of(const Inode& inode) {
  std::size_t bytes = sizeof(Inode);
  if (inode.rare_) bytes += sizeof(Inode::Rare) + inode.rare_->link.size() + 16;
  for (const auto& [name, value] : inode.xattrs()) bytes += 96 + name.size() + value.size();
  return bytes;
}

Result<> MergedTree::use(std::size_t bytes) {
  bytes_ += bytes;
  if (bytes_ <= kMaxBytes) return {};
  return fail(Kind::Invalid, "the names, links and attributes of the image's files are more than " +
                                 human_size(kMaxBytes));
}

Result<> MergedTree::fill(Inode& inode, const IndexEntry& entry) {
  bytes_ -= bytes_of(inode);
  inode.mode = entry.mode;
  inode.uid = entry.uid;
  inode.gid = entry.gid;
  inode.mtime = entry.mtime;
  inode.size = entry.size;
  inode.layer = layer_ - 1;
  inode.content = entry.content;
  inode.rare_.reset();
  if (entry.type == tar::Type::Symlink || !entry.xattrs.empty()) {
    inode.rare_ = std::make_unique<Inode::Rare>();
    if (entry.type == tar::Type::Symlink) inode.rare_->link = entry.link;
    for (const auto& [name, value] : entry.xattrs) inode.rare_->xattrs.emplace_back(name, value);
  }
  return use(bytes_of(inode));
}

Result<MergedTree::Id> MergedTree::find_directory(std::string_view path, Missing missing) {
  if (last_known_ && last_path_ == path) return last_dir_;
  std::deque<std::string> parts;
  push_front(parts, path);
  Id at = 0;
  int links = 0;
  while (!parts.empty()) {
    const std::string part = std::move(parts.front());
    parts.pop_front();
    TRY(step());
    if (part == "..") {
      at = inodes_[at].parent;
      continue;
    }
    const Name* found = child({at, part});
    if (found == nullptr) {
      if (missing == Missing::Fail) return fail(Kind::NotFound, "there is no " + quoted(path));
      // With the owner and mode that Docker gives to directories no entry speaks of: root, 0755.
      at = TRY(make_directory({at, part}));
      continue;
    }
    if (missing == Missing::Make) mark(at, part);
    const Inode& next = inodes_[found->inode];
    if (next.type == tar::Type::Directory) {
      at = found->inode;
    } else if (next.type == tar::Type::Symlink && ++links <= kMaxLinks) {
      if (next.link().starts_with('/')) at = 0;
      push_front(parts, next.link());
    } else {
      return fail(Kind::Invalid, "its parent " + quoted(path) + " is not a directory");
    }
    if (parts.size() > kMaxParts) return fail(Kind::Invalid, "its parent is too deep");
  }
  last_path_ = path;
  last_dir_ = at;
  // Whoever does not make anything has not marked anything either.
  last_known_ = missing == Missing::Make;
  return at;
}

Result<MergedTree::Place> MergedTree::find_place(std::string_view path, Missing missing) {
  if (path.empty()) return Place{};
  const auto [parent, name] = split_last(path);
  const Id dir = TRY(find_directory(parent, missing));
  TRY(check_length(dir, name));
  return Place{.dir = dir, .name = std::string(name)};
}

// What cannot be named by one path cannot be opened, copied or removed by most programs.
Result<> MergedTree::check_length(Id dir, std::string_view name) const {
  if (inodes_[dir].path_bytes + 1 + name.size() <= kMaxPath) return {};
  return fail(Kind::Invalid, "its path is longer than " + std::to_string(kMaxPath) + " bytes");
}

Result<> MergedTree::step() {
  if (++steps_ <= kMaxSteps) return {};
  return fail(Kind::Invalid, "the paths and symbolic links of the image are too long a way");
}

MergedTree::Name* MergedTree::child(const Place& place) {
  const auto& children = inodes_[place.dir].children_;
  if (!children) return nullptr;
  const auto at = children->find(place.name);
  return at == children->end() ? nullptr : &at->second;
}

Result<MergedTree::Id> MergedTree::make_inode(tar::Type type) {
  if (!free_.empty()) {
    const Id id = free_.back();
    free_.pop_back();
    inodes_[id].type = type;
    TRY(use(bytes_of(inodes_[id])));
    return id;
  }
  if (inodes_.size() >= kMaxInodes)
    return fail(Kind::Invalid, "the image has more than " + std::to_string(kMaxInodes) + " files");
  inodes_.emplace_back();
  inodes_.back().type = type;
  TRY(use(bytes_of(inodes_.back())));
  return static_cast<Id>(inodes_.size() - 1);
}

Result<MergedTree::Id> MergedTree::make_directory(const Place& place) {
  TRY(check_length(place.dir, place.name));
  const Id id = TRY(make_inode(tar::Type::Directory));
  inodes_[id].parent = place.dir;
  inodes_[id].path_bytes =
      static_cast<std::uint16_t>(inodes_[place.dir].path_bytes + 1 + place.name.size());
  TRY(link_to(place, id));
  return id;
}

Result<> MergedTree::link_to(const Place& place, Id inode) {
  auto& children = inodes_[place.dir].children_;
  if (!children) children = std::make_unique<Children>();
  (*children)[place.name] = {.inode = inode, .layer = layer_};
  ++inodes_[inode].names;
  return use(bytes_of_name(place.name));
}

void MergedTree::mark(Id dir, std::string_view name) {
  if (Name* found = child({dir, std::string(name)}); found != nullptr) found->layer = layer_;
}

void MergedTree::remove(Id dir, const std::string& name) {
  const auto at = inodes_[dir].children_->find(name);
  const Id inode = at->second.inode;
  bytes_ -= bytes_of_name(name);
  inodes_[dir].children_->erase(at);
  last_known_ = false;
  release(inode);
}

// Without recursion: trees may be deep.
void MergedTree::release(Id inode) {
  std::vector<Id> open = {inode};
  while (!open.empty()) {
    const Id id = open.back();
    Inode& gone = inodes_[id];
    open.pop_back();
    if (--gone.names > 0) continue;
    for (const auto& [name, entry] : gone.children()) {
      bytes_ -= bytes_of_name(name);
      open.push_back(entry.inode);
    }
    bytes_ -= bytes_of(gone);
    gone = {};
    free_.push_back(id);
  }
}

}  // namespace tare::store
