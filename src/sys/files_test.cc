// SPDX-License-Identifier: Apache-2.0
#include "sys/files.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

using namespace tare;

TEST_CASE("disk_usage goes down so far only, whatever depth a container made") {
  char path[] = "/tmp/tare-files-XXXXXX";
  REQUIRE(::mkdtemp(path) != nullptr);
  const sys::Fd top = *sys::open_path(path, O_RDONLY | O_DIRECTORY);
  const auto make_deeper = [](sys::Fd from, int levels) {
    for (int level = 0; level < levels; ++level) {
      REQUIRE(::mkdirat(from.get(), "a", 0700) == 0);
      from = *sys::open_at(from.get(), "a", O_RDONLY | O_DIRECTORY);
    }
    return from;
  };
  const sys::Fd middle = make_deeper(*top.duplicate(), 300);
  const auto before = sys::disk_usage(top.get(), "a");
  (void)make_deeper(*middle.duplicate(), 100);
  REQUIRE(sys::replace_file(middle.get(), "file", std::string(100000, 'x')));
  const auto after = sys::disk_usage(top.get(), "a");
  REQUIRE(before);
  REQUIRE(after);
  CHECK(*before == *after);
  CHECK(sys::remove_tree(top.get(), "a"));
  CHECK(::unlinkat(AT_FDCWD, path, AT_REMOVEDIR) == 0);
}
