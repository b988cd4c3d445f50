// SPDX-License-Identifier: Apache-2.0
#include "oci/mount_options.h"

#include <doctest/doctest.h>
#include <linux/mount.h>

#include <algorithm>

namespace tare::oci {
namespace {

MountOptions parse(const std::vector<std::string>& options) {
  auto result = parse_mount_options(options);
  REQUIRE(result);
  return *std::move(result);
}
using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("mount options: attributes, the later one wins") {
  CHECK(parse({"nosuid", "noexec", "nodev", "ro"}).own ==
        MountAttributes{
            MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY, 0});
  CHECK(parse({"ro", "rw"}).own == MountAttributes{0, MOUNT_ATTR_RDONLY});
  CHECK(parse({"rw", "ro"}).own == MountAttributes{MOUNT_ATTR_RDONLY, 0});
  CHECK(parse({"suid", "dev", "exec", "diratime", "symfollow"}).own ==
        MountAttributes{0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
                               MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW});
  CHECK(parse({"nosymfollow", "nodiratime"}).own ==
        MountAttributes{MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NODIRATIME, 0});
  CHECK(parse({}).own == MountAttributes{});
  CHECK(parse({"defaults", "silent", "loud", "iversion", "noiversion"}).own == MountAttributes{});
}

TEST_CASE("mount options: access times are one field") {
  const auto own = [](const std::vector<std::string>& options) { return parse(options).own; };
  const std::uint64_t field = MOUNT_ATTR__ATIME;
  CHECK(own({"noatime"}) == MountAttributes{MOUNT_ATTR_NOATIME, field});
  CHECK(own({"noatime", "strictatime"}) == MountAttributes{MOUNT_ATTR_STRICTATIME, field});
  CHECK(own({"noatime", "relatime"}) == MountAttributes{0, field});
  CHECK(own({"noatime", "atime"}) == MountAttributes{0, field});
  CHECK(own({"strictatime", "atime"}) == MountAttributes{MOUNT_ATTR_STRICTATIME, field});
  CHECK(own({"strictatime", "nostrictatime"}) == MountAttributes{0, field});
  CHECK(own({"noatime", "norelatime"}) == MountAttributes{MOUNT_ATTR_NOATIME, field});
  CHECK(own({"atime"}) == MountAttributes{0, field});
  CHECK(parse({"rnoatime"}).recursive == MountAttributes{MOUNT_ATTR_NOATIME, field});
  CHECK(parse({"rnoatime", "rstrictatime"}).recursive ==
        MountAttributes{MOUNT_ATTR_STRICTATIME, field});
  CHECK(parse({"rnoatime", "ratime"}).recursive == MountAttributes{0, field});
  CHECK(parse({"rrelatime"}).recursive == MountAttributes{0, field});
}

TEST_CASE("mount options: recursive attributes") {
  const MountOptions options =
      parse({"rro", "rnosuid", "rnodev", "rnoexec", "rnosymfollow", "rnodiratime"});
  CHECK(options.own == MountAttributes{});
  CHECK(options.recursive ==
        MountAttributes{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                            MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NODIRATIME,
                        0});
  CHECK(parse({"rrw", "rsuid", "rdev", "rexec", "rsymfollow", "rdiratime"}).recursive ==
        MountAttributes{0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                               MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NODIRATIME});
  // The mount alone may differ from what is below it, but only by a later word.
  const MountOptions writable = parse({"rro", "rw"});
  CHECK(writable.recursive == MountAttributes{MOUNT_ATTR_RDONLY, 0});
  CHECK(writable.own == MountAttributes{0, MOUNT_ATTR_RDONLY});
  const MountOptions readonly = parse({"rw", "nosuid", "rro"});
  CHECK(readonly.recursive == MountAttributes{MOUNT_ATTR_RDONLY, 0});
  CHECK(readonly.own == MountAttributes{MOUNT_ATTR_NOSUID, 0});
  CHECK(parse({"noatime", "rstrictatime"}).own == MountAttributes{});
}

TEST_CASE("mount options: binds, id maps, propagation and our own words") {
  CHECK_FALSE(parse({"ro"}).bind);
  CHECK(parse({"bind"}).bind);
  CHECK_FALSE(parse({"bind"}).bind_recursive);
  CHECK(parse({"rbind"}).bind);
  CHECK(parse({"bind", "rbind"}).bind_recursive);
  CHECK(parse({"idmap"}).idmap == IdMap::Mount);
  CHECK(parse({"idmap", "ridmap"}).idmap == IdMap::Recursive);
  CHECK(parse({}).idmap == IdMap::None);
  CHECK(parse({"tmpcopyup"}).tmpcopyup);
  CHECK(parse({"remount"}).remount);
  CHECK(parse({"rslave", "shared"}).propagation ==
        std::vector<MountPropagation>{{Propagation::Slave, true}, {Propagation::Shared, false}});
  CHECK(parse({"private", "runbindable"}).propagation ==
        std::vector<MountPropagation>{{Propagation::Private, false},
                                      {Propagation::Unbindable, true}});
}

TEST_CASE("mount options: the file system gets the rest, in order") {
  CHECK(parse({"mode=755", "ro", "size=65536k", "newinstance"}).superblock ==
        Pairs{{"mode", "755"}, {"size", "65536k"}, {"newinstance", ""}});
  CHECK(parse({"sync", "dirsync", "lazytime", "mand"}).superblock ==
        Pairs{{"sync", ""}, {"dirsync", ""}, {"lazytime", ""}, {"mand", ""}});
  CHECK(parse({"sync", "lazytime", "async", "nolazytime"}).superblock ==
        Pairs{{"async", ""}, {"nolazytime", ""}});
  CHECK(parse({"mode=755,size=1m", "a=b=c", "k="}).superblock ==
        Pairs{{"mode", "755"}, {"size", "1m"}, {"a", "b=c"}, {"k", ""}});
  CHECK(parse({R"(context="system_u:object_r:t:s0:c1,c2")", R"(lowerdir=/a\,b:/c)"}).superblock ==
        Pairs{{"context", "system_u:object_r:t:s0:c1,c2"}, {"lowerdir", R"(/a\,b:/c)"}});
  CHECK(parse({R"(x="a,b")"}).superblock == Pairs{{"x", R"("a,b")"}});
  CHECK(parse({"x-mount.mkdir", "X-y", "nofail", "auto", "_netdev", "comment=x", ""})
            .superblock.empty());
  CHECK(parse({R"(end\)"}).superblock == Pairs{{R"(end\)", ""}});
  const std::vector<std::string> nameless = {"=755"};
  REQUIRE_FALSE(parse_mount_options(nameless));
  CHECK(parse_mount_options(nameless).error().message() == "the mount option '=755' has no name");
}

TEST_CASE("mount options: all of the specification's are known") {
  const std::vector<std::string> known = known_mount_options();
  CHECK(std::ranges::is_sorted(known));
  for (const char* name :
       {"async",          "atime",      "bind",         "defaults",    "dev",
        "diratime",       "dirsync",    "exec",         "iversion",    "lazytime",
        "loud",           "mand",       "noatime",      "nodev",       "nodiratime",
        "noexec",         "noiversion", "nolazytime",   "nomand",      "norelatime",
        "nostrictatime",  "nosuid",     "nosymfollow",  "private",     "ratime",
        "rbind",          "rdev",       "rdiratime",    "relatime",    "rexec",
        "rnoatime",       "rnodev",     "rnodiratime",  "rnoexec",     "rnorelatime",
        "rnostrictatime", "rnosuid",    "rnosymfollow", "ro",          "rprivate",
        "rrelatime",      "rro",        "rrw",          "rshared",     "rslave",
        "rstrictatime",   "rsuid",      "rsymfollow",   "runbindable", "rw",
        "shared",         "silent",     "slave",        "strictatime", "suid",
        "symfollow",      "sync",       "tmpcopyup",    "unbindable",  "idmap",
        "ridmap"}) {
    CAPTURE(name);
    CHECK(std::ranges::find(known, name) != known.end());
  }
  // Understood so that it can be refused by name.
  CHECK(std::ranges::find(known, "remount") == known.end());
  for (const std::string& name : known) {
    CAPTURE(name);
    const MountOptions options = parse({name});
    // No known option is taken for one of the file system's.
    for (const auto& [key, value] : options.superblock)
      CHECK(std::ranges::find(known, key) != known.end());
  }
}

}  // namespace
}  // namespace tare::oci
