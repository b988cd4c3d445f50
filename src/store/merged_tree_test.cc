// SPDX-License-Identifier: Apache-2.0
#include "store/merged_tree.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include "store/image_tree.h"
#include "store/layer_path.h"
#include "store/overlay_mount.h"
#include "store/tree_maker.h"
#include "support/images.h"

namespace tare::store {
namespace {

using namespace testing;

// Layers taken apart, one over the other, and the tree that they make written down below a
// directory that has a neighbour nobody may touch.
struct Fixture {
  TempStore temp;
  TempDir dir;
  std::vector<Layer> layers;
  sys::Fd root;
  ApplyNotes notes;

  Fixture() {
    REQUIRE(::mkdirat(dir.fd(), "outside", 0755) == 0);
    must(sys::replace_file(dir.fd(), "outside-file", "secret"));
  }
  Result<> apply(const std::string& tar) {
    codec::StringSource source(tar);
    auto scratch = TRY(temp.store.make_scratch());
    REQUIRE(::mkdirat(scratch.dir.get(), "layer", 0700) == 0);
    const sys::Fd place = TRY(sys::open_at(scratch.dir.get(), "layer", O_RDONLY | O_DIRECTORY));
    const LayerFacts facts =
        TRY(import_layer(temp.store, place.get(), {.tar = &source}, Contents::Packs, {}));
    notes.devices += facts.notes.devices;
    notes.xattrs += facts.notes.xattrs;
    CHECK(facts.diff_id == codec::sha256(tar));
    TRY(adopt_layer(temp.store, place.get(), facts.diff_id));
    layers.push_back({.blob = facts.diff_id, .diff_id = facts.diff_id});
    auto image = load_image_tree(temp.store, layers);
    if (!image) {
      layers.pop_back();
      return std::unexpected(std::move(image).error());
    }
    must(sys::remove_tree(dir.fd(), "root"));
    REQUIRE(::mkdirat(dir.fd(), "root", 0755) == 0);
    root = must(sys::open_at(dir.fd(), "root", O_RDONLY | O_DIRECTORY));
    return make_tree(
        {.store = &temp.store, .image = &*image, .root = root.get(), .ids = own_ids()});
  }
  std::string read(const std::string& path) {
    const auto file = sys::open_in_root(root.get(), path, O_RDONLY);
    if (!file) return "<" + file.error().message() + ">";
    return must(sys::read_all(file->get(), 1 << 20));
  }
  bool exists(const std::string& path) {
    struct stat info{};
    return ::fstatat(root.get(), path.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
  }
  struct stat stat(const std::string& path) {
    struct stat info{};
    REQUIRE(::fstatat(root.get(), path.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0);
    return info;
  }
  std::size_t outside() { return must(sys::list_directory(dir.fd(), "outside")).size(); }
};

TEST_CASE("member_path") {
  CHECK(must(member_path("./a//b/")) == "a/b");
  CHECK(must(member_path("/etc/passwd")) == "etc/passwd");
  CHECK(must(member_path("./")) == "");
  CHECK(must(member_path("..a/b..")) == "..a/b..");
  CHECK(!member_path("../x"));
  CHECK(!member_path("a/../../x"));
  CHECK(!member_path("a/.."));
}

TEST_CASE("layers: files with owner, mode, time and content") {
  if (!may_unpack()) return;
  Fixture f;
  tar::Entry suid = entry("bin/su", tar::Type::Regular, 04755);
  suid.uid = 7;
  suid.gid = 8;
  must(f.apply(Tar().dir("./", 0750).add(suid).dir("bin", 0711).link("sh", "bin/su").bytes()));
  CHECK((f.stat("bin/su").st_mode & 07777) == 04755);
  CHECK(f.stat("bin/su").st_uid == 7);
  CHECK(f.stat("bin/su").st_gid == 8);
  CHECK((f.stat("bin").st_mode & 07777) == 0711);
  CHECK(f.stat("bin").st_mtim.tv_sec == 1'700'000'000);
  CHECK((f.stat(".").st_mode & 07777) == 0750);
  CHECK(S_ISLNK(f.stat("sh").st_mode));
}

TEST_CASE("layers: whiteouts remove lower layers only") {
  if (!may_unpack()) return;
  Fixture f;
  must(f.apply(Tar().file("a/old").file("a/keep").file("b/x").file("b/sub/y").bytes()));
  must(f.apply(Tar()
                   .file("a/.wh.old")
                   .file("b/new")
                   .file("b/sub/z")
                   .file("b/.wh..wh..opq")
                   .file("c/.wh.nothing")
                   .bytes()));
  CHECK(!f.exists("a/old"));
  CHECK(!f.exists("a/.wh.old"));
  CHECK(f.exists("a/keep"));
  CHECK(!f.exists("b/x"));
  CHECK(!f.exists("b/sub/y"));
  CHECK(f.exists("b/sub/z"));
  CHECK(f.exists("b/new"));
}

TEST_CASE("layers: a whiteout after the new file of its name leaves that file") {
  if (!may_unpack()) return;
  Fixture f;
  must(f.apply(Tar().file("d/old").file("f", "old").bytes()));
  must(f.apply(Tar().file("f", "new").file(".wh.f").file("d/new").file(".wh.d").bytes()));
  CHECK(f.read("f") == "new");
  CHECK(f.exists("d/new"));
  CHECK(!f.exists("d/old"));
}

TEST_CASE("layers: a change of type removes what was there") {
  if (!may_unpack()) return;
  Fixture f;
  must(f.apply(Tar().file("x/deep/file").link("y", "../../outside").file("z").bytes()));
  must(f.apply(Tar().file("x", "now a file").dir("y").file("y/in").dir("z").bytes()));
  CHECK(f.read("x") == "now a file");
  CHECK(f.exists("y/in"));
  CHECK(f.outside() == 0);
  CHECK(S_ISDIR(f.stat("z").st_mode));
}

TEST_CASE("layers: directories that are links inside of the image are followed inside") {
  if (!may_unpack()) return;
  Fixture f;
  must(f.apply(Tar().dir("usr/lib").link("lib", "usr/lib").link("abs", "/usr").bytes()));
  must(f.apply(Tar().file("lib/libc.so").file("abs/lib/two").bytes()));
  CHECK(f.exists("usr/lib/libc.so"));
  CHECK(f.exists("usr/lib/two"));
  CHECK(S_ISLNK(f.stat("lib").st_mode));
}

// SECURITY: the attacks of every unpacker's history.
TEST_CASE("layers: nothing leaves the root") {
  if (!may_unpack()) return;
  Fixture f;
  CHECK(!f.apply(Tar().file("../evil").bytes()));
  CHECK(!f.apply(Tar().file("a/../../evil").bytes()));
  (void)f.apply(Tar().link("up", "../outside").file("up/evil").bytes());
  (void)f.apply(Tar().link("abs", f.dir.path() + "/outside").file("abs/evil").bytes());
  (void)f.apply(Tar().link("one", "..").link("two", "one/outside").file("two/evil").bytes());
  (void)f.apply(Tar().file("/absolute", "inside").bytes());
  CHECK(f.outside() == 0);
  CHECK(f.read("absolute") == "inside");
}

TEST_CASE("layers: a link is replaced by a file and never written through") {
  if (!may_unpack()) return;
  Fixture f;
  must(f.apply(Tar().link("f", "../outside-file").bytes()));
  must(f.apply(Tar().file("f", "overwritten").bytes()));
  CHECK(must(sys::load_file(f.dir.fd(), "outside-file")) == "secret");
  CHECK(f.read("f") == "overwritten");
}

TEST_CASE("layers: hard links reach files of this tree only") {
  if (!may_unpack()) return;
  Fixture f;
  must(f.apply(Tar().file("a", "A").hard_link("b", "a").hard_link("c", "/a").bytes()));
  CHECK(f.stat("a").st_nlink == 3);
  must(f.apply(Tar().hard_link("d", "a").hard_link("a", "b").bytes()));
  CHECK(f.read("d") == "A");
  CHECK(!f.apply(Tar().hard_link("e", "../outside-file").bytes()));
  CHECK(!f.apply(Tar().hard_link("e", f.dir.path() + "/outside-file").bytes()));
  CHECK(!f.apply(Tar().link("up", "..").hard_link("e", "up/outside-file").bytes()));
  CHECK(!f.apply(Tar().dir("dir").hard_link("e", "dir").bytes()));
  CHECK(!f.apply(Tar().hard_link("e", "missing").bytes()));
  CHECK(!f.exists("e"));
}

TEST_CASE("layers: devices are left out, fifos are made") {
  if (!may_unpack()) return;
  Fixture f;
  tar::Entry disk = entry("dev/sda", tar::Type::BlockDevice, 0666);
  disk.device_major = 8;
  must(f.apply(Tar()
                   .file("dev/null", "a file in the lower layer")
                   .add(disk)
                   .add(entry("dev/null", tar::Type::CharDevice, 0666))
                   .add(entry("run/fifo", tar::Type::Fifo, 0620))
                   .bytes()));
  CHECK(!f.exists("dev/sda"));
  CHECK(!f.exists("dev/null"));
  CHECK(f.notes.devices == 2);
  CHECK(S_ISFIFO(f.stat("run/fifo").st_mode));
  CHECK((f.stat("run/fifo").st_mode & 07777) == 0620);
}

TEST_CASE("layers: attributes by the allow-list") {
  if (!may_unpack()) return;
  Fixture f;
  tar::Entry file = entry("f", tar::Type::Regular);
  file.xattrs["user.note"] = std::string("a\0b", 3);
  file.xattrs["user.overlay.redirect"] = "/etc";
  file.xattrs["trusted.overlay.opaque"] = "y";
  file.xattrs["security.selinux"] = "x";
  must(f.apply(Tar().add(file).bytes()));
  const sys::Fd opened = must(sys::open_at(f.root.get(), "f", O_RDONLY));
  char names[1024];
  const ssize_t size = ::flistxattr(opened.get(), names, sizeof names);
  CHECK(std::string(names, size > 0 ? static_cast<std::size_t>(size) : 0) ==
        std::string("user.note\0", 10));
  CHECK(f.notes.xattrs == 3);
}

TEST_CASE("layers: a tree deeper than there are descriptors can be removed") {
  if (!may_unpack()) return;
  Fixture f;
  std::string deep = "d";  // As deep as a name may be.
  for (int i = 0; i < 1500; ++i) deep += "/d";
  must(f.apply(Tar().file(deep + "/file").link("s", deep).file("s/e/e/e").bytes()));
  must(f.apply(Tar().file(".wh.d").bytes()));
  CHECK(!f.exists("d"));
  CHECK(must(sys::list_directory(f.root.get())) == std::vector<std::string>{"s"});
}

TEST_CASE("layers: odd names") {
  if (!may_unpack()) return;
  Fixture f;
  const std::string odd = "\x1b[31m\xff\n name";
  const std::string longest(255, 'x');
  must(f.apply(Tar().file(odd, "1").file(longest + "/" + longest, "2").bytes()));
  CHECK(f.read(odd) == "1");
  CHECK(f.read(longest + "/" + longest) == "2");
  const auto failed = f.apply(Tar().file(odd + "/../x").bytes());
  REQUIRE(!failed);
  CHECK(failed.error().message().find('\x1b') == std::string::npos);
  CHECK(!f.apply(Tar().file(std::string(256, 'y')).bytes()));
  CHECK(!f.apply(Tar().file(".wh.").bytes()));
  CHECK(!f.apply(Tar().file(".wh...").bytes()));
  CHECK(!f.apply(Tar().file(".").bytes()));
}

// What takes a step for each of its children, or of its parts, for each entry, would not end.
TEST_CASE("layers: whiteouts and links over and over") {
  MergedTree tree;
  const auto apply = [&](const std::vector<IndexEntry>& entries) -> Result<> {
    IndexWriter writer;
    for (const IndexEntry& entry : entries) must(writer.add(entry));
    const std::string text = must(writer.finish({}, {}, {}));
    const LayerIndex index = must(LayerIndex::parse(text));
    return tree.apply(index);
  };
  std::vector<std::string> names(20'000);
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = "d/" + std::to_string(i);
  std::vector<IndexEntry> entries;
  for (const std::string& name : names) {
    entries.push_back({});
    entries.back().path = name;
  }
  for (std::size_t i = 0; i < 20'000; ++i) {
    entries.push_back({});
    entries.back().path = i % 2 == 0 ? ".wh.d" : "d/.wh..wh..opq";
  }
  must(apply(entries));
  CHECK(tree.size() == 20'002);
  // What goes makes room for what comes.
  for (int i = 0; i < 5; ++i) {
    entries.resize(1);
    entries[0].path = ".wh.d";
    must(apply(entries));
    entries.clear();
    for (const std::string& name : names) {
      entries.push_back({});
      entries.back().path = name;
    }
    must(apply(entries));
  }
  CHECK(tree.size() == 20'002);
}

TEST_CASE("layers: paths longer than a path may be") {
  if (!may_unpack()) return;
  Fixture f;
  std::string deep = "d";
  for (int i = 0; i < 1500; ++i) deep += "/d";
  must(f.apply(Tar().dir(deep).link("s", deep).dir("s/" + std::string(200, 'e')).bytes()));
  const std::string longest(250, 'e');
  const auto failed = f.apply(
      Tar()
          .dir("s/" + longest + "/" + longest + "/" + longest + "/" + longest + "/" + longest)
          .bytes());
  REQUIRE(!failed);
  CHECK(failed.error().message().find("longer than 4095 bytes") != std::string::npos);
}

}  // namespace
}  // namespace tare::store
