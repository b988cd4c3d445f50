// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "trust/packages.h"
#include "trust/rpm_database.h"
#include "trust/rpm_header.h"
#include "trust/rpm_samples.h"

using namespace tare;
using namespace tare::trust;

namespace {

constexpr const char* kPlace = "/var/lib/rpm/Packages";

struct Told {
  std::string purls;
  std::string files;
  bool is_whole = false;
};

Told read(std::string_view database) {
  Told told;
  const RpmPackages read = read_rpm(kPlace, database, {.id = "rhel", .version = "9"},
                                    [&](const std::string& path, const Package& each) {
                                      told.files += path + "=" + each.name + " ";
                                    });
  for (const Package& each : read.packages) told.purls += each.purl() + " ";
  told.is_whole = read.is_whole;
  return told;
}

std::string corpus(const char* name) {
  std::ifstream stream(std::string(TARE_FUZZ_CORPUS) + "/rpm/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

constexpr const char* kTool = "pkg:rpm/rhel/tool@1.5-3.el9?arch=x86_64&epoch=2 ";

}  // namespace

TEST_CASE("rpm: which files are databases") {
  for (const char* path : {"/var/lib/rpm/Packages", "/usr/lib/sysimage/rpm/rpmdb.sqlite",
                           "/usr/lib/sysimage/rpm/Packages.db", "/usr/share/rpm/rpmdb.sqlite"})
    CHECK_MESSAGE(is_rpm_database(path), path);
  for (const char* path : {"/var/lib/rpm/Basenames", "/srv/Packages", "Packages",
                           "/var/lib/rpm/old/Packages", "/var/lib/rpm/rpmdb.sqlite-wal"})
    CHECK_MESSAGE(!is_rpm_database(path), path);
}

TEST_CASE("rpm: what a header tells") {
  const RpmPackages one =
      read_rpm(kPlace, samples::ndb({samples::header("tool")}), {.id = "rhel", .version = "9"});
  REQUIRE(one.packages.size() == 1);
  const Package& tool = one.packages[0];
  CHECK(tool.version == "1.5-3.el9");
  CHECK(tool.epoch == "2");
  CHECK(tool.source == "tools");
  CHECK(tool.vendor == "Example");
  CHECK(tool.license == "MIT");
  CHECK(tool.place == kPlace);
}

TEST_CASE("rpm: all kinds of databases give the same") {
  const std::string tool = samples::header("tool");
  const std::string key = samples::header("gpg-pubkey");
  const std::string large = samples::Header()
                                .text(1000, "big")
                                .text(1001, "1")
                                .text(9999, std::string(5000, 'x'))
                                .bytes();
  const Told ndb = read(samples::ndb({tool, key, large}));
  CHECK(ndb.purls == std::string(kTool) + "pkg:rpm/rhel/big@1 ");
  CHECK(ndb.files == "/usr/bin/tool=tool ");
  CHECK(ndb.is_whole);
  for (const bool big : {false, true}) {
    const Told hash = read(samples::hash(tool, large, big));
    CHECK(hash.purls == ndb.purls);
    CHECK(hash.files == ndb.files);
    CHECK(hash.is_whole);
  }
}

TEST_CASE("rpm: databases that sqlite3 and db_load made") {
  // 60 packages with names by number, some larger than a page.
  for (const char* name : {"sqlite", "hash"}) {
    CAPTURE(name);
    const std::string database = corpus(name);
    REQUIRE(!database.empty());
    const RpmPackages read = read_rpm(kPlace, database, {});
    CHECK(read.is_whole);
    CHECK(read.packages.size() == 60);
    bool has_last = false;
    for (const Package& each : read.packages)
      has_last = has_last || each.purl() == "pkg:rpm/p59@1.59-1?arch=noarch";
    CHECK(has_last);
  }
}

TEST_CASE("rpm: what is damaged says so, and costs no more") {
  const std::string tool = samples::header("tool");
  CHECK_FALSE(read("").is_whole);
  CHECK_FALSE(read("RpmP").is_whole);
  CHECK_FALSE(read(std::string(100'000, 'x')).is_whole);
  CHECK_FALSE(read(std::string("SQLite format 3\0", 16)).is_whole);
  const std::string ndb = samples::ndb({tool, tool});
  CHECK_FALSE(read(ndb.substr(0, ndb.size() - 16)).is_whole);
  // Two slots with the same blob; a blob that claims to be longer than its room.
  std::string same = ndb;
  same.replace(48 + 4, 12, same.substr(32 + 4, 12));
  for (std::size_t at = 64; at + 16 <= 4096; at += 16) same.replace(at, 16, same.substr(32, 16));
  CHECK_FALSE(read(same).is_whole);
  std::string longer = ndb;
  longer.replace(4096 + 12, 4, samples::le32(0xffffffff));
  CHECK_FALSE(read(longer).is_whole);
  // A chain of pages that leads to itself, or out of the file.
  const std::string hash = samples::hash(tool, std::string(5000, 'x'));
  for (const std::uint32_t next : {2U, 3U, 0x7fffffffU}) {
    std::string circle = hash;
    circle.replace(3 * 1024 + 16, 4, samples::le32(next));
    CHECK_FALSE(read(circle).is_whole);
  }
  for (const char* name : {"sqlite", "hash"})
    for (std::size_t size = 0; size < corpus(name).size(); size += 512)
      CHECK_FALSE(read(corpus(name).substr(0, size)).is_whole);
}

TEST_CASE("rpm: headers that lie") {
  const std::string good = samples::header("tool");
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK_FALSE(RpmHeader::parse(std::string_view(good).substr(0, size)));
  // Texts without an end, and of another type.
  const auto endless = samples::be32(1) + samples::be32(4) + samples::be32(1000) +
                       samples::be32(6) + samples::be32(0) + samples::be32(1) + "abcd";
  REQUIRE(RpmHeader::parse(endless));
  CHECK(RpmHeader::parse(endless)->text(RpmHeader::Tag::Name).empty());
  CHECK(RpmHeader::parse(endless)->texts(RpmHeader::Tag::Name).empty());
  const std::string numbers = samples::Header().numbers(1000, {1}).text(1003, "x").bytes();
  CHECK(RpmHeader::parse(numbers)->text(RpmHeader::Tag::Name).empty());
  CHECK(RpmHeader::parse(numbers)->numbers(RpmHeader::Tag::Epoch).empty());
  // Paths that are none.
  const std::string paths =
      samples::Header()
          .text(1000, "p")
          .numbers(1116, {0, 1, 2})
          .text(1117, std::vector<std::string>{"a", "b", "c"})
          .text(1118, std::vector<std::string>{"etc/", std::string(5000, '/')})
          .bytes();
  CHECK(read(samples::ndb({paths})).files.empty());
}
