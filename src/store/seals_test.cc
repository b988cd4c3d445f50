// SPDX-License-Identifier: Apache-2.0
#include "store/seals.h"

#include <doctest/doctest.h>

using namespace tare;
using store::Seals;

TEST_CASE("a seal holds for the same file with the same digest of fs-verity") {
  struct stat info{};
  info.st_size = 10;
  info.st_ino = 20;
  info.st_mtim = {.tv_sec = 1, .tv_nsec = 2};
  info.st_ctim = {.tv_sec = 3, .tv_nsec = 4};
  Seals seals;
  seals.add("with", info, "sha256:ab");
  seals.add("without", info, "");
  CHECK(seals.print() ==
        "10 20 1000000002 3000000004 sha256:ab with\n10 20 1000000002 3000000004 - without\n");
  const Seals read = Seals::parse(seals.print());
  CHECK(read.holds("with", info, "sha256:ab"));
  CHECK(read.holds("without", info, ""));
  CHECK_FALSE(read.holds("with", info, "sha256:cd"));
  CHECK_FALSE(read.holds("with", info, ""));
  CHECK_FALSE(read.holds("without", info, "sha256:ab"));
  CHECK_FALSE(read.holds("other", info, ""));
  info.st_ctim.tv_nsec = 5;
  CHECK_FALSE(read.holds("with", info, "sha256:ab"));
}

TEST_CASE("a seal of before fs-verity is no seal") {
  struct stat info{};
  CHECK_FALSE(Seals::parse("0 0 0 0 name\n").holds("name", info, ""));
  CHECK(Seals::parse("0 0 0 0 - name\n").holds("name", info, ""));
}
