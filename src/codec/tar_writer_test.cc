// SPDX-License-Identifier: Apache-2.0
// The writer, byte by byte: images are identified by the hash of what it writes.
#include <doctest/doctest.h>

#include "codec/sha256.h"
#include "codec/tar.h"
#include "codec/tar_block.h"

using namespace tare;
using tar::Entry;
using tar::Type;

namespace {

std::string zeros(std::size_t count) { return std::string(count, '\0'); }

// A field of `size` bytes: `text`, then NULs.
std::string padded(std::string text, std::size_t size) {
  REQUIRE(text.size() <= size);
  text.resize(size);
  return text;
}

std::string written(const Entry& entry, std::string_view content = "") {
  codec::StringSink sink;
  tar::Writer writer(sink);
  REQUIRE(writer.add(entry));
  REQUIRE(writer.write_content(content));
  return sink.bytes();
}

// Where the content of an extended header stands, without its padding.
std::string extended_records(const std::string& archive) {
  REQUIRE(archive.size() >= 1024);
  REQUIRE(archive[156] == 'x');
  const auto size = tar::parse_field(std::string_view(archive).substr(124, 12));
  REQUIRE(size);
  return archive.substr(512, static_cast<std::size_t>(*size));
}

bool refused(const Entry& entry) {
  codec::StringSink sink;
  tar::Writer writer(sink);
  const auto result = writer.add(entry);
  return !result && result.error().kind() == Kind::Invalid && sink.bytes().empty();
}

}  // namespace

TEST_CASE("tar writer: a small file, every byte") {
  const Entry entry{.name = "etc/hostname",
                    .mode = 0644,
                    .uid = 1000,
                    .gid = 100,
                    .size = 5,
                    .mtime = 1'700'000'000'000'000'000,
                    .user_name = "never written",
                    .group_name = "never written"};
  const std::string expected = padded("etc/hostname", 100) +    //
                               padded("0000644", 8) +           //
                               padded("0001750", 8) +           //
                               padded("0000144", 8) +           //
                               padded("00000000005", 12) +      //
                               padded("14524770400", 12) +      //
                               padded("011604", 7) + " " +      //
                               "0" + zeros(100) +               //
                               std::string("ustar\00000", 8) +  //
                               zeros(64) +                      //
                               padded("0000000", 8) +           //
                               padded("0000000", 8) +           //
                               zeros(155 + 12) +                //
                               "hello" + zeros(507);
  const std::string archive = written(entry, "hello");
  CHECK(archive.size() == 1024);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    REQUIRE(archive[i] == expected[i]);
  }
}

TEST_CASE("tar writer: the end is two zero blocks") {
  codec::StringSink sink;
  tar::Writer writer(sink);
  CHECK(writer.finish());
  CHECK(sink.bytes() == zeros(1024));
}

TEST_CASE("tar writer: types and links") {
  const auto field = [](const Entry& entry, std::size_t offset, std::size_t size) {
    return written(entry).substr(offset, size);
  };
  CHECK(field({.name = "d", .type = Type::Directory}, 0, 3) == std::string("d/\0", 3));
  CHECK(field({.name = "d/", .type = Type::Directory}, 0, 3) == std::string("d/\0", 3));
  CHECK(field({.name = "d", .type = Type::Directory}, 156, 1) == "5");
  const Entry link{.name = "l", .type = Type::Symlink, .size = 6, .link = "target"};
  CHECK(field(link, 156, 8) == std::string("2target\0", 8));
  CHECK(field(link, 124, 11) == "00000000000");
  CHECK(written(link).size() == 512);
  CHECK(field({.name = "h", .type = Type::HardLink, .link = "a"}, 156, 3) ==
        std::string("1a\0", 3));
  CHECK(field({.name = "f", .type = Type::Fifo}, 156, 1) == "6");
  const Entry device{.name = "c", .type = Type::CharDevice, .device_major = 5, .device_minor = 255};
  CHECK(field(device, 156, 1) == "3");
  CHECK(field(device, 329, 16) == std::string("0000005\0"
                                              "0000377\0",
                                              16));
  CHECK(field({.name = "b", .type = Type::BlockDevice}, 156, 1) == "4");
  // Only permission bits; device numbers only at devices; link targets only at links.
  CHECK(field({.name = "x", .mode = 0107777}, 100, 7) == "0007777");
  CHECK(field({.name = "x", .device_major = 5}, 329, 7) == "0000000");
  CHECK(field({.name = "x", .link = "y"}, 157, 1) == zeros(1));
}

TEST_CASE("tar writer: names are divided before they need an extended header") {
  const std::string n100(100, 'n');
  CHECK(written({.name = n100}).substr(0, 101) == n100 + "0");
  CHECK(written({.name = n100}).size() == 512);
  const std::string p155(155, 'p');
  const std::string both = written({.name = p155 + "/" + n100});
  CHECK(both.size() == 512);
  CHECK(both.substr(0, 100) == n100);
  CHECK(both.substr(345, 155) == p155);
  // A directory's own slash is no place to divide.
  const std::string directory =
      written({.name = "p/" + std::string(99, 'd'), .type = Type::Directory});
  CHECK(directory.size() == 512);
  CHECK(directory.substr(345, 2) == std::string("p\0", 2));
  CHECK(directory.substr(0, 100) == std::string(99, 'd') + "/");
  for (const std::string& name :
       {std::string(101, 'n'), p155 + "p/" + n100, p155 + "/" + n100 + "n", "/" + n100,
        std::string(300, 'a') + "/b"}) {
    const std::string archive = written({.name = name});
    CHECK(archive.size() == 512 * (2 + (name.size() + 10 + 511) / 512));
    CHECK(extended_records(archive).find("path=" + name + "\n") != std::string::npos);
  }
}

TEST_CASE("tar writer: an extended header, every byte") {
  const std::string name = "dir/" + std::string(101, 'n');
  const std::string archive = written({.name = name, .mode = 0600});
  CHECK(archive.size() == 1536);
  CHECK(archive.substr(0, 100) == padded("PaxHeaders.0/" + std::string(64, 'n'), 100));
  CHECK(archive.substr(100, 48) == std::string("0000644\0"
                                               "0000000\0"
                                               "0000000\0"
                                               "00000000163\0"
                                               "00000000000\0",
                                               48));
  CHECK(archive.substr(156, 1) == "x");
  CHECK(archive.substr(257, 8) == std::string("ustar\00000", 8));
  CHECK(archive.substr(512, 512) == padded("115 path=" + name + "\n", 512));
  CHECK(archive.substr(1024, 100) == name.substr(0, 100));
  CHECK(archive.substr(1024 + 156, 1) == "0");
}

TEST_CASE("tar writer: what does not fit goes to the extended header, and only that") {
  const auto records = [](const Entry& entry) { return extended_records(written(entry)); };
  CHECK(written({.name = "a", .uid = 2097151, .gid = 2097151}).size() == 512);
  CHECK(records({.name = "a", .uid = 2097152}) == "15 uid=2097152\n");
  CHECK(records({.name = "a", .gid = 4294967294}) == "18 gid=4294967294\n");
  CHECK(records({.name = "a", .mtime = 1'500'000'000}) == "13 mtime=1.5\n");
  CHECK(records({.name = "a", .mtime = 1}) == "21 mtime=0.000000001\n");
  CHECK(records({.name = "a", .mtime = -1'500'000'000}) == "14 mtime=-1.5\n");
  CHECK(records({.name = "a", .mtime = -1}) == "22 mtime=-0.000000001\n");
  CHECK(written({.name = "a", .mtime = 8'589'934'591'000'000'000}).size() == 512);
  CHECK(records({.name = "a", .mtime = 8'589'934'592'000'000'000}) == "20 mtime=8589934592\n");
  CHECK(records({.name = "a", .type = Type::Symlink, .link = std::string(101, 'l')}) ==
        "115 linkpath=" + std::string(101, 'l') + "\n");
  CHECK(records({.name = "a", .type = Type::CharDevice, .device_minor = 1u << 21}) ==
        "27 SCHILY.devminor=2097152\n");
  codec::StringSink sink;
  tar::Writer writer(sink);
  CHECK(writer.add({.name = "a", .size = 8ull << 30}));
  CHECK(extended_records(sink.bytes()) == "19 size=8589934592\n");
}

TEST_CASE("tar writer: extended attributes are sorted and may hold any bytes") {
  const Entry entry{.name = "a",
                    .mtime = 500'000'000,
                    .xattrs = {{"user.b", std::string("\0\n=", 3)}, {"security.capability", "x"}}};
  CHECK(extended_records(written(entry)) == std::string("38 SCHILY.xattr.security.capability=x\n") +
                                                std::string("27 SCHILY.xattr.user.b=\0\n=\n", 27) +
                                                "13 mtime=0.5\n");
}

TEST_CASE("tar writer: names beyond ASCII are in the extended header") {
  const std::string archive = written({.name = "gr\xc3\xbc\xc3\x9f"});
  CHECK(extended_records(archive) == "15 path=gr\xc3\xbc\xc3\x9f\n");
  CHECK(archive.substr(1024, 7) == std::string("gr____\0", 7));
  CHECK(extended_records(written({.name = "\xff"})) == "21 hdrcharset=BINARY\n9 path=\xff\n");
}

TEST_CASE("tar writer: what tar cannot hold is refused") {
  CHECK(refused({.name = ""}));
  CHECK(refused({.name = std::string("a\0b", 3)}));
  CHECK(refused({.name = "a/"}));
  CHECK(refused({.name = "a", .type = Type::Symlink}));
  CHECK(refused({.name = "a", .type = Type::HardLink, .link = zeros(1)}));
  CHECK(refused({.name = "a", .xattrs = {{"user.a=b", "x"}}}));
  CHECK(refused({.name = "a", .xattrs = {{"", "x"}}}));
}

TEST_CASE("tar writer: content must have the announced size") {
  codec::StringSink sink;
  tar::Writer writer(sink);
  CHECK(writer.add({.name = "a", .size = 3}));
  CHECK(writer.write_content("ab"));
  CHECK(writer.finish().error().kind() == Kind::Internal);
  CHECK(writer.add({.name = "b"}).error().message() ==
        "1 bytes of the file before 'b' were not written");
  CHECK(writer.write_content("cd").error().kind() == Kind::Internal);
  CHECK(writer.write_content("c"));
  CHECK(writer.write_content(""));
  CHECK(writer.add_file({.name = "b", .type = Type::Fifo, .size = 77}, std::string(512, 'x')));
  CHECK(writer.finish());
  CHECK(sink.bytes().size() == 1024 + 1024 + 1024);
}

// If this digest changes, the digests of all images that Tare makes change: a new format version.
TEST_CASE("tar writer: the bytes of a mixed archive stay the same for ever") {
  codec::StringSink sink;
  tar::Writer writer(sink);
  CHECK(writer.add({.name = "etc", .type = Type::Directory, .mode = 0755}));
  CHECK(writer.add_file({.name = "etc/" + std::string(200, 'x'),
                         .mode = 04755,
                         .uid = 3'000'000,
                         .mtime = 1'234'567'890'123'456'789,
                         .xattrs = {{"security.capability", "\1\2"}}},
                        "content"));
  CHECK(writer.add({.name = "gr\xc3\xbcn", .type = Type::Symlink, .mode = 0777, .link = "etc"}));
  CHECK(writer.finish());
  CHECK(codec::sha256(sink.bytes()).hex() ==
        "ead6c47991ea0d4cb8903b6baf4d60e5f74d6919a1afe75fc129e4383c2a3661");
}
