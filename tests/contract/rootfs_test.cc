// SPDX-License-Identifier: Apache-2.0
// What every rootfs backend has to do. One suite, run for each of them.
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>

#include "store/flat.h"
#include "support/images.h"

namespace tare::store {
namespace {

using namespace testing;

struct Backend {
  const char* name;
  std::unique_ptr<RootfsBackend> (*make)(Store&);
};

const Backend kBackends[] = {
    {"flat", [](Store& store) { return make_flat_backend(store); }},
    {"flat, shifted",
     [](Store& store) -> std::unique_ptr<RootfsBackend> {
       return std::make_unique<FlatBackend>(store, true);
     }},
};

struct Fixture {
  TempStore temp;
  std::unique_ptr<RootfsBackend> backend;
  sys::IdMap ids = container_ids();
  sys::Fd container;

  explicit Fixture(const Backend& kind) : backend(kind.make(temp.store)) {
    REQUIRE(::mkdirat(temp.store.dir(), "containers/one", 0700) == 0);
    container = must(sys::open_at(temp.store.dir(), "containers/one", O_RDONLY | O_DIRECTORY));
  }
  Layer layer(const std::string& blob, const std::string& tar) {
    codec::StringSource source(blob);
    return Layer{.blob = must(temp.store.put_blob(source, Digest(), Store::kAnySize)).digest,
                 .diff_id = codec::sha256(tar)};
  }
  Layer layer(const std::string& tar) { return layer(tar, tar); }
  sys::Fd mount(const Digest& image, bool read_only) {
    return must(backend->mount(image, ids, container.get(), read_only));
  }
  std::size_t garbage() {
    return must(sys::list_directory(temp.store.dir(), "tmp")).size() +
           must(sys::list_directory(temp.store.dir(), "trash")).size();
  }
};

std::string base_layer() {
  tar::Entry home = entry("home/user", tar::Type::Directory, 0700);
  home.uid = home.gid = 1000;
  return Tar()
      .dir("./", 0751)
      .dir("etc")
      .file("etc/motd", "hello\n")
      .file("bin/su", "x", 04755)
      .add(home)
      .bytes();
}

struct stat stat_at(int dir, const char* path) {
  struct stat info{};
  if (::fstatat(dir, path, &info, AT_SYMLINK_NOFOLLOW) != 0) FAIL("no " << path);
  return info;
}

const Digest kImage = codec::sha256("an image");

TEST_CASE("rootfs: shows the image with the container's ids") {
  if (!may_unpack()) return;
  for (const Backend& kind : kBackends) {
    CAPTURE(std::string(kind.name));
    Fixture f(kind);
    must(f.backend->prepare(kImage, {f.layer(base_layer())}, f.ids, {}));
    for (const bool read_only : {true, false}) {
      CAPTURE(read_only);
      const sys::Fd root = f.mount(kImage, read_only);
      CHECK(stat_at(root.get(), "etc/motd").st_uid == first_ids());
      CHECK(stat_at(root.get(), "home/user").st_uid == first_ids() + 1000);
      CHECK((stat_at(root.get(), "bin/su").st_mode & 07777) == 04755);
      CHECK((stat_at(root.get(), ".").st_mode & 07777) == 0751);
      CHECK(stat_at(root.get(), ".").st_uid == first_ids());
      const auto written = sys::open_at(root.get(), "etc/new", O_WRONLY | O_CREAT, 0644);
      CHECK(written.has_value() == !read_only);
      if (read_only) CHECK(written.error().errnum() == EROFS);
    }
  }
}

TEST_CASE("flat remembers for this boot whether mounts can be id-mapped") {
  if (!may_unpack() || !sys::in_initial_user_namespace()) return;
  Fixture f(kBackends[0]);
  must(f.backend->prepare(kImage, {f.layer(base_layer())}, f.ids, {}));
  const std::string known = must(sys::load_file(f.temp.store.dir(), "rootfs/idmap"));
  CHECK(known.starts_with(sys::boot_id() + " "));
  // A remembered "no" is believed: the tree is then shifted, and has the map in its name.
  {
    const sys::Fd rootfs = must(sys::open_at(f.temp.store.dir(), "rootfs", O_RDONLY | O_DIRECTORY));
    must(sys::replace_file(rootfs.get(), "idmap", sys::boot_id() + " no"));
  }
  must(make_flat_backend(f.temp.store)->prepare(kImage, {f.layer(base_layer())}, f.ids, {}));
  const auto trees = must(sys::list_directory(f.temp.store.dir(), "rootfs/flat"));
  CHECK(std::ranges::count_if(trees, [](const std::string& name) {
          return name.starts_with(kImage.hex() + "-");
        }) == 1);
}

TEST_CASE("rootfs: writes stay with the container, across mounts") {
  if (!may_unpack()) return;
  for (const Backend& kind : kBackends) {
    CAPTURE(std::string(kind.name));
    Fixture f(kind);
    must(f.backend->prepare(kImage, {f.layer(base_layer())}, f.ids, {}));
    {
      const sys::Fd root = f.mount(kImage, false);
      must(sys::replace_file(root.get(), "written", "by one"));
      const sys::Fd motd = must(sys::open_at(root.get(), "etc/motd", O_WRONLY | O_TRUNC));
      must(sys::write_all(motd.get(), "changed"));
      REQUIRE(::unlinkat(root.get(), "bin/su", 0) == 0);
    }
    const sys::Fd again = f.mount(kImage, false);
    CHECK(must(sys::load_file(again.get(), "written")) == "by one");
    CHECK(must(sys::load_file(again.get(), "etc/motd")) == "changed");
    CHECK(stat_at(again.get(), "etc/motd").st_uid == first_ids());
    CHECK(::faccessat(again.get(), "bin/su", F_OK, 0) != 0);
    const sys::Fd clean = f.mount(kImage, true);
    CHECK(must(sys::load_file(clean.get(), "etc/motd")) == "hello\n");
  }
}

TEST_CASE("rootfs: another id range sees its own ids") {
  if (!may_unpack()) return;
  for (const Backend& kind : kBackends) {
    CAPTURE(std::string(kind.name));
    Fixture f(kind);
    const std::vector<Layer> layers = {f.layer(base_layer())};
    must(f.backend->prepare(kImage, layers, f.ids, {}));
    f.ids = container_ids(other_ids());
    must(f.backend->prepare(kImage, layers, f.ids, {}));
    const sys::Fd root = f.mount(kImage, false);
    CHECK(stat_at(root.get(), "home/user").st_uid == other_ids() + 1000);
  }
}

TEST_CASE("rootfs: layers, compressed or not, one over the other") {
  if (!may_unpack()) return;
  for (const Backend& kind : kBackends) {
    CAPTURE(std::string(kind.name));
    Fixture f(kind);
    const std::string upper = Tar().file("etc/.wh.motd").file("etc/issue", "two").bytes();
    must(f.backend->prepare(
        kImage,
        {f.layer(compressed(codec::Compression::Gzip, base_layer()), base_layer()),
         f.layer(compressed(codec::Compression::Zstd, upper), upper)},
        f.ids, {}));
    const sys::Fd root = f.mount(kImage, true);
    CHECK(must(sys::list_directory(root.get(), "etc")) == std::vector<std::string>{"issue"});
    CHECK(must(f.backend->disk_usage(kImage)) > 0);
  }
}

TEST_CASE("rootfs: refuses what is wrong and leaves nothing") {
  if (!may_unpack()) return;
  for (const Backend& kind : kBackends) {
    CAPTURE(std::string(kind.name));
    Fixture f(kind);
    Layer lying = f.layer(base_layer());
    lying.diff_id = codec::sha256("something else");
    tar::Entry far = entry("far", tar::Type::Regular);
    far.uid = 70000;
    const std::vector<std::pair<Layer, const char*>> bad = {
        {lying, "digest"},
        {f.layer(Tar().file("a/../../evil").bytes()), "'a/../../evil'"},
        {f.layer(Tar().add(far).bytes()), "user id 70000"},
        {f.layer(Tar().hard_link("x", "/etc/passwd").bytes()), "etc/passwd"},
        {f.layer("no tar at all"), "layer 1 of 1"},
        {f.layer(base_layer().substr(0, 1000), base_layer()), "layer 1 of 1"},
    };
    for (const auto& [layer, words] : bad) {
      CAPTURE(std::string(words));
      const auto done = f.backend->prepare(kImage, {layer}, f.ids, {});
      REQUIRE(!done);
      CHECK(done.error().message().find(words) != std::string::npos);
      CHECK(f.garbage() == 0);
      CHECK(must(f.backend->prepared()).empty());
    }
    CHECK(f.backend->mount(kImage, f.ids, f.container.get(), false).error().kind() ==
          Kind::NotFound);
  }
}

TEST_CASE("rootfs: prepared by several processes at once") {
  if (!may_unpack()) return;
  for (const Backend& kind : kBackends) {
    CAPTURE(std::string(kind.name));
    Fixture f(kind);
    const std::vector<Layer> layers = {f.layer(base_layer())};
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      const pid_t child = ::fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        const bool done = f.backend->prepare(kImage, layers, f.ids, {}).has_value();
        ::_exit(done ? 0 : 1);
      }
      children.push_back(child);
    }
    for (const pid_t child : children) {
      int status = 0;
      REQUIRE(::waitpid(child, &status, 0) == child);
      CHECK(status == 0);
    }
    CHECK(must(f.backend->prepared()).size() == 1);
    CHECK(f.garbage() == 0);
    CHECK(must(sys::load_file(f.mount(kImage, true).get(), "etc/motd")) == "hello\n");
  }
}

TEST_CASE("rootfs: remove takes everything, twice is fine") {
  if (!may_unpack()) return;
  for (const Backend& kind : kBackends) {
    CAPTURE(std::string(kind.name));
    Fixture f(kind);
    must(f.backend->prepare(kImage, {f.layer(base_layer())}, f.ids, {}));
    must(f.backend->remove(kImage));
    must(f.backend->remove(kImage));
    CHECK(must(f.backend->prepared()).empty());
    CHECK(must(f.backend->disk_usage(kImage)) == 0);
    CHECK(f.garbage() == 0);
  }
}

}  // namespace
}  // namespace tare::store
