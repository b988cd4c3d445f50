// SPDX-License-Identifier: Apache-2.0
// Layers of all sorts one over the other, beside a model that is as simple as can be: a map of
// whole paths, for layers without symbolic links as parents. And the EROFS image of the tree read
// back.
#include "store/merged_tree.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "codec/sha256.h"
#include "fuzz/fuzz.h"
#include "store/erofs_format.h"
#include "store/erofs_writer.h"

using namespace tare;
using store::MergedTree;

namespace {

// Names that mean something, few enough that they meet.
constexpr std::string_view kNames[] = {
    "a", "b", "c", ".wh.a", ".wh.b", ".wh..wh..opq", ".wh..wh.plnk", "d"};
constexpr std::size_t kMaxEntries = 200;

struct Op {
  std::string path;
  tar::Type type = tar::Type::Regular;
  std::string link;
  std::uint32_t mode = 0;
};

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  unsigned next() {
    if (bytes_.empty()) return 0;
    const auto value = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    return value;
  }

 private:
  std::string_view bytes_;
};

std::string path_of(unsigned plan) {
  std::string path(kNames[plan % 8]);
  for (unsigned i = 0; i < plan / 8 % 4; ++i)
    path = std::string(kNames[(plan / 32 + i) % 3]) + "/" + path;
  return path;
}

Op op_of(Bytes& bytes) {
  Op op{.path = path_of(bytes.next())};
  const unsigned plan = bytes.next();
  op.mode = plan * 8 & 07777;
  constexpr tar::Type kTypes[] = {tar::Type::Regular,  tar::Type::Directory,
                                  tar::Type::HardLink, tar::Type::CharDevice,
                                  tar::Type::Fifo,     tar::Type::Directory};
  op.type = kTypes[plan % 6];
  if (op.type == tar::Type::HardLink) op.link = path_of(bytes.next());
  return op;
}

// --- The model -----------------------------------------------------------------------------------

struct Node {
  tar::Type type = tar::Type::Directory;
  std::uint32_t mode = 0755;
  int file = 0;  // The same for all names of a file.
};
struct Model {
  std::map<std::string, Node> nodes;
  std::set<std::string> ours;  // Paths that this layer made or passed.
  int files = 0;

  void remove_below(const std::string& path, bool lower_only) {
    for (auto at = nodes.lower_bound(path + "/");
         at != nodes.end() && at->first.starts_with(path + "/");)
      at = lower_only && ours.contains(at->first) ? std::next(at) : nodes.erase(at);
  }
  void remove(const std::string& path) {
    remove_below(path, false);
    nodes.erase(path);
    std::erase_if(
        ours, [&](const std::string& one) { return one == path || one.starts_with(path + "/"); });
  }
  // False: something that is no directory is in the way.
  bool make_parents(const std::string& path) {
    for (std::size_t slash = path.find('/'); slash != path.npos;
         slash = path.find('/', slash + 1)) {
      const std::string parent = path.substr(0, slash);
      const auto [at, is_new] = nodes.try_emplace(parent, Node{});
      if (at->second.type != tar::Type::Directory) return false;
      ours.insert(parent);
    }
    return true;
  }
  bool is_directory(const std::string& path) const {
    const auto at = nodes.find(path);
    return path.empty() || (at != nodes.end() && at->second.type == tar::Type::Directory);
  }

  // False: an error.
  bool apply(const Op& op) {
    const std::size_t slash = op.path.rfind('/');
    const std::string parent = slash == op.path.npos ? "" : op.path.substr(0, slash);
    const std::string name = op.path.substr(slash + 1);
    if (name.starts_with(".wh.")) return whiteout(parent, name.substr(4));
    if (!make_parents(op.path)) return false;
    const auto there = nodes.find(op.path);
    if (op.type == tar::Type::HardLink) return link(op);
    const bool stays = op.type == tar::Type::Directory && there != nodes.end() &&
                       there->second.type == tar::Type::Directory;
    if (!stays) remove(op.path);
    nodes[op.path] = {.type = op.type, .mode = op.mode, .file = ++files};
    ours.insert(op.path);
    return true;
  }
  bool whiteout(const std::string& parent, const std::string& hidden) {
    if (hidden.starts_with(".wh.") && hidden != ".wh..opq") return true;
    // On the way something that is no directory: an error; nothing: nothing to hide.
    for (std::size_t end = parent.find('/');; end = parent.find('/', end + 1)) {
      const std::string part = parent.substr(0, end);
      if (!part.empty() && !nodes.contains(part)) return true;
      if (!is_directory(part)) return false;
      if (end == parent.npos) break;
    }
    if (hidden == ".wh..opq") {
      if (parent.empty()) {
        std::erase_if(nodes, [&](const auto& one) { return !ours.contains(one.first); });
      } else {
        remove_below(parent, true);
      }
      return true;
    }
    const std::string path = parent.empty() ? hidden : parent + "/" + hidden;
    if (!nodes.contains(path)) return true;
    if (ours.contains(path))
      remove_below(path, true);
    else
      remove(path);
    return true;
  }
  bool link(const Op& op) {
    const auto from = nodes.find(op.link);
    if (from == nodes.end() || from->second.type != tar::Type::Regular) return false;
    const Node node = from->second;
    if (const auto there = nodes.find(op.path);
        there != nodes.end() && there->second.file == node.file) {
      ours.insert(op.path);
      return true;
    }
    const bool gone = op.link.starts_with(op.path + "/");
    bool others = false;
    for (const auto& [path, other] : nodes)
      others = others || (other.file == node.file && !(path + "/").starts_with(op.path + "/"));
    if (gone && !others) return false;
    remove(op.path);
    nodes[op.path] = node;
    ours.insert(op.path);
    return true;
  }
};

// --- Beside each other ---------------------------------------------------------------------------

void list(const MergedTree& tree, MergedTree::Id id, const std::string& path,
          std::map<std::string, MergedTree::Id>& out) {
  for (const auto& [name, entry] : tree.inode(id).children()) {
    const std::string own = path.empty() ? name : path + "/" + name;
    FUZZ_CHECK(tree.inode(entry.inode).names > 0);
    out.emplace(own, entry.inode);
    list(tree, entry.inode, own, out);
  }
}

void compare(const MergedTree& tree, const Model& model) {
  std::map<std::string, MergedTree::Id> all;
  list(tree, 0, "", all);
  FUZZ_CHECK(all.size() == model.nodes.size());
  std::map<int, MergedTree::Id> files;
  std::map<MergedTree::Id, unsigned> names;
  for (const auto& [path, node] : model.nodes) {
    FUZZ_CHECK(all.contains(path));
    const MergedTree::Inode& inode = tree.inode(all.at(path));
    FUZZ_CHECK(inode.type == node.type);
    FUZZ_CHECK(inode.mode == node.mode);
    ++names[all.at(path)];
    if (node.type == tar::Type::Regular)
      FUZZ_CHECK(files.try_emplace(node.file, all.at(path)).first->second == all.at(path));
  }
  for (const auto& [id, count] : names) FUZZ_CHECK(tree.inode(id).names == count);
}

// --- EROFS, read back ----------------------------------------------------------------------------

class Image {
 public:
  Image(std::string_view bytes, const MergedTree& tree) : bytes_(bytes), tree_(tree) {
    std::memcpy(&super_, at(store::erofs::kSuperOffset, sizeof super_).data(), sizeof super_);
    FUZZ_CHECK(super_.magic == store::erofs::kMagic);
  }
  void check(std::uint64_t nid, MergedTree::Id id, std::uint64_t parent) {
    const std::uint64_t place = super_.meta_block * 4096ull + nid * store::erofs::kSlot;
    store::erofs::Inode inode{};
    std::memcpy(&inode, at(place, sizeof inode).data(), sizeof inode);
    const MergedTree::Inode& wanted = tree_.inode(id);
    FUZZ_CHECK((inode.mode & 07777) == wanted.mode);
    if (wanted.type == tar::Type::Directory) check_directory(place, inode, wanted, nid, parent);
  }

 private:
  std::string_view at(std::uint64_t offset, std::size_t size) const {
    FUZZ_CHECK(offset <= bytes_.size() && size <= bytes_.size() - offset);
    return bytes_.substr(offset, size);
  }
  void check_directory(std::uint64_t place, const store::erofs::Inode& inode,
                       const MergedTree::Inode& wanted, std::uint64_t nid, std::uint64_t parent) {
    const bool is_inline = inode.format >> 1 == 2;
    const std::uint64_t start = is_inline ? place + sizeof inode : inode.place * 4096ull;
    std::string last;
    std::size_t found = 0;
    for (std::uint64_t block = 0; block < inode.size; block += 4096) {
      const std::string_view data =
          at(start + block, std::min<std::uint64_t>(4096, inode.size - block));
      store::erofs::Dirent first{};
      std::memcpy(&first, data.data(), sizeof first);
      const std::size_t count = first.name_offset / sizeof first;
      for (std::size_t i = 0; i < count; ++i) {
        store::erofs::Dirent entry{};
        store::erofs::Dirent next{};
        std::memcpy(&entry, data.data() + i * sizeof entry, sizeof entry);
        next.name_offset = static_cast<std::uint16_t>(data.size());
        if (i + 1 < count) std::memcpy(&next, data.data() + (i + 1) * sizeof next, sizeof next);
        std::string name(data.substr(entry.name_offset, next.name_offset - entry.name_offset));
        name = name.substr(0, name.find('\0'));
        FUZZ_CHECK(last.empty() || last < name);
        last = name;
        if (name == ".") FUZZ_CHECK(entry.nid == nid);
        if (name == "..") FUZZ_CHECK(entry.nid == parent);
        if (name == "." || name == "..") continue;
        const auto child = wanted.children().find(name);
        FUZZ_CHECK(child != wanted.children().end());
        ++found;
        check(entry.nid, child->second.inode, nid);
      }
    }
    std::size_t left_out = 0;  // Character devices 0:0, which overlayfs would take for whiteouts.
    for (const auto& [name, entry] : wanted.children())
      left_out += tree_.inode(entry.inode).type == tar::Type::CharDevice ? 1 : 0;
    FUZZ_CHECK(found + left_out == wanted.children().size());
  }

  std::string_view bytes_;
  const MergedTree& tree_;
  store::erofs::Superblock super_{};
};

void check_image(const MergedTree& tree) {
  codec::StringSink sink;
  store::ErofsRequest request{.tree = &tree};
  FUZZ_CHECK(store::write_erofs(request, sink).has_value());
  Image(sink.bytes(), tree).check(0, 0, 0);
}

}  // namespace

TARE_FUZZER(merged_tree) {
  Bytes plan(bytes);
  MergedTree tree;
  Model model;
  std::vector<Op> layer;
  for (std::size_t count = 0; !plan.empty() && count < kMaxEntries; ++count) {
    layer.push_back(op_of(plan));
    // A layer ends by chance, and at the end.
    if (plan.next() % 4 != 0 && !plan.empty()) continue;
    store::IndexWriter writer;
    model.ours.clear();
    bool good = true;
    for (const Op& op : layer) {
      store::IndexEntry entry{.type = op.type, .mode = op.mode};
      entry.path = op.path;
      entry.link = op.link;
      FUZZ_CHECK(writer.add(entry).has_value());
      good = good && model.apply(op);
    }
    layer.clear();
    auto text = writer.finish({}, {}, {});
    FUZZ_CHECK(text.has_value());
    auto index = store::LayerIndex::parse(*text);
    FUZZ_CHECK(index.has_value());
    FUZZ_CHECK(tree.apply(*index).has_value() == good);
    if (!good) return;
    compare(tree, model);
  }
  check_image(tree);
}
