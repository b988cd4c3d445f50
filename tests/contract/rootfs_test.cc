// SPDX-License-Identifier: Apache-2.0
// What every rootfs backend has to do. One suite, run for each of them.
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <algorithm>

#include "store/erofs_backend.h"
#include "store/layers.h"
#include "store/tree_backend.h"
#include "support/images.h"

namespace tare::store {
namespace {

using namespace testing;

struct Backend {
  const char* name;
  std::unique_ptr<RootfsBackend> (*make)(Store&);
  Result<> (*try_it)(Store&);
};

template <auto kForm>
std::unique_ptr<RootfsBackend> make_tree_backend(Store& store) {
  return std::make_unique<TreeBackend>(store, kForm);
}
template <auto kSource>
std::unique_ptr<RootfsBackend> make_erofs_backend(Store& store) {
  return std::make_unique<ErofsBackend>(store, kSource);
}
template <auto kSource>
Result<> try_erofs(Store& store) {
  return ErofsBackend(store, kSource).try_it();
}
Result<> try_redirect(Store& store) {
  return TreeBackend(store, TreeBackend::Form::Redirect).try_it();
}
Result<> try_nothing(Store& /*store*/) { return {}; }

const Backend kAll[] = {
    {"flat", make_tree_backend<TreeBackend::Form::Flat>, try_nothing},
    {"flat, shifted", make_tree_backend<TreeBackend::Form::FlatShifted>, try_nothing},
    {"redirect", make_tree_backend<TreeBackend::Form::Redirect>, try_redirect},
    {"erofs", make_erofs_backend<ErofsBackend::Source::File>,
     try_erofs<ErofsBackend::Source::File>},
    {"erofs-loop", make_erofs_backend<ErofsBackend::Source::Loop>,
     try_erofs<ErofsBackend::Source::Loop>},
};

// Each that the kernel and our rights allow; what is missing is said.
const std::vector<Backend>& working() {
  static const std::vector<Backend> backends = [] {
    std::vector<Backend> out;
    for (const Backend& backend : kAll) {
      TempStore temp;
      const Result<> tried = backend.try_it(temp.store);
      if (tried)
        out.push_back(backend);
      else
        MESSAGE("skipped: backend " << backend.name << ": " << tried.error().message());
    }
    return out;
  }();
  return backends;
}

struct Fixture {
  TempStore temp;
  std::unique_ptr<RootfsBackend> backend;
  sys::IdMap ids = container_ids();
  sys::Fd container;

  explicit Fixture(const Backend& kind) : backend(kind.make(temp.store)) {
    REQUIRE(::mkdirat(temp.store.dir(), "containers/one", 0700) == 0);
    container = must(sys::open_at(temp.store.dir(), "containers/one", O_RDONLY | O_DIRECTORY));
  }
  std::vector<Layer> layers;  // Of the image.
  Layer layer(const std::string& blob, const std::string& tar) {
    codec::StringSource source(blob);
    return Layer{.blob = must(temp.store.put_blob(source, Digest(), Store::kAnySize)).digest,
                 .diff_id = codec::sha256(tar)};
  }
  Layer layer(const std::string& tar) { return layer(tar, tar); }
  sys::Fd mount(const Digest& image, bool read_only) {
    return must(backend->mount(image, layers, ids, container.get(), read_only));
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
  for (const Backend& kind : working()) {
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
  Fixture f(kAll[0]);
  must(f.backend->prepare(kImage, {f.layer(base_layer())}, f.ids, {}));
  const std::string known = must(sys::load_file(f.temp.store.dir(), "rootfs/idmap"));
  CHECK(known.starts_with(sys::boot_id() + " "));
  // A remembered "no" is believed: the tree is then shifted, and has the map in its name.
  {
    const sys::Fd rootfs = must(sys::open_at(f.temp.store.dir(), "rootfs", O_RDONLY | O_DIRECTORY));
    must(sys::replace_file(rootfs.get(), "idmap", sys::boot_id() + " no"));
  }
  must(kAll[0].make(f.temp.store)->prepare(kImage, {f.layer(base_layer())}, f.ids, {}));
  const auto trees = must(sys::list_directory(f.temp.store.dir(), "rootfs/flat"));
  CHECK(std::ranges::count_if(trees, [](const std::string& name) {
          return name.starts_with(kImage.hex() + "-");
        }) == 1);
}

TEST_CASE("rootfs: writes stay with the container, across mounts") {
  if (!may_unpack()) return;
  for (const Backend& kind : working()) {
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
  for (const Backend& kind : working()) {
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
  for (const Backend& kind : working()) {
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
  for (const Backend& kind : working()) {
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
    CHECK(f.backend->mount(kImage, {}, f.ids, f.container.get(), false).error().kind() ==
          Kind::NotFound);
  }
}

TEST_CASE("rootfs: prepared by several processes at once") {
  if (!may_unpack()) return;
  for (const Backend& kind : working()) {
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
  for (const Backend& kind : working()) {
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

// An entry of a tar beside the same file of a mount.
void compare(int root, const tar::Entry& entry, const std::string& content, std::uint32_t first_id,
             bool has_devices) {
  CAPTURE(entry.name);
  struct stat info{};
  const bool device = entry.type == tar::Type::CharDevice || entry.type == tar::Type::BlockDevice;
  const bool there = ::fstatat(root, entry.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
  if (device && !has_devices) {
    CHECK(!there);
    return;
  }
  REQUIRE(there);
  if (entry.type != tar::Type::Symlink) CHECK((info.st_mode & 07777) == entry.mode);
  CHECK(info.st_uid == first_id + entry.uid);
  CHECK(info.st_gid == first_id + entry.gid);
  CHECK(info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec == entry.mtime);
  if (device) CHECK(info.st_rdev == makedev(entry.device_major, entry.device_minor));
  if (entry.type == tar::Type::Symlink) {
    char link[5000];
    const ssize_t size = ::readlinkat(root, entry.name.c_str(), link, sizeof link);
    CHECK(std::string(link, static_cast<std::size_t>(std::max<ssize_t>(size, 0))) == entry.link);
  }
  if (entry.type != tar::Type::Regular) return;
  const sys::Fd file = must(sys::open_at(root, entry.name, O_RDONLY));
  CHECK(must(sys::read_all(file.get(), 64 << 20)) == content);
  for (const auto& [name, value] : entry.xattrs) {
    char found[256];
    const ssize_t size = ::fgetxattr(file.get(), name.c_str(), found, sizeof found);
    CHECK(std::string(found, static_cast<std::size_t>(std::max<ssize_t>(size, 0))) == value);
  }
}

TEST_CASE("rootfs: every entry is what the tar says") {
  if (!may_unpack()) return;
  std::vector<std::pair<tar::Entry, std::string>> wanted;
  const auto add = [&](tar::Entry e, const std::string& content = "") {
    e.size = content.size();
    e.mtime += static_cast<UnixNanos>(wanted.size()) * 1'000'000'001;
    wanted.emplace_back(std::move(e), content);
  };
  add(entry("d", tar::Type::Directory, 01777));
  for (const std::size_t size : {0u, 1u, 4095u, 4096u, 4097u, 16384u, 16385u, 3u << 20}) {
    tar::Entry file = entry("d/file" + std::to_string(size), tar::Type::Regular, 06755);
    file.uid = 65533;
    file.gid = 33;
    add(file, std::string(size, static_cast<char>('a' + size % 26)));
  }
  tar::Entry noted = entry("d/noted", tar::Type::Regular, 0);
  noted.xattrs = {{"user.one", "1"}, {"user.two", std::string("a\0b", 3)}};
  add(noted, "x");
  tar::Entry old = entry("d/old", tar::Type::Regular);
  old.mtime = -1'500'000'000;
  wanted.emplace_back(old, "");
  for (const std::size_t length : {1u, 100u, 3900u, 4030u, 4090u}) {
    tar::Entry link = entry("d/link" + std::to_string(length), tar::Type::Symlink, 0777);
    link.link = std::string(length, 'l');
    add(link);
  }
  add(entry("d/fifo", tar::Type::Fifo, 0620));
  tar::Entry disk = entry("d/disk", tar::Type::BlockDevice, 0660);
  disk.device_major = 259;
  disk.device_minor = 70000;
  add(disk);
  add(entry("many", tar::Type::Directory));
  for (int i = 0; i < 1000; ++i)
    add(entry("many/with-a-rather-long-name-" + std::to_string(i), tar::Type::Regular),
        std::to_string(i));
  Tar tar;
  tar::Entry whiteout_like = entry("d/zero", tar::Type::CharDevice, 0666);
  for (const auto& [e, content] : wanted) {
    // Directories' own times hold although entries come after them.
    if (e.type == tar::Type::Regular)
      tar.file(e, content);
    else
      tar.add(e);
  }
  tar.hard_link("d/again", "d/file4097").add(whiteout_like);
  const std::string bytes = tar.bytes();
  for (const Backend& kind : working()) {
    CAPTURE(std::string(kind.name));
    Fixture f(kind);
    f.layers = {f.layer(bytes)};
    must(f.backend->prepare(kImage, f.layers, f.ids, {}));
    must(f.backend->verify(kImage, f.layers));
    for (const bool read_only : {true, false}) {
      const sys::Fd root = f.mount(kImage, read_only);
      const bool has_devices = std::string_view(kind.name).starts_with("erofs");
      for (const auto& [e, content] : wanted)
        compare(root.get(), e, content, first_ids(), has_devices);
      CHECK(stat_at(root.get(), "d/again").st_ino == stat_at(root.get(), "d/file4097").st_ino);
      CHECK(stat_at(root.get(), "d/again").st_nlink == 2);
      CHECK(::faccessat(root.get(), "d/zero", F_OK, AT_SYMLINK_NOFOLLOW) != 0);
      CHECK(must(sys::list_directory(root.get(), "many")).size() == 1000);
    }
  }
}

// SECURITY: before anybody sees a file of an image, what it is made of was looked at.
TEST_CASE("erofs: what was changed, cut or swapped on disk is found before it is mounted") {
  if (!may_unpack()) return;
  const auto erofs = std::ranges::find_if(
      working(), [](const Backend& kind) { return kind.name == std::string_view("erofs"); });
  if (erofs == working().end()) return;
  const std::string tar = Tar().file("f", std::string(10'000, 'f')).bytes();
  const std::string pack = "layers/" + codec::sha256(tar).hex() + ".pack";
  const std::string image = "rootfs/erofs/" + kImage.hex() + ".erofs";
  const auto write = [](Fixture& f, const std::string& path, off_t at, const char* bytes) {
    const sys::Fd file = must(sys::open_at(f.temp.store.dir(), path, O_RDWR));
    REQUIRE(::pwrite(file.get(), bytes, 1, at) == 1);
  };
  const auto attempt = [&](const char* what, const auto& damage, bool right) {
    CAPTURE(what);
    Fixture f(*erofs);
    f.layers = {f.layer(tar)};
    must(f.backend->prepare(kImage, f.layers, f.ids, {}));
    (void)f.mount(kImage, true);
    damage(f);
    const auto mounted = f.backend->mount(kImage, f.layers, f.ids, f.container.get(), true);
    CHECK(mounted.has_value() == right);
    if (!mounted) CHECK(mounted.error().kind() == Kind::Corrupt);
    // Nobody is fooled the second time, either.
    CHECK(f.backend->mount(kImage, f.layers, f.ids, f.container.get(), true).has_value() == right);
  };
  attempt("a byte of a file", [&](Fixture& f) { write(f, pack, 5000, "x"); }, false);
  attempt("a byte of the metadata", [&](Fixture& f) { write(f, image, 4100, "x"); }, false);
  attempt(
      "cut",
      [&](Fixture& f) {
        REQUIRE(::truncate((f.temp.store.path() + "/" + pack).c_str(), 4096) == 0);
      },
      false);
  attempt(
      "swapped",
      [&](Fixture& f) {
        const sys::Fd layers =
            must(sys::open_at(f.temp.store.dir(), "layers", O_RDONLY | O_DIRECTORY));
        must(sys::replace_file(layers.get(), codec::sha256(tar).hex() + ".pack",
                               std::string(12'288, 'g')));
      },
      false);
  attempt("written again as it was", [&](Fixture& f) { write(f, pack, 5000, "f"); }, true);
  attempt(
      "without seals",
      [&](Fixture& f) {
        REQUIRE(::unlinkat(f.temp.store.dir(), ("rootfs/erofs/" + kImage.hex() + ".seals").c_str(),
                           0) == 0);
      },
      true);
}

}  // namespace
}  // namespace tare::store
