// SPDX-License-Identifier: Apache-2.0
#include "store/usage.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "support/images.h"
#include "sys/fd.h"
#include "sys/files.h"

using namespace tare;
using store::UsageClass;

namespace {

void check(const std::string& path, UsageClass which, const std::string& owner) {
  INFO(path);
  const store::PathOwner found = store::owner_of(path);
  CHECK(found.which == which);
  CHECK(found.owner == owner);
}

}  // namespace

TEST_CASE("every path of the store has a class and an owner") {
  check("", UsageClass::Bookkeeping, "");
  check("blobs", UsageClass::Bookkeeping, "blobs");
  check("blobs/sha256", UsageClass::Bookkeeping, "blobs");
  check("blobs/sha256/ab", UsageClass::Blobs, "blobs/sha256/ab");
  check("rootfs/flat/ab/tree/etc/passwd", UsageClass::Roots, "rootfs/flat/ab");
  check("rootfs/erofs/ab", UsageClass::Roots, "rootfs/erofs/ab");
  check("rootfs/idmap", UsageClass::Bookkeeping, "rootfs");
  check("objects/ab/cdef", UsageClass::Objects, "objects/ab/cdef");
  check("layers/ab.idx", UsageClass::Layers, "layers/ab.idx");
  check("containers/1/upper/x", UsageClass::Upper, "containers/1/upper");
  check("containers/1/work", UsageClass::Upper, "containers/1/work");
  check("containers/1/log/0", UsageClass::Logs, "containers/1/log");
  check("containers/1/config.json", UsageClass::Bookkeeping, "containers/1");
  check("containers/1", UsageClass::Bookkeeping, "containers/1");
  check("bin/containers/1/upper/x", UsageClass::Bin, "bin/containers/1");
  check("bin/images/1", UsageClass::Bin, "bin/images/1");
  check("bin/due", UsageClass::Bookkeeping, "bin");
  check("tmp/1/x", UsageClass::Temporary, "tmp/1");
  check("trash/1", UsageClass::Trash, "trash/1");
  check("downloads/1", UsageClass::Downloads, "downloads/1");
  check("namesake/1", UsageClass::Other, "namesake");
  check("notes.txt", UsageClass::Other, "notes.txt");
}

TEST_CASE("a tree deeper than there are descriptors is measured whole") {
  const testing::TempDir temp;
  const sys::Fd root = sys::open_path(temp.path(), O_RDONLY | O_DIRECTORY).value();
  sys::Fd dir = sys::open_at(root.get(), ".", O_RDONLY | O_DIRECTORY).value();
  constexpr int kDepth = 300;
  struct stat info{};
  REQUIRE(::fstat(dir.get(), &info) == 0);
  std::uint64_t blocks = 0;
  for (int i = 0; i < kDepth; ++i) {
    REQUIRE(::mkdirat(dir.get(), "d", 0700) == 0);
    const sys::Fd file(::openat(dir.get(), "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(::write(file.get(), "x", 1) == 1);
    REQUIRE(::fsync(file.get()) == 0);
    REQUIRE(::fstat(file.get(), &info) == 0);
    blocks += static_cast<std::uint64_t>(info.st_blocks);
    REQUIRE(::linkat(dir.get(), "f", dir.get(), "g", 0) == 0);
    dir = sys::open_at(dir.get(), "d", O_RDONLY | O_DIRECTORY).value();
    REQUIRE(::fstat(dir.get(), &info) == 0);
    blocks += static_cast<std::uint64_t>(info.st_blocks);
  }
  REQUIRE(::fstat(root.get(), &info) == 0);
  blocks += static_cast<std::uint64_t>(info.st_blocks);
  const auto usage = store::measure_usage(root.get());
  REQUIRE(usage.has_value());
  CHECK(usage->total.files == 1 + kDepth * 2);
  CHECK(usage->total.bytes == blocks * 512);
  CHECK(usage->owner_bytes("d") + usage->owner_bytes("f") + usage->owner_bytes("g") +
            usage->owner_bytes("") ==
        blocks * 512);
  CHECK(usage->of(UsageClass::Other).files == kDepth * 2);
}
