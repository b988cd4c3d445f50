// SPDX-License-Identifier: Apache-2.0
// Copying itself: tests/scenario/build-basic.sh.
#include "build/copy_files.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "sys/files.h"

namespace tare::build {
namespace {

// A directory of its own, removed at the end.
struct Place {
  Place() {
    char name[] = "/tmp/tare-copy-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
    dir = std::move(sys::open_path(path, O_RDONLY | O_DIRECTORY).value());
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    const auto top = sys::open_path("/tmp", O_RDONLY | O_DIRECTORY);
    if (top) (void)sys::remove_tree(top->get(), path.substr(5));
  }
  void write(const std::string& name, std::string_view text) const {
    const auto file = sys::open_path(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    REQUIRE(file);
    REQUIRE(sys::write_all(file->get(), text));
  }
  std::string read(const std::string& name) const {
    return sys::load_file(dir.get(), name).value_or("(not there)");
  }
  std::string path;
  sys::Fd dir;
};

// The calling user is everybody.
sys::IdMap mine() {
  sys::IdMap ids;
  ids.ranges.push_back({.inside = 0, .outside = ::geteuid(), .count = 1});
  ids.group_ranges.push_back({.inside = 0, .outside = ::getegid(), .count = 1});
  return ids;
}

Result<> copy(const Place& from, const std::string& source, const Place& to,
              const std::string& destination, const CopyOptions& options = {}) {
  const sys::IdMap ids = mine();
  const Tree tree{.root = from.dir.get()};
  auto picks = pick(tree, {.source = source});
  if (!picks) return std::unexpected(picks.error());
  return copy_files(tree, *picks, {.root = to.dir.get(), .ids = &ids}, destination, options);
}

}  // namespace

TEST_CASE("copy: modes as chmod(1) has them") {
  CHECK(change_mode("750", 0644, false) == 0750);
  CHECK(change_mode("4755", 0, false) == 04755);
  CHECK(change_mode("u=rwX,go=rX", 0600, true) == 0755);
  CHECK(change_mode("u=rwX,go=rX", 0600, false) == 0644);
  CHECK(change_mode("u=rwX,go=rX", 0700, false) == 0755);
  CHECK(change_mode("+x", 0644, false) == 0755);
  CHECK(change_mode("a-w,u+w", 0666, false) == 0644);
  CHECK(change_mode("g+s,+t", 0755, true) == 03755);
  CHECK(change_mode("o=", 0755, false) == 0750);
}

TEST_CASE("copy: a file goes to a name, into a directory, or over a file") {
  const Place from;
  const Place to;
  from.write("a", "one");
  REQUIRE(copy(from, "a", to, "/deep/er/name"));
  CHECK(to.read("deep/er/name") == "one");
  REQUIRE(copy(from, "a", to, "/deep/er"));
  CHECK(to.read("deep/er/a") == "one");
  REQUIRE(copy(from, "a", to, "/new/"));
  CHECK(to.read("new/a") == "one");
  from.write("a", "two");
  REQUIRE(copy(from, "a", to, "/new/"));
  CHECK(to.read("new/a") == "two");
  REQUIRE(copy(from, "/a", to, "/other", {.parents = true}));
  CHECK(to.read("other/a") == "two");
}

TEST_CASE(
    "copy: links of the target lead nowhere outside, and files are not in the way of each other") {
  const Place from;
  const Place to;
  const Place outside;
  outside.write("file", "precious");
  from.write("a", "attack");
  REQUIRE(::symlinkat(outside.path.c_str(), to.dir.get(), "away") == 0);
  REQUIRE(::symlinkat((outside.path + "/file").c_str(), to.dir.get(), "file") == 0);
  (void)copy(from, "a", to, "/away/file");
  REQUIRE(copy(from, "a", to, "/file"));
  // Followed, inside of the target.
  CHECK(to.read(outside.path.substr(1) + "/file") == "attack");
  CHECK(outside.read("file") == "precious");
  REQUIRE(::mkdirat(from.dir.get(), "dir", 0755) == 0);
  from.write("dir/file", "below");
  REQUIRE(copy(from, "dir", to, "/tree/"));
  CHECK(to.read("tree/file") == "below");
  // A file where a directory has to be.
  CHECK(!copy(from, "dir", to, "/file/"));
}

TEST_CASE("copy: what is not there is told with what is near") {
  const Place from;
  from.write("main.c", "");
  const auto missing = pick({.root = from.dir.get()}, {.source = "mian.c"});
  REQUIRE(!missing);
  CHECK(missing.error().kind() == Kind::NotFound);
  CHECK(missing.error().hint().find("main.c") != std::string::npos);
  // A wildcard without a match is no error here.
  const auto none = pick({.root = from.dir.get()}, {.source = "*.h"});
  REQUIRE(none);
  CHECK(none->empty());
}

TEST_CASE("copy: what are two names of a file stays so, and is another thing than two files") {
  const Place from;
  const Place to;
  REQUIRE(::mkdirat(from.dir.get(), "dir", 0755) == 0);
  from.write("dir/a", "one");
  from.write("dir/b", "one");
  const Tree tree{.root = from.dir.get()};
  const auto print = [&] {
    auto picked = pick(tree, {.source = "dir"}).value();
    return fingerprint(tree, picked[0]).value();
  };
  const std::string separate = print();
  REQUIRE(::unlinkat(from.dir.get(), "dir/b", 0) == 0);
  REQUIRE(::linkat(from.dir.get(), "dir/a", from.dir.get(), "dir/b", 0) == 0);
  CHECK(print() != separate);
  REQUIRE(copy(from, "dir", to, "/x"));
  struct stat info{};
  REQUIRE(::fstatat(to.dir.get(), "x/b", &info, 0) == 0);
  CHECK(info.st_nlink == 2);
  CHECK(to.read("x/b") == "one");
}

TEST_CASE("copy: an open file goes where it should") {
  const Place from;
  const Place to;
  from.write("a", "one");
  const sys::IdMap ids = mine();
  const auto file = sys::open_path(from.path + "/a", O_RDONLY);
  REQUIRE(file);
  REQUIRE(::mkdirat(to.dir.get(), "dir", 0755) == 0);
  for (const char* place : {"/name", "/new/", "/dir"}) {
    REQUIRE(::lseek(file->get(), 0, SEEK_SET) == 0);
    REQUIRE(put_open_file({.root = to.dir.get(), .ids = &ids}, place,
                          {.file = file->get(), .name = "own", .mode = 0600}, {}));
  }
  CHECK(to.read("name") == "one");
  CHECK(to.read("new/own") == "one");
  CHECK(to.read("dir/own") == "one");
}

TEST_CASE("copy: lent contents are not written, and are had from where they are") {
  const Place from;
  const Place to;
  from.write("a", "of a");
  from.write("b", "b is longer");
  const sys::IdMap ids = mine();
  store::LentContents lent;
  const Target target{.root = to.dir.get(), .ids = &ids, .lent = &lent};
  const Tree tree{.root = from.dir.get()};
  const auto content = [&](const std::string& name) -> std::string {
    struct stat info{};
    REQUIRE(::fstatat(to.dir.get(), name.c_str(), &info, 0) == 0);
    std::string text;
    const auto take = [&](std::string_view bytes) {
      text += bytes;
      return Result<>();
    };
    const auto was_lent = lent.read(info, take);
    REQUIRE(was_lent);
    if (!*was_lent) return "(its own) " + to.read(name);
    return text;
  };
  const auto all = pick(tree, {.source = "."});
  REQUIRE(all);
  REQUIRE(copy_files(tree, *all, target, "/", {}));
  CHECK(to.read("a") == std::string(4, '\0'));
  CHECK(content("a") == "of a");
  CHECK(content("b") == "b is longer");
  // In the place of one that was lent: also when it has the number of that one.
  REQUIRE(put_file(target, "/a", "own", {}));
  CHECK(content("a") == "(its own) own");
  REQUIRE(copy_files(tree, *pick(tree, {.source = "b"}), target, "/a", {}));
  CHECK(content("a") == "b is longer");
}

TEST_CASE("copy: a link to a directory that a file takes the place of is a way no more") {
  const Place from;
  const Place to;
  REQUIRE(::mkdirat(from.dir.get(), "d", 0755) == 0);
  from.write("d/1", "one");
  from.write("x", "x");
  REQUIRE(::mkdirat(to.dir.get(), "real", 0755) == 0);
  REQUIRE(::symlinkat("real", to.dir.get(), "way") == 0);
  REQUIRE(copy(from, "d", to, "/way/"));
  CHECK(to.read("real/1") == "one");
  from.write("way", "a file");
  REQUIRE(copy(from, "way", to, "/"));
  CHECK_FALSE(copy(from, "d", to, "/way/"));
}

TEST_CASE("copy: what is not any more what its fingerprint says is refused") {
  const Place from;
  from.write("a", "before");
  FileDigests digests;
  const Tree tree{.root = from.dir.get(), .digests = &digests};
  auto picked = pick(tree, {.source = "."});
  REQUIRE(picked);
  REQUIRE(fingerprint(tree, picked->front()));
  const sys::IdMap ids = mine();
  const auto copied = [&](store::LentContents* lent) -> Result<> {
    const Place to;
    const Target target{.root = to.dir.get(), .ids = &ids, .lent = lent};
    TRY(copy_files(tree, *picked, target, "/", {}));
    struct stat info{};
    REQUIRE(::fstatat(to.dir.get(), "a", &info, 0) == 0);
    if (lent == nullptr) return {};
    (void)TRY(lent->read(info, [](std::string_view) { return Result<>(); }));
    return {};
  };
  for (const bool is_lent : {false, true}) {
    const auto result = [&] {
      store::LentContents lent;
      return copied(is_lent ? &lent : nullptr);
    };
    from.write("a", "before");
    CHECK(result());
    for (const char* text : {"other!", "longer than before", "less", ""}) {
      from.write("a", text);
      REQUIRE_FALSE(result());
      CHECK(result().error().kind() == Kind::Unavailable);
    }
  }
  REQUIRE(::unlinkat(from.dir.get(), "a", 0) == 0);
  store::LentContents lent;
  CHECK(copied(&lent).error().kind() == Kind::Unavailable);
}

}  // namespace tare::build
