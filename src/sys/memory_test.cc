// SPDX-License-Identifier: Apache-2.0
#include "sys/memory.h"

#include "sys/cgroup_test_tree.h"

namespace tare::sys {

TEST_CASE("memory: a group leaves what it and those above it do not use") {
  cgroups::FakeTree tree;
  tree.put("/cg/memory.max", "max\n");
  tree.put("/cg/memory.current", "900\n");
  tree.put("/cg/a/memory.max", "1000\n");
  tree.put("/cg/a/memory.current", "400\n");
  tree.put("/cg/a/b/memory.max", "800\n");
  tree.put("/cg/a/b/memory.current", "790\n");
  tree.put("/cg/a/b/memory.stat", "anon 90\ninactive_file 700\n");
  const std::string mount = tree.path("/cg");
  CHECK(free_of_group(mount, "/a/b", true) == 600);
  CHECK(free_of_group(mount, "/a", true) == 600);
  CHECK(free_of_group(mount, "/", true) == kNoLimit);
  CHECK(free_of_group(mount, "/elsewhere", true) == kNoLimit);
  tree.put("/cg/a/b/memory.stat", "anon 790\n");
  CHECK(free_of_group(mount, "/a/b", true) == 10);
}

TEST_CASE("memory: a group of version 1, over its limit") {
  cgroups::FakeTree tree;
  tree.put("/memory/x/memory.limit_in_bytes", "1000\n");
  tree.put("/memory/x/memory.usage_in_bytes", "1100\n");
  tree.put("/memory/x/memory.stat", "total_inactive_file 20\n");
  CHECK(free_of_group(tree.path("/memory"), "/x", false) == 0);
}

TEST_CASE("memory: of this machine") {
  CHECK(free_memory() > 0);
  CHECK(free_memory() < kNoLimit);
}

}  // namespace tare::sys
