// SPDX-License-Identifier: Apache-2.0
// For the tests of control groups: a tree of ordinary files that looks like a host's.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "sys/cgroup_files.h"
#include "sys/files.h"

namespace tare::sys::cgroups {

class FakeTree {
 public:
  FakeTree() {
    char name[] = "/tmp/tare-cgroup-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    top_ = name;
  }
  FakeTree(const FakeTree&) = delete;
  FakeTree& operator=(const FakeTree&) = delete;
  ~FakeTree() {
    if (const auto tmp = sys::open_path("/tmp", O_RDONLY | O_DIRECTORY))
      (void)remove_tree(tmp->get(), top_.substr(5));
  }

  std::string path(const std::string& below) const { return top_ + below; }

  // A file with this content, and the directories above it.
  void put(const std::string& file, const std::string& content = "") {
    REQUIRE(make_directories(path(file.substr(0, file.rfind('/'))), 0755));
    std::ofstream(path(file)) << content;
  }
  std::string get(const std::string& file) const {
    std::ifstream in(path(file));
    if (!in) return "(no file)";
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
  }

  void mount_v1(const std::string& point, const std::string& controllers) {
    REQUIRE(make_directories(path(point), 0755));
    mountinfo_ +=
        "31 30 0:28 / " + path(point) + " rw,relatime - cgroup cgroup rw," + controllers + "\n";
  }
  // At `point`, with these controllers in its root group.
  void mount_v2(const std::string& point, const std::string& controllers) {
    mountinfo_ += "40 30 0:37 / " + path(point) + " rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    put(point + "/cgroup.controllers", controllers + "\n");
    put(point + "/cgroup.procs");
    put(point + "/cgroup.subtree_control");
  }
  CgroupHost host() const { return look(mountinfo_, "4:memory:/elsewhere\n0::/\n"); }

 private:
  std::string top_;
  std::string mountinfo_ = "22 1 8:1 / / rw - ext4 /dev/root rw\n";
};

}  // namespace tare::sys::cgroups
