// SPDX-License-Identifier: Apache-2.0
#include "store/tree_copy.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "support/images.h"
#include "sys/files.h"

using namespace tare;
using store::TreeCopy;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  Fixture() {
    fs::create_directories(from());
    fs::create_directories(to());
    from_fd = sys::open_path(temp.path() + "/from", O_RDONLY | O_DIRECTORY).value();
    to_fd = sys::open_path(to(), O_RDONLY | O_DIRECTORY).value();
  }
  std::string from() const { return temp.path() + "/from/room"; }
  std::string to() const { return temp.path() + "/to"; }
  void write(const std::string& name, const std::string& text) const {
    const sys::Fd dir = sys::open_path(from(), O_RDONLY | O_DIRECTORY).value();
    REQUIRE(sys::replace_file(dir.get(), name, text));
  }
  std::string read(const std::string& name) const {
    return sys::load_file(to_fd.get(), "room/" + name).value_or("nothing");
  }
  struct stat look(const std::string& path) const {
    struct stat info{};
    REQUIRE(::lstat(path.c_str(), &info) == 0);
    return info;
  }

  testing::TempDir temp;
  sys::Fd from_fd;
  sys::Fd to_fd;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a copy has links, holes, modes, times and attributes") {
  write("a", "one");
  REQUIRE(::link((from() + "/a").c_str(), (from() + "/b").c_str()) == 0);
  REQUIRE(::symlink("a", (from() + "/l").c_str()) == 0);
  REQUIRE(::mkfifo((from() + "/f").c_str(), 0640) == 0);
  write("sparse", "x");
  REQUIRE(::truncate((from() + "/sparse").c_str(), 50 << 20) == 0);
  REQUIRE(::chmod((from() + "/sparse").c_str(), 0604) == 0);
  fs::create_directory(from() + "/closed");
  const timespec times[] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 2, .tv_nsec = 3}};
  REQUIRE(::utimensat(AT_FDCWD, (from() + "/closed").c_str(), times, 0) == 0);
  const bool has_attributes = ::setxattr((from() + "/a").c_str(), "user.colour", "red", 3, 0) == 0;
  TreeCopy copy(from_fd.get(), to_fd.get(), {});
  copy.begin_pass();
  REQUIRE(copy.copy("room"));
  REQUIRE(copy.compare("room"));
  CHECK(read("a") == "one");
  CHECK(look(to() + "/room/a").st_ino == look(to() + "/room/b").st_ino);
  CHECK(fs::read_symlink(to() + "/room/l") == "a");
  CHECK(S_ISFIFO(look(to() + "/room/f").st_mode));
  CHECK((look(to() + "/room/f").st_mode & 07777) == 0640);
  CHECK(look(to() + "/room/sparse").st_size == 50 << 20);
  CHECK(look(to() + "/room/sparse").st_blocks < 1000);
  CHECK((look(to() + "/room/sparse").st_mode & 07777) == 0604);
  CHECK(look(to() + "/room/closed").st_mtim.tv_sec == 2);
  CHECK(look(to() + "/room/closed").st_mtim.tv_nsec == 3);
  char value[8] = {};
  if (has_attributes)
    CHECK(::getxattr((to() + "/room/a").c_str(), "user.colour", value, sizeof value) == 3);
}

TEST_CASE_FIXTURE(Fixture, "a later pass brings the copy in line with what has changed") {
  write("kept", "kept");
  write("changed", "before");
  write("gone", "gone");
  write("file", "becomes a directory");
  fs::create_directories(from() + "/dir/below");
  REQUIRE(::link((from() + "/kept").c_str(), (from() + "/second").c_str()) == 0);
  TreeCopy copy(from_fd.get(), to_fd.get(), {});
  copy.begin_pass();
  REQUIRE(copy.copy("room"));
  const auto kept = look(to() + "/room/dir").st_ino;
  write("changed", "after!");
  fs::remove(from() + "/gone");
  fs::remove(from() + "/file");
  fs::create_directory(from() + "/file");
  fs::remove_all(from() + "/dir/below");
  write("new", "new");
  fs::remove(from() + "/second");
  write("second", "of its own");
  copy.begin_pass();
  REQUIRE(copy.copy("room"));
  REQUIRE(copy.compare("room"));
  CHECK(read("kept") == "kept");
  CHECK(read("changed") == "after!");
  CHECK(read("gone") == "nothing");
  CHECK(fs::is_directory(to() + "/room/file"));
  CHECK_FALSE(fs::exists(to() + "/room/dir/below"));
  CHECK(look(to() + "/room/dir").st_ino == kept);
  CHECK(read("new") == "new");
  CHECK(read("second") == "of its own");
  CHECK(look(to() + "/room/kept").st_nlink == 1);
}

TEST_CASE_FIXTURE(Fixture, "a copy whose bytes are others is found") {
  write("file", std::string(3 << 20, 'a'));
  TreeCopy copy(from_fd.get(), to_fd.get(), {});
  copy.begin_pass();
  REQUIRE(copy.copy("room"));
  REQUIRE(copy.compare("room"));
  const sys::Fd file = sys::open_path(to() + "/room/file", O_WRONLY).value();
  REQUIRE(::pwrite(file.get(), "b", 1, 2 << 20) == 1);
  const auto compared = copy.compare("room");
  REQUIRE_FALSE(compared);
  CHECK(compared.error().kind() == Kind::Corrupt);
  CHECK(compared.error().message().find("room/file") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a tree deeper than there are descriptors is copied whole") {
  sys::Fd dir = sys::open_path(from(), O_RDONLY | O_DIRECTORY).value();
  constexpr int kDepth = 300;
  for (int i = 0; i < kDepth; ++i) {
    REQUIRE(::mkdirat(dir.get(), "d", 0700) == 0);
    REQUIRE(sys::replace_file(dir.get(), "f", std::to_string(i), sys::Durability::Lazy));
    dir = sys::open_at(dir.get(), "d", O_RDONLY | O_DIRECTORY).value();
  }
  TreeCopy copy(from_fd.get(), to_fd.get(), {});
  copy.begin_pass();
  REQUIRE(copy.copy("room"));
  REQUIRE(copy.compare("room"));
  dir = sys::open_path(to() + "/room", O_RDONLY | O_DIRECTORY).value();
  for (int i = 0; i < kDepth; ++i) {
    CHECK(sys::load_file(dir.get(), "f").value() == std::to_string(i));
    dir = sys::open_at(dir.get(), "d", O_RDONLY | O_DIRECTORY).value();
  }
}
