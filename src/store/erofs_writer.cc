// SPDX-License-Identifier: Apache-2.0
// Two passes: the first gives every inode its place, since directories name their entries by it;
// the second writes in that order.
#include "store/erofs_writer.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "store/erofs_format.h"

namespace tare::store {
namespace {

using erofs::kBlock;
using erofs::Layout;
using Inode = MergedTree::Inode;

constexpr std::size_t kMaxXattrBytes = 12 + 4 * 65534;  // What the count in an inode can say.
constexpr std::uint64_t kMaxBlocks = 0xfffffff0;
constexpr std::uint64_t kMaxFile = 1ull << 43;  // One chunk: 2^31 blocks. [erofs_fs.h, chunk bits]

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

template <typename Struct>
std::string_view raw(const Struct& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::uint32_t mode_of(const Inode& inode) {
  switch (inode.type) {
    case tar::Type::Directory:
      return S_IFDIR | inode.mode;
    case tar::Type::Symlink:
      return S_IFLNK | 0777;
    case tar::Type::CharDevice:
      return S_IFCHR | inode.mode;
    case tar::Type::BlockDevice:
      return S_IFBLK | inode.mode;
    case tar::Type::Fifo:
      return S_IFIFO | inode.mode;
    default:
      return S_IFREG | inode.mode;
  }
}

std::uint8_t dirent_type(const Inode& inode) {
  switch (inode.type) {
    case tar::Type::Directory:
      return 2;
    case tar::Type::CharDevice:
      return 3;
    case tar::Type::BlockDevice:
      return 4;
    case tar::Type::Fifo:
      return 5;
    case tar::Type::Symlink:
      return 7;
    default:
      return 1;
  }
}

// [kernel: new_encode_dev()]
std::uint32_t device_number(const Inode& inode) {
  const auto major = static_cast<std::uint32_t>(inode.content.offset >> 32);
  const auto minor = static_cast<std::uint32_t>(inode.content.offset);
  return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

// SECURITY: in a lower layer a character device 0:0 is overlayfs's whiteout and would hide a file
// that the image has.
bool is_left_out(const Inode& inode) {
  return inode.type == tar::Type::CharDevice && inode.content.offset == 0;
}

// SECURITY: a length that does not fit in its field would make attributes out of a value's bytes,
// with any name. tests/security/layer-xattr-length.sh
Result<> check_xattrs(const Inode& inode) {
  std::size_t all = 0;
  for (const auto& [name, value] : inode.xattrs()) {
    if (value.size() > std::numeric_limits<std::uint16_t>::max())
      return fail(Kind::Invalid, "the extended attribute " + quoted(name) + " has " +
                                     human_size(value.size()) +
                                     ", more than a file system can hold");
    if (!name.starts_with("user.") && !name.starts_with("security."))
      return fail(Kind::Invalid, "the extended attribute " + quoted(name) + " is not allowed");
    all += sizeof(erofs::XattrEntry) + name.size() + value.size() + 4;
  }
  if (all <= kMaxXattrBytes - sizeof(erofs::XattrHeader)) return {};
  return fail(Kind::Invalid, "a file of the image has " + human_size(all) +
                                 " of extended attributes, more than a file system can hold");
}

std::string xattr_bytes(const Inode& inode) {
  if (inode.xattrs().empty()) return {};
  std::string out(raw(erofs::XattrHeader{}));
  for (const auto& [name, value] : inode.xattrs()) {
    const bool user = name.starts_with("user.");
    const std::string_view rest = std::string_view(name).substr(user ? 5 : 9);
    out += raw(erofs::XattrEntry{.name_length = static_cast<std::uint8_t>(rest.size()),
                                 .name_index = user ? erofs::kXattrUser : erofs::kXattrSecurity,
                                 .value_length = static_cast<std::uint16_t>(value.size())});
    out += rest;
    out += value;
    out.resize(round_up(out.size(), 4), '\0');
  }
  return out;
}

// One line of a directory.
struct Line {
  std::string_view name;
  MergedTree::Id inode = 0;
};

class Writer {
 public:
  Writer(const ErofsRequest& request, codec::Sink& sink)
      : request_(request), tree_(*request.tree), sink_(sink), places_(tree_.size()) {}

  Result<> run() {
    collect();
    for (const MergedTree::Id id : order_) TRY(place(id));
    meta_bytes_ = round_up(at_, kBlock);
    TRY(check_size());
    TRY(write_head());
    for (const MergedTree::Id id : order_) TRY(write_inode(id));
    TRY(pad_to(meta_start() + meta_bytes_));
    for (const MergedTree::Id id : order_)
      if (places_[id].blocks > 0) TRY(write_blocks(id));
    return {};
  }

 private:
  struct Place {
    std::uint64_t at = 0;      // Of the inode, from the start of the metadata.
    std::uint64_t bytes = 0;   // Of a directory's or link's data.
    std::uint64_t block = 0;   // Its first data block, from the first one.
    std::uint64_t blocks = 0;  // 0: inline.
    std::uint32_t directories = 0;
    bool seen = false;
  };

  std::uint64_t head_bytes() const {
    return round_up(erofs::kSuperOffset + sizeof(erofs::Superblock) +
                        request_.devices.size() * sizeof(erofs::DeviceSlot),
                    kBlock);
  }
  std::uint64_t meta_start() const { return head_bytes(); }
  std::uint64_t data_start() const { return meta_start() + meta_bytes_; }
  std::uint64_t nid(MergedTree::Id id) const { return places_[id].at / erofs::kSlot; }

  void collect();
  std::vector<Line> lines(MergedTree::Id id) const;
  std::uint64_t directory_bytes(const std::vector<Line>& lines) const;
  Result<> place(MergedTree::Id id);
  Result<> check_size() const;
  Result<> write_head();
  Result<> write_inode(MergedTree::Id id);
  Result<> write_blocks(MergedTree::Id id);
  std::string data_of(MergedTree::Id id) const;
  Result<> put(std::string_view bytes) {
    written_ += bytes.size();
    return sink_.write(bytes);
  }
  Result<> pad_to(std::uint64_t offset) {
    static constexpr char kZeros[kBlock] = {};
    while (written_ < offset)
      TRY(put({kZeros, static_cast<std::size_t>(
                           std::min<std::uint64_t>(offset - written_, sizeof kZeros))}));
    return {};
  }

  const ErofsRequest& request_;
  const MergedTree& tree_;
  codec::Sink& sink_;
  std::vector<Place> places_;
  std::vector<MergedTree::Id> order_;
  std::uint64_t at_ = 0;
  std::uint64_t data_blocks_ = 0;
  std::uint64_t meta_bytes_ = 0;
  std::uint64_t written_ = 0;
};

// The root first, and the entries of a directory near each other.
void Writer::collect() {
  order_.push_back(0);
  places_[0].seen = true;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const MergedTree::Id dir = order_[i];
    for (const auto& [name, entry] : tree_.inode(dir).children()) {
      const Inode& inode = tree_.inode(entry.inode);
      if (is_left_out(inode)) continue;
      if (inode.type == tar::Type::Directory) ++places_[dir].directories;
      if (!std::exchange(places_[entry.inode].seen, true)) order_.push_back(entry.inode);
    }
  }
}

std::vector<Line> Writer::lines(MergedTree::Id id) const {
  std::vector<Line> out = {{".", id}, {"..", tree_.inode(id).parent}};
  for (const auto& [name, entry] : tree_.inode(id).children())
    if (!is_left_out(tree_.inode(entry.inode))) out.push_back({name, entry.inode});
  std::sort(out.begin(), out.end(), [](const Line& a, const Line& b) { return a.name < b.name; });
  return out;
}

// Blocks are whole but the last one.
std::uint64_t Writer::directory_bytes(const std::vector<Line>& lines) const {
  std::uint64_t whole = 0;
  std::size_t used = 0;
  for (const Line& line : lines) {
    const std::size_t need = sizeof(erofs::Dirent) + line.name.size();
    if (used + need > kBlock) {
      whole += kBlock;
      used = 0;
    }
    used += need;
  }
  return whole + used;
}

Result<> Writer::place(MergedTree::Id id) {
  const Inode& inode = tree_.inode(id);
  Place& place = places_[id];
  TRY(check_xattrs(inode));
  const std::size_t xattrs = xattr_bytes(inode).size();
  if (inode.size > kMaxFile)
    return fail(Kind::Invalid, "a file of the image has " + human_size(inode.size) +
                                   ", more than a file system can hold");
  std::uint64_t size = sizeof(erofs::Inode) + xattrs;
  if (inode.type == tar::Type::Directory) place.bytes = directory_bytes(lines(id));
  if (inode.type == tar::Type::Symlink) place.bytes = inode.link().size();
  if (inode.content.pack != kNowhere) size = round_up(size, 8) + sizeof(erofs::ChunkIndex);
  // What is inline lies within one block, and an inode's fixed part too.
  const std::uint64_t one_block =
      size + place.bytes <= kBlock ? size + place.bytes : sizeof(erofs::Inode);
  if (at_ % kBlock + one_block > kBlock) at_ = round_up(at_, kBlock);
  place.at = at_;
  if (size + place.bytes <= kBlock) {
    size += place.bytes;
  } else if (place.bytes > 0) {
    place.blocks = round_up(place.bytes, kBlock) / kBlock;
    place.block = data_blocks_;
    data_blocks_ += place.blocks;
  }
  at_ = round_up(at_ + size, erofs::kSlot);
  return {};
}

Result<> Writer::check_size() const {
  const std::uint64_t blocks = (data_start()) / kBlock + data_blocks_;
  for (const ErofsDevice& device : request_.devices)
    if (device.bytes / kBlock > kMaxBlocks)
      return fail(Kind::Invalid, "a layer of the image is larger than 16 TB");
  if (blocks > kMaxBlocks) return fail(Kind::Invalid, "the image has too many files");
  return {};
}

Result<> Writer::write_head() {
  TRY(pad_to(erofs::kSuperOffset));
  erofs::Superblock super{};
  super.magic = erofs::kMagic;
  super.feature_compat = erofs::kCompatMtime;
  super.block_bits = erofs::kBlockBits;
  super.root_nid = 0;
  super.inodes = order_.size();
  super.blocks = static_cast<std::uint32_t>(data_start() / kBlock + data_blocks_);
  super.meta_block = static_cast<std::uint32_t>(meta_start() / kBlock);
  std::memcpy(super.uuid, request_.uuid.data(), sizeof super.uuid);
  std::memcpy(super.volume_name, "tare", 4);
  if (!request_.devices.empty()) {
    super.feature_incompat = erofs::kIncompatChunkedFile | erofs::kIncompatDeviceTable;
    super.extra_devices = static_cast<std::uint16_t>(request_.devices.size());
    super.device_table_slot =
        (erofs::kSuperOffset + sizeof(erofs::Superblock)) / sizeof(erofs::DeviceSlot);
  }
  TRY(put(raw(super)));
  for (const ErofsDevice& device : request_.devices) {
    erofs::DeviceSlot slot{};
    std::memcpy(slot.tag, device.layer.hex().data(), sizeof slot.tag);
    slot.blocks = static_cast<std::uint32_t>(device.bytes / kBlock);
    TRY(put(raw(slot)));
  }
  return pad_to(meta_start());
}

Result<> Writer::write_inode(MergedTree::Id id) {
  const Inode& inode = tree_.inode(id);
  const Place& place = places_[id];
  TRY(pad_to(meta_start() + place.at));
  const std::string xattrs = xattr_bytes(inode);
  const bool has_content = inode.content.pack != kNowhere;
  const bool has_data = place.bytes > 0;
  const bool is_inline = has_data && place.blocks == 0;
  const Layout layout = has_content ? Layout::ChunkBased
                        : is_inline ? Layout::FlatInline
                                    : Layout::FlatPlain;
  erofs::Inode out{};
  out.format = static_cast<std::uint16_t>(1 | static_cast<std::uint16_t>(layout) << 1);
  if (!xattrs.empty()) out.xattr_count = static_cast<std::uint16_t>(1 + (xattrs.size() - 12) / 4);
  out.mode = static_cast<std::uint16_t>(mode_of(inode));
  out.size = has_data ? place.bytes : inode.size;
  out.number = id;
  out.uid = inode.uid;
  out.gid = inode.gid;
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t nanos = (inode.mtime % kSecond + kSecond) % kSecond;
  out.mtime = (inode.mtime - nanos) / kSecond;
  out.mtime_nsec = static_cast<std::uint32_t>(nanos);
  out.links = inode.type == tar::Type::Directory ? 2 + place.directories : inode.names;
  // The whole file is one chunk: 2^(12 + n) bytes are at least as many as it has.
  const unsigned chunk_bits =
      std::max<unsigned>(std::bit_width(std::max<std::uint64_t>(inode.size, 1) - 1), 12) - 12;
  if (has_content)
    out.place = erofs::kChunkFormatIndexes | chunk_bits;
  else if (inode.type == tar::Type::CharDevice || inode.type == tar::Type::BlockDevice)
    out.place = device_number(inode);
  else
    out.place = place.blocks > 0 ? static_cast<std::uint32_t>(data_start() / kBlock + place.block)
                                 : erofs::kNoBlock;
  TRY(put(raw(out)));
  TRY(put(xattrs));
  if (is_inline) return put(data_of(id));
  if (!has_content) return {};
  TRY(pad_to(round_up(written_, 8)));
  return put(
      raw(erofs::ChunkIndex{.device = request_.device_of(inode),
                            .block = static_cast<std::uint32_t>(inode.content.offset / kBlock)}));
}

Result<> Writer::write_blocks(MergedTree::Id id) {
  TRY(put(data_of(id)));
  return pad_to(round_up(written_, kBlock));
}

std::string Writer::data_of(MergedTree::Id id) const {
  const Inode& inode = tree_.inode(id);
  if (inode.type == tar::Type::Symlink) return inode.link();
  const std::vector<Line> all = lines(id);
  std::string out;
  for (std::size_t first = 0; first < all.size();) {
    std::size_t used = 0;
    std::size_t end = first;
    while (end < all.size() && used + sizeof(erofs::Dirent) + all[end].name.size() <= kBlock)
      used += sizeof(erofs::Dirent) + all[end++].name.size();
    std::size_t name_at = (end - first) * sizeof(erofs::Dirent);
    std::string names;
    for (std::size_t i = first; i < end; ++i) {
      out += raw(erofs::Dirent{.nid = nid(all[i].inode),
                               .name_offset = static_cast<std::uint16_t>(name_at),
                               .type = dirent_type(tree_.inode(all[i].inode)),
                               .reserved = 0});
      names += all[i].name;
      name_at += all[i].name.size();
    }
    out += names;
    if (end < all.size()) out.resize(round_up(out.size(), kBlock), '\0');
    first = end;
  }
  return out;
}

}  // namespace

Result<> write_erofs(const ErofsRequest& request, codec::Sink& sink) {
  return Writer(request, sink).run();
}

Result<std::vector<Digest>> erofs_devices(int file) {
  const auto damaged = [] { return fail(Kind::Corrupt, "the EROFS image is damaged"); };
  erofs::Superblock super{};
  if (::pread(file, &super, sizeof super, erofs::kSuperOffset) != sizeof super ||
      super.magic != erofs::kMagic)
    return damaged();
  std::vector<Digest> layers;
  for (unsigned i = 0; i < super.extra_devices; ++i) {
    erofs::DeviceSlot slot{};
    const auto at = static_cast<off_t>((super.device_table_slot + i) * sizeof slot);
    if (::pread(file, &slot, sizeof slot, at) != sizeof slot) return damaged();
    layers.push_back(TRY(Digest::parse("sha256:" + std::string(slot.tag, sizeof slot.tag))));
  }
  return layers;
}

}  // namespace tare::store
