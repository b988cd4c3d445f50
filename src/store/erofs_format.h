// SPDX-License-Identifier: Apache-2.0
// EROFS on disk, as much of it as we write. [kernel: fs/erofs/erofs_fs.h] All numbers
// little-endian.
#pragma once

#include <cstdint>

namespace tare::store::erofs {

constexpr std::uint32_t kMagic = 0xe0f5e1e2;
constexpr std::uint32_t kBlock = 4096;
constexpr std::uint32_t kBlockBits = 12;
constexpr std::uint32_t kSuperOffset = 1024;
constexpr std::uint32_t kSlot = 32;  // Inodes are numbered in units of this.
constexpr std::uint32_t kCompatMtime = 0x2;
constexpr std::uint32_t kIncompatChunkedFile = 0x4;
constexpr std::uint32_t kIncompatDeviceTable = 0x8;
constexpr std::uint16_t kChunkFormatIndexes = 0x20;
constexpr std::uint32_t kNoBlock = 0xffffffff;

enum class Layout : std::uint16_t { FlatPlain = 0, FlatInline = 2, ChunkBased = 4 };

struct Superblock {
  std::uint32_t magic;
  std::uint32_t checksum;
  std::uint32_t feature_compat;
  std::uint8_t block_bits;
  std::uint8_t extra_slots;
  std::uint16_t root_nid;
  std::uint64_t inodes;
  std::uint64_t build_time;
  std::uint32_t build_time_nsec;
  std::uint32_t blocks;
  std::uint32_t meta_block;
  std::uint32_t xattr_block;
  std::uint8_t uuid[16];
  char volume_name[16];
  std::uint32_t feature_incompat;
  std::uint16_t algorithms;
  std::uint16_t extra_devices;
  std::uint16_t device_table_slot;  // In units of a DeviceSlot.
  std::uint8_t reserved[38];
};
static_assert(sizeof(Superblock) == 128);

struct DeviceSlot {
  char tag[64];
  std::uint32_t blocks;
  std::uint32_t mapped_block;
  std::uint8_t reserved[56];
};
static_assert(sizeof(DeviceSlot) == 128);

struct Inode {  // The extended one.
  std::uint16_t format;
  std::uint16_t xattr_count;  // 0, or 1 + (bytes of attributes - 12) / 4.
  std::uint16_t mode;
  std::uint16_t reserved;
  std::uint64_t size;
  std::uint32_t place;  // First block, device number, or chunk format.
  std::uint32_t number;
  std::uint32_t uid;
  std::uint32_t gid;
  std::int64_t mtime;
  std::uint32_t mtime_nsec;
  std::uint32_t links;
  std::uint8_t reserved2[16];
};
static_assert(sizeof(Inode) == 64);

struct ChunkIndex {
  std::uint16_t start_high;
  std::uint16_t device;
  std::uint32_t block;
};
static_assert(sizeof(ChunkIndex) == 8);

struct XattrHeader {
  std::uint32_t filter;
  std::uint8_t shared_count;
  std::uint8_t reserved[7];
};
static_assert(sizeof(XattrHeader) == 12);

struct XattrEntry {
  std::uint8_t name_length;
  std::uint8_t name_index;
  std::uint16_t value_length;
};
static_assert(sizeof(XattrEntry) == 4);
constexpr std::uint8_t kXattrUser = 1;
constexpr std::uint8_t kXattrSecurity = 6;

struct Dirent {
  std::uint64_t nid;
  std::uint16_t name_offset;
  std::uint8_t type;
  std::uint8_t reserved;
} __attribute__((packed));
static_assert(sizeof(Dirent) == 12);

}  // namespace tare::store::erofs
