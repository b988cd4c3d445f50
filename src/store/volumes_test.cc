// SPDX-License-Identifier: Apache-2.0
#include "store/volumes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "support/images.h"
#include "sys/files.h"

namespace tare::store {
namespace {

using namespace testing;

Volume volume_named(const std::string& name) {
  return {.name = name,
          .created = 1'700'000'000'000'000'001,
          .labels = {{"a", "b=c"}, {"odd", "\n\x1b"}},
          .options = {{"type", "none"}},
          .ids = VolumeIds::Container,
          .container = std::string(64, 'c')};
}

TEST_CASE("volumes: names") {
  for (const char* good : {"ab", "a.b", "A-1_x", "0a"}) CHECK(check_volume_name(good));
  for (const char* bad : {"", "a", ".", "..", ".a", "-a", "_a", "a/b", "a b", "a\n", "a:b"})
    CHECK_FALSE(check_volume_name(bad));
  CHECK(check_volume_name(std::string(128, 'a')));
  CHECK_FALSE(check_volume_name(std::string(129, 'a')));
}

TEST_CASE("volumes: options of the driver") {
  using Options = std::map<std::string, std::string>;
  CHECK(check_volume_options({}));
  CHECK(check_volume_options(Options{{"type", "none"}, {"o", "bind,ro"}, {"device", "/a"}}));
  for (const Options& bad :
       {Options{{"type", "none"}, {"device", "/a"}},
        Options{{"type", "tmpfs"}, {"device", "tmpfs"}},
        Options{{"type", "nfs"}, {"o", "bind"}, {"device", "/a"}},
        Options{{"o", "bind"}, {"device", "a"}}, Options{{"o", "bind,suid"}, {"device", "/a"}},
        Options{{"colour", "red"}}})
    CHECK_FALSE(check_volume_options(bad));
}

TEST_CASE("volumes: a record goes out and comes back") {
  const Volume volume = volume_named("data");
  CHECK(must(parse_volume(print_volume(volume))) == volume);
  for (const char* bad :
       {"", "{}", "{\"version\":2,\"name\":\"data\"}", "{\"version\":1,\"name\":\"../x\"}"})
    CHECK_FALSE(parse_volume(bad));
}

TEST_CASE("volumes: made once, removed into the bin and brought back") {
  TempStore t;
  must(create_volume(t.store, volume_named("data"), {}));
  CHECK(create_volume(t.store, volume_named("data"), {}).error().kind() == Kind::Exists);
  CHECK(must(load_volume(t.store, "data")) == volume_named("data"));
  CHECK(load_volume(t.store, "../data").error().kind() == Kind::NotFound);
  CHECK(must(is_volume_empty(t.store, "data")));
  CHECK(must(sys::list_directory(t.store.dir(), "tmp")).empty());
  must(put_volume_in_bin(t.store, "data", "batch"));
  CHECK_FALSE(has_volume(t.store, "data"));
  must(create_volume(t.store, volume_named("data"), {}));
  const auto binned = must(list_binned_volumes(t.store));
  REQUIRE(binned.size() == 1);
  CHECK(binned[0].batch == "batch");
  CHECK(binned[0].removed_at > 0);
  CHECK(restore_volume(t.store, binned[0], "").error().kind() == Kind::Exists);
  CHECK_FALSE(restore_volume(t.store, binned[0], "../x"));
  must(restore_volume(t.store, binned[0], "other"));
  CHECK(must(load_volume(t.store, "other")).name == "other");
  CHECK(must(list_volumes(t.store)).size() == 2);
  CHECK(must(list_binned_volumes(t.store)).empty());
}

TEST_CASE("volumes: first content replaces an empty directory and no other") {
  TempStore t;
  must(create_volume(t.store, volume_named("data"), {}));
  const auto content = [&](const char* name) {
    Store::Scratch scratch = must(t.store.make_scratch());
    REQUIRE(::mkdirat(scratch.dir.get(), "_data", 0755) == 0);
    const sys::Fd dir = must(sys::open_at(scratch.dir.get(), "_data", O_RDONLY | O_DIRECTORY));
    must(sys::replace_file(dir.get(), name, "x"));
    return scratch;
  };
  must(adopt_volume_content(t.store, content("first"), "data"));
  must(adopt_volume_content(t.store, content("second"), "data"));
  CHECK(must(sys::list_directory(t.store.dir(), volume_data_path("data"))) ==
        std::vector<std::string>{"first"});
}

}  // namespace
}  // namespace tare::store
