// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "isolate/isolate.h"
#include "sys/files.h"

using namespace tare;

namespace {

// A directory with an etc, removed at the end.
class Tree {
 public:
  Tree() {
    char name[] = "/tmp/tare-user-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
    REQUIRE(::mkdir((path_ + "/etc").c_str(), 0755) == 0);
    dir_ = *sys::open_path(path_, O_RDONLY | O_DIRECTORY);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() {
    const auto top = sys::open_path("/tmp", O_RDONLY | O_DIRECTORY);
    CHECK(sys::remove_tree(top->get(), path_.substr(5)));
  }
  int fd() const { return dir_.get(); }
  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const {
    const auto file = sys::open_path(path_ + name, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    REQUIRE(file);
    REQUIRE(sys::write_all(file->get(), text));
  }

 private:
  std::string path_;
  sys::Fd dir_;
};

constexpr const char* kPasswd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# a comment\n"
    "broken:x:many:0::/:\n"
    "0:x:7:7:a name that is a number:/seven:/bin/sh\n"
    "www-data:x:33:33:www:/var/www:/bin/sh\n"
    "huge:x:4294967295:1::/:/bin/sh\n"
    "homeless:x:50:60:::/bin/sh\n";
constexpr const char* kGroup =
    "root:x:0:\n"
    "adm:x:4:www-data,other\n"
    "www-data:x:33:\n"
    "audio:x:29:www-data\n"
    "audio2:x:29:www-data\n";

}  // namespace

TEST_CASE("users by number and by name") {
  const Tree tree;
  tree.write("/etc/passwd", kPasswd);
  tree.write("/etc/group", kGroup);
  const auto of = [&](const std::string& text) { return isolate::find_user(tree.fd(), text); };
  CHECK(of("")->uid == 0);
  CHECK(of("")->home == "/root");
  CHECK(of("www-data")->uid == 33);
  CHECK(of("www-data")->gid == 33);
  CHECK(of("www-data")->groups == std::vector<std::uint32_t>{4, 29});
  CHECK(of("33")->groups == std::vector<std::uint32_t>{4, 29});
  CHECK(of("33")->home == "/var/www");
  CHECK(of("33:adm")->gid == 4);
  CHECK(of("33:adm")->groups.empty());
  CHECK(of("1000:50")->uid == 1000);
  CHECK(of("1000:50")->gid == 50);
  CHECK(of("1000:50")->home == "/");
  CHECK(of("1000")->gid == 0);
  CHECK(of("homeless")->home == "/");
}

TEST_CASE("a number is never a name, and never wraps around") {
  const Tree tree;
  tree.write("/etc/passwd", kPasswd);
  CHECK(isolate::find_user(tree.fd(), "0")->home == "/root");
  for (const char* text : {"4294967295", "4294967296", "18446744073709551616", "0x0", "-1", "+1",
                           "1 ", " 1", "root ", "huge", "broken", "#", "33:", "33:many"})
    CHECK_MESSAGE(!isolate::find_user(tree.fd(), text), text);
  const auto near = isolate::find_user(tree.fd(), "www-date");
  REQUIRE(!near);
  CHECK(near.error().kind() == Kind::NotFound);
  CHECK(near.error().message() == "no user 'www-date' in /etc/passwd of the image");
  CHECK(near.error().hint() == "did you mean 'www-data'?");
}

TEST_CASE("an image without a user database still has numbers") {
  const Tree tree;
  CHECK(isolate::find_user(tree.fd(), "")->uid == 0);
  CHECK(isolate::find_user(tree.fd(), "5:6")->gid == 6);
  CHECK(isolate::find_user(tree.fd(), "root").error().kind() == Kind::NotFound);
}

TEST_CASE("a hostile user database") {
  const Tree tree;
  REQUIRE(::symlink("/../../../../../../etc/passwd", (tree.path() + "/etc/passwd").c_str()) == 0);
  CHECK(isolate::find_user(tree.fd(), "root").error().kind() == Kind::Invalid);  // A loop, inside.
  REQUIRE(::unlink((tree.path() + "/etc/passwd").c_str()) == 0);
  REQUIRE(::mkfifo((tree.path() + "/etc/passwd").c_str(), 0644) == 0);
  CHECK(isolate::find_user(tree.fd(), "0").error().message() ==
        "/etc/passwd of the image is not a regular file");
  REQUIRE(::unlink((tree.path() + "/etc/passwd").c_str()) == 0);
  tree.write("/etc/passwd", std::string((1 << 20) + 1, 'x'));
  CHECK(isolate::find_user(tree.fd(), "0").error().kind() == Kind::Invalid);
}
