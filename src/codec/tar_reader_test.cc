// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "codec/tar.h"
#include "codec/tar_block.h"
#include "codec/tar_pax.h"

using namespace tare;
using tar::Block;
using tar::Entry;
using tar::Type;
namespace field = tar::field;

namespace {

constexpr std::string_view kUstar("ustar\00000", 8);
constexpr std::string_view kGnu("ustar  \0", 8);

// One entry as a foreign writer may make it.
struct Raw {
  std::string name = "a";
  char type = '0';
  std::string content;
  std::string link;
  std::string_view magic = kUstar;
  // Last changes to the header before its checksum is made.
  std::function<void(Block&)> change = [](Block&) {};
  std::string between = "";  // Between header and content.

  operator std::string()
      const {  // NOLINT(google-explicit-constructor): archives are sums of these.
    Block block;
    block.put_text(field::kName, name);
    block.put_octal(field::kMode, 0644);
    block.put_octal(field::kUid, 0);
    block.put_octal(field::kGid, 0);
    block.put_octal(field::kSize, content.size());
    block.put_octal(field::kMtime, 0);
    block.put_text(field::kType, std::string(1, type));
    block.put_text(field::kLink, link);
    block.put_text(field::kMagic, magic);
    change(block);
    block.put_checksum();
    return std::string(block.bytes()) + between + content +
           std::string(tar::padding_after(content.size()), '\0');
  }
};

std::string operator+(const Raw& a, const Raw& b) { return std::string(a) + std::string(b); }
std::string operator+(const std::string& a, const Raw& b) { return a + std::string(b); }

std::string records(std::initializer_list<std::pair<std::string, std::string>> pairs) {
  std::string body;
  for (const auto& [key, value] : pairs) body += tar::print_pax_record(key, value);
  return body;
}
Raw pax(std::initializer_list<std::pair<std::string, std::string>> pairs, char type = 'x') {
  return {.name = "PaxHeaders/x", .type = type, .content = records(pairs)};
}
const std::string kEnd(1024, '\0');

struct Read {
  std::vector<Entry> entries;
  std::vector<std::string> contents;
  std::string error;  // Empty when all was read.
  Kind kind = Kind::Internal;
};

// Gives its bytes in pieces of one size, as pipes do.
class Trickle : public codec::Source {
 public:
  Trickle(std::string_view bytes, std::size_t piece) : inner_(bytes), piece_(piece) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    return inner_.read(buffer, std::min(size, piece_));
  }

 private:
  codec::StringSource inner_;
  std::size_t piece_;
};

Read read(std::string_view archive, const tar::Limits& limits = {}, std::size_t piece = 1 << 20) {
  Trickle source(archive, piece);
  tar::Reader reader(source, limits);
  Read all;
  const auto stop = [&](const Error& error) {
    all.error = error.message();
    all.kind = error.kind();
    return all;
  };
  for (;;) {
    const auto more = reader.next();
    if (!more) return stop(more.error());
    if (!*more) break;
    all.entries.push_back(reader.entry());
    std::string content;
    char buffer[700];
    for (;;) {
      const auto count = reader.read_content(buffer, sizeof buffer);
      if (!count) return stop(count.error());
      if (*count == 0) break;
      content.append(buffer, *count);
    }
    all.contents.push_back(content);
  }
  char left;
  CHECK(*source.read(&left, 1) == 0);  // A hash over the source is complete.
  return all;
}

// The only entry.
Entry one(const std::string& archive) {
  const Read all = read(archive + kEnd);
  CHECK(all.error == "");
  REQUIRE(all.entries.size() == 1);
  return all.entries[0];
}
std::string one_content(const std::string& archive) {
  const Read all = read(archive + kEnd);
  CHECK(all.error == "");
  REQUIRE(all.contents.size() == 1);
  return all.contents[0];
}
bool fails(const std::string& archive, std::string_view part, Kind kind = Kind::Corrupt) {
  const Read all = read(archive + kEnd);
  INFO(all.error);
  const bool as_expected = all.error.find(part) != std::string::npos && all.kind == kind;
  if (!as_expected) MESSAGE("got '" << all.error << "' instead of '" << part << "'");
  return as_expected;
}
std::function<void(Block&)> put(tar::Field where, std::string text) {
  return [=](Block& block) { block.put_text(where, text); };
}

}  // namespace

TEST_CASE("tar reader: what the writer wrote comes back") {
  const std::vector<Entry> entries = {
      {.name = "d/", .type = Type::Directory, .mode = 01777, .uid = 5, .gid = 6},
      {.name = "d/f",
       .mode = 04755,
       .uid = 3'000'000,
       .gid = 4'000'000'000,
       .size = 600,
       .mtime = 1'234'567'890'123'456'789,
       .xattrs = {{"user.a", std::string("\0=\n", 3)}, {"user.empty", ""}}},
      {.name = "d/" + std::string(300, 'n'), .type = Type::HardLink, .mtime = -1, .link = "d/f"},
      {.name = "\xff\xfe", .type = Type::Symlink, .mode = 0777, .link = std::string(200, 'l')},
      {.name = "c", .type = Type::CharDevice, .device_major = 1, .device_minor = 1u << 31},
      {.name = "b", .type = Type::BlockDevice, .device_major = 8, .device_minor = 1},
      {.name = "p", .type = Type::Fifo},
      {.name = std::string(150, 'p') + "/" + std::string(100, 'n')},
  };
  codec::StringSink sink;
  tar::Writer writer(sink);
  for (const Entry& entry : entries) {
    REQUIRE(writer.add(entry));
    REQUIRE(writer.write_content(std::string(entry.size, 'x')));
  }
  REQUIRE(writer.finish());
  for (const std::size_t piece : {1, 100, 512, 1000, 1 << 20}) {
    const Read all = read(sink.bytes(), {}, piece);
    CHECK(all.error == "");
    REQUIRE(all.entries.size() == entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      CAPTURE(i);
      const Entry& got = all.entries[i];
      CHECK(got.name == entries[i].name);
      CHECK(got.type == entries[i].type);
      CHECK(got.mode == entries[i].mode);
      CHECK(got.uid == entries[i].uid);
      CHECK(got.gid == entries[i].gid);
      CHECK(got.size == entries[i].size);
      CHECK(got.mtime == entries[i].mtime);
      CHECK(got.link == entries[i].link);
      CHECK(got.device_major == entries[i].device_major);
      CHECK(got.device_minor == entries[i].device_minor);
      CHECK(got.xattrs == entries[i].xattrs);
      CHECK(all.contents[i] == std::string(entries[i].size, 'x'));
    }
  }
}

TEST_CASE("tar reader: content that is not read is skipped") {
  const std::string archive = Raw{.name = "a", .content = std::string(1000, 'a')} +
                              Raw{.name = "b", .content = "bb"} + kEnd;
  codec::StringSource source(archive);
  tar::Reader reader(source);
  CHECK(*reader.next());
  char buffer[8];
  CHECK(*reader.read_content(buffer, sizeof buffer) == 8);
  CHECK(*reader.next());
  CHECK(reader.entry().name == "b");
  CHECK_FALSE(*reader.next());
  CHECK_FALSE(*reader.next());
  CHECK(*reader.read_content(buffer, sizeof buffer) == 0);
  CHECK(reader.hole_bytes() == 0);
}

TEST_CASE("tar reader: how archives end") {
  const std::string a = Raw{.content = "x"};
  CHECK(read("").error == "");
  CHECK(read(a).entries.size() == 1);
  CHECK(read(a + kEnd.substr(512)).error == "");
  CHECK(read(a + kEnd + "whatever follows").error == "");
  CHECK(fails(a + kEnd.substr(512) + a, "a single zero block in the middle"));
  CHECK(read(a.substr(0, 511)).error == "tar archive, before byte 0: the archive ends too early");
  CHECK(read(a.substr(0, 512)).error == "tar archive, 'a' at byte 512: the archive ends too early");
  CHECK(read(a.substr(0, 600)).error == "tar archive, before byte 600: the archive ends too early");
  CHECK(read(std::string(pax({{"path", "b"}}))).error.find("without its file") !=
        std::string::npos);
}

TEST_CASE("tar reader: after a failure nothing more comes") {
  const std::string archive = Raw{.content = "x"};
  codec::StringSource source(std::string_view(archive).substr(0, 512));
  tar::Reader reader(source);
  CHECK(*reader.next());
  char buffer[8];
  CHECK_FALSE(reader.read_content(buffer, 8).has_value());
  CHECK_FALSE(reader.read_content(buffer, 8).has_value());
  CHECK_FALSE(reader.next().has_value());
  CHECK(reader.entry().name.empty());
  CHECK(reader.hole_bytes() == 0);
}

TEST_CASE("tar reader: checksums") {
  std::string archive = Raw{};
  archive[0] = 'b';
  CHECK(fails(archive, "checksum"));
  CHECK(fails(std::string(512, 'x'), "checksum"));
  // Old writers summed signed bytes.
  std::string high = Raw{.name = "\xff"};
  const auto sum = *tar::parse_field(std::string_view(high).substr(148, 8)) - 256;
  Block block(high);
  block.put_octal({148, 7}, static_cast<std::uint64_t>(sum));
  CHECK(one(std::string(block.bytes())).name == "\xff");
}

TEST_CASE("tar reader: numbers") {
  using namespace std::string_view_literals;
  CHECK(*tar::parse_field("0000644\0"sv) == 0644);
  CHECK(*tar::parse_field("   644 \0"sv) == 0644);
  CHECK(*tar::parse_field("777777777777"sv) == 0777777777777);
  CHECK(*tar::parse_field("\0\0\0\0\0\0\0\0"sv) == 0);
  CHECK(*tar::parse_field("        "sv) == 0);
  CHECK(*tar::parse_field("\x80\0\0\0\0\0\1\2"sv) == 258);
  CHECK(*tar::parse_field("\xff\xff\xff\xff\xff\xff\xff\xfe"sv) == -2);
  CHECK(*tar::parse_field("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"sv) ==
        std::numeric_limits<std::int64_t>::max());
  CHECK(*tar::parse_field("\xff\xff\xff\xff\x80\0\0\0\0\0\0\0"sv) ==
        std::numeric_limits<std::int64_t>::min());
  for (const std::string_view bad :
       {"0000648\0"sv, "-1\0\0\0\0\0\0"sv, "6 4\0\0\0\0\0"sv, "0x1\0"sv,
        "\x80\0\0\0\x80\0\0\0\0\0\0\0"sv, "\xff\xff\xff\xff\x7f\0\0\0\0\0\0\0"sv,
        "\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv})
    CHECK_FALSE(tar::parse_field(bad).has_value());
}

TEST_CASE("tar reader: numbers of headers") {
  const auto with = [](tar::Field where, const std::string& text) {
    return std::string(Raw{.change = put(where, text)});
  };
  CHECK(one(with(field::kUid, std::string("\x80\0\0\0\xff\xff\xff\xfe", 8))).uid == 4294967294);
  CHECK(fails(with(field::kUid, std::string("\x80\0\0\0\xff\xff\xff\xff", 8)), "4294967295"));
  CHECK(fails(with(field::kGid, "\xff\xff\xff\xff\xff\xff\xff\xff"), "the id -1 is not"));
  CHECK(fails(with(field::kSize, std::string(12, '\xff')), "negative size"));
  CHECK(fails(with(field::kMode, "rw-r--r-"), "not an octal number"));
  CHECK(one(with(field::kMode, "0104755")).mode == 04755);
  CHECK(one(with(field::kMtime, std::string(12, '\xff'))).mtime == -1'000'000'000);
  CHECK(one(with(field::kMtime, "77777777777")).mtime == 8'589'934'591'000'000'000);
  CHECK(one(with(field::kMtime, std::string("\x80\0\0\0\0\0\1\0\0\0\0\0", 12))).mtime ==
        9'223'372'036'000'000'000);
}

TEST_CASE("tar reader: dialects") {
  CHECK(one(Raw{.magic = "", .change = put(field::kPrefix, "p")}).name == "a");
  CHECK(one(Raw{.change = put(field::kPrefix, "p")}).name == "p/a");
  CHECK(one(Raw{.magic = kGnu, .change = put(field::kPrefix, "12345670123")}).name == "a");
  CHECK(one(Raw{.change = put(field::kUser, "root")}).user_name == "root");
  CHECK(one(Raw{.magic = "", .change = put(field::kUser, "root")}).user_name.empty());
  CHECK(fails(Raw{.magic = "ustar"}, "unknown kind of header"));
  const auto star = [](Block& block) {
    block.put_text(field::kStarPrefix, std::string(131, 'p'));
    block.put_text({476, 12}, "00000000000");
    block.put_text(field::kStarMark, "tar");
  };
  CHECK(one(Raw{.change = star}).name == std::string(131, 'p') + "/a");
}

TEST_CASE("tar reader: types") {
  CHECK(one(Raw{.type = '\0'}).type == Type::Regular);
  CHECK(one(Raw{.type = '7'}).type == Type::Regular);
  CHECK(one(Raw{.name = "d/", .type = '\0', .magic = ""}).type == Type::Directory);
  CHECK(fails(Raw{.name = "d/", .type = '0'}, "ends in '/'"));
  CHECK(one(Raw{.name = "d", .type = '5'}).type == Type::Directory);
  CHECK(one(Raw{.link = "left over"}).link.empty());
  CHECK(fails(Raw{.type = '2'}, "empty link target"));
  for (const char type : {'V', 'M', 'D', 'N', 'X', '9', 'z'})
    CHECK(fails(Raw{.type = type}, "which is not a file", Kind::Unsupported));
  for (const char type : {'1', '2', '3', '4', '5', '6'})
    CHECK(fails(Raw{.type = type, .content = "x", .link = "l"}, "1 bytes of content"));
}

TEST_CASE("tar reader: GNU long names") {
  const std::string name(300, 'n');
  const std::string link(200, 'l');
  const Raw long_name{.name = "././@LongLink", .type = 'L', .content = name + '\0', .magic = kGnu};
  const Raw long_link{.name = "././@LongLink", .type = 'K', .content = link + '\0', .magic = kGnu};
  const Raw file{.name = name.substr(0, 100), .type = '2', .link = "l", .magic = kGnu};
  CHECK(one(long_link + long_name + file).name == name);
  CHECK(one(long_name + long_link + file).link == link);
  CHECK(fails(long_name + long_name + file, "two GNU long names"));
  CHECK(fails(Raw{.type = 'L', .content = std::string("a\0b", 3)} + file, "NUL"));
  CHECK(fails(Raw{.type = 'L', .content = std::string(1, '\0')} + file, "empty name"));
  CHECK(fails(Raw{.type = 'L', .content = std::string(5000, 'n')} + file, "the limit is 4096",
              Kind::Invalid));
  // Some writers use pax for numbers beside GNU names.
  CHECK(one(long_name + pax({{"uid", "7"}}) + Raw{}).uid == 7);
  CHECK(one(long_name + pax({{"path", name}}) + Raw{}).name == name);
  CHECK(fails(long_name + pax({{"path", "other"}}) + Raw{}, "two different long names"));
  CHECK(fails(pax({{"uid", "7"}}) + long_name + Raw{}, "between an extended header and its file"));
}

TEST_CASE("tar reader: pax records") {
  const Entry entry = one(pax({{"path", "dir/gr\xc3\xbc\xc3\x9f"},
                               {"uid", "3000000"},
                               {"gid", "4294967294"},
                               {"mtime", "1.9999999999"},
                               {"uname", "u"},
                               {"gname", "g"},
                               {"atime", "nonsense, but never used"},
                               {"comment", ""},
                               {"SCHILY.xattr.user.a=b", "c"},
                               {"LIBARCHIVE.xattr.user.x", "eA"}}) +
                          Raw{});
  CHECK(entry.name == "dir/gr\xc3\xbc\xc3\x9f");
  CHECK(entry.uid == 3000000);
  CHECK(entry.gid == 4294967294);
  CHECK(entry.mtime == 1'999'999'999);
  CHECK(entry.user_name == "u");
  CHECK(entry.group_name == "g");
  CHECK(entry.xattrs == std::map<std::string, std::string>{{"user.a", "b=c"}});
  CHECK(one(pax({{"linkpath", "target"}}) + Raw{.type = '2', .link = "x"}).link == "target");
  CHECK(one(pax({{"path", ""}}) + Raw{}).name == "a");
  CHECK(one(pax({{"mtime", "-1.25"}}) + Raw{}).mtime == -1'250'000'000);
  CHECK(one(pax({{"mtime", "99999999999"}}) + Raw{}).mtime == 9'223'372'036'000'000'000);
  CHECK(one(pax({{"mtime", "-9223372036.5"}}) + Raw{}).mtime == -9'223'372'036'000'000'000);
  const std::string device =
      pax({{"SCHILY.devmajor", "9"}, {"SCHILY.devminor", "4294967295"}}) + Raw{.type = '3'};
  CHECK(one(device).device_major == 9);
  CHECK(one(device).device_minor == 4294967295);
}

TEST_CASE("tar reader: malformed pax records") {
  const auto body = [](const std::string& text) {
    return Raw{.type = 'x', .content = text} + Raw{};
  };
  for (const char* bad : {"x", "5 a=b\n", "7 a=b\n", "6 a=b ", "06a=b\n", "-6 a=b\n", " 6 a=b\n",
                          "99999999999999999999 a=b\n", "4 =\n", "3 \n", "6 a-b\n", "0 a=b\n",
                          "6 a=b\n\n", "2 6 a=b\n"}) {
    CAPTURE(bad);
    CHECK(fails(body(bad), "an extended header"));
  }
  CHECK(fails(body("6 a=b\n6 a=c\n"), "twice"));
  CHECK(fails(pax({{"path", std::string("a\0b", 3)}}) + Raw{}, "NUL"));
  CHECK(fails(pax({{"uname", std::string("a\0b", 3)}}) + Raw{}, "NUL"));
  CHECK(fails(pax({{"uid", "4294967295"}}) + Raw{}, "the id"));
  CHECK(fails(pax({{"uid", "-1"}}) + Raw{}, "the id"));
  CHECK(fails(pax({{"gid", "1x"}}) + Raw{}, "the id"));
  CHECK(fails(pax({{"size", "-1"}}) + Raw{}, "the size"));
  CHECK(fails(pax({{"size", "9223372036854775808"}}) + Raw{}, "the size"));
  CHECK(fails(pax({{"SCHILY.devmajor", "4294967296"}}) + Raw{}, "the device number"));
  CHECK(fails(pax({{"SCHILY.xattr.", "x"}}) + Raw{}, "impossible name"));
  for (const char* bad : {"x", "1.5.5", "1,5", "--1", "+1", " 1", "99999999999999999999", "."})
    CHECK(fails(pax({{"mtime", bad}}) + Raw{}, "the time"));
  CHECK(fails(pax({{"uid", "1"}}) + pax({{"gid", "1"}}) + Raw{}, "two extended headers"));
}

// A size of its own in the extended header of a nested archive was how entries were smuggled past
// some readers: they skipped by the size of the header. [CVE-2025-62518]
TEST_CASE("tar reader: the size of an extended header rules where the next header is") {
  const std::string inner = Raw{.name = "smuggled"};
  const auto zero_size = [](Block& block) { block.put_octal(field::kSize, 0); };
  const std::string archive = pax({{"size", std::to_string(inner.size())}}) +
                              Raw{.name = "outer", .content = inner, .change = zero_size} +
                              Raw{.name = "after"} + kEnd;
  const Read all = read(archive);
  CHECK(all.error == "");
  REQUIRE(all.entries.size() == 2);
  CHECK(all.entries[1].name == "after");
  CHECK(all.contents[0] == inner);
}

TEST_CASE("tar reader: global headers") {
  const Read all = read(pax({{"comment", "abc"}, {"uid", "5"}, {"uname", "u"}}, 'g') + Raw{} +
                        pax({{"uid", "6"}}) + Raw{} + Raw{} + kEnd);
  CHECK(all.error == "");
  REQUIRE(all.entries.size() == 3);
  CHECK(all.entries[0].uid == 5);
  CHECK(all.entries[0].user_name == "u");
  CHECK(all.entries[1].uid == 6);
  CHECK(all.entries[2].uid == 5);
  for (const char* key : {"path", "linkpath", "size", "GNU.sparse.map", "SCHILY.xattr.user.x",
                          "SCHILY.devmajor", "hdrcharset"})
    CHECK(
        fails(pax({{key, "1"}}, 'g') + Raw{}, "a global extended header sets", Kind::Unsupported));
  CHECK(fails(pax({{"uid", "6"}}) + pax({{"uid", "5"}}, 'g') + Raw{}, "a misleading place"));
}

TEST_CASE("tar reader: limits") {
  const auto error = [](const std::string& archive, const tar::Limits& limits) {
    const Read all = read(archive + kEnd, limits);
    CHECK(all.kind == Kind::Invalid);
    return all.error.substr(all.error.find(": ") + 2);
  };
  CHECK(error(Raw{} + Raw{}, {.entries = 1}) == "the archive has more than 1 entries");
  CHECK(error(Raw{.content = "abc"}, {.total_bytes = 2}) ==
        "'a': the files of the archive have more than 2 bytes");
  CHECK(error(Raw{.name = "abc"}, {.name_bytes = 2}) ==
        "the name 'abc' has 3 bytes, the limit is 2");
  CHECK(error(Raw{.type = '2', .link = "abc"}, {.name_bytes = 2}) ==
        "the link target 'abc' has 3 bytes, the limit is 2");
  CHECK(error(pax({{"uid", "5"}}) + Raw{}, {.pax_bytes = 7}) ==
        "an extended header has 8 bytes, the limit is 7");
  CHECK(error(pax({{"SCHILY.xattr.user.x", "xyz"}}) + Raw{}, {.xattr_bytes = 2}) ==
        "extended attribute 'user.x' has 3 bytes, the limit is 2");
  CHECK(error(pax({{"SCHILY.xattr.a", "x"}, {"SCHILY.xattr.b", "x"}}) + Raw{}, {.xattrs = 1}) ==
        "more than 1 extended attributes at one file");
  CHECK(read(Raw{} + Raw{} + kEnd, {.entries = 2, .total_bytes = 0}).error == "");
}

TEST_CASE("tar reader: sparse files of the old GNU format") {
  const auto extent = [](Block& block, std::size_t at, std::uint64_t offset, std::uint64_t size) {
    block.put_octal({at, 12}, offset);
    block.put_octal({at + 12, 12}, size);
  };
  const auto header = [&](Block& block) {
    extent(block, 386, 2, 3);
    extent(block, 410, 10, 2);
    extent(block, 434, 20, 0);
    block.put_octal(field::kGnuRealSize, 20);
  };
  const std::string expected =
      std::string(2, '\0') + "abc" + std::string(5, '\0') + "de" + std::string(8, '\0');
  const Raw file{.type = 'S', .content = "abcde", .magic = kGnu, .change = header};
  CHECK(one_content(file) == expected);
  CHECK(one(file).size == 20);
  CHECK(one(file).type == Type::Regular);

  Block more;
  extent(more, 0, 10, 2);
  const auto extended = [&](Block& block) {
    extent(block, 386, 2, 1);
    extent(block, 410, 3, 1);
    extent(block, 434, 4, 1);
    block.put_octal(field::kGnuRealSize, 20);
    block.put_text(field::kGnuExtended, "\1");
  };
  const Raw long_map{.type = 'S',
                     .content = "abcde",
                     .magic = kGnu,
                     .change = extended,
                     .between = std::string(more.bytes())};
  CHECK(one_content(long_map) == expected);
}

TEST_CASE("tar reader: sparse files of the pax formats") {
  const std::string expected =
      std::string(2, '\0') + "abc" + std::string(5, '\0') + "de" + std::string(8, '\0');
  const Raw data{.name = "GNUSparseFile.1/a", .content = "abcde"};
  const std::string v00 = pax({{"GNU.sparse.size", "20"},
                               {"GNU.sparse.numblocks", "2"},
                               {"GNU.sparse.offset", "2"},
                               {"GNU.sparse.numbytes", "3"},
                               {"GNU.sparse.offset", "10"},
                               {"GNU.sparse.numbytes", "2"}}) +
                          data;
  CHECK(one_content(v00) == expected);
  const std::string v01 = pax({{"GNU.sparse.size", "20"},
                               {"GNU.sparse.name", "real"},
                               {"GNU.sparse.map", "2,3,10,2"}}) +
                          data;
  CHECK(one_content(v01) == expected);
  CHECK(one(v01).name == "real");
  std::string map = "2\n2\n3\n10\n2\n";
  map.resize(512);
  const std::string v10 = pax({{"GNU.sparse.major", "1"},
                               {"GNU.sparse.minor", "0"},
                               {"GNU.sparse.name", "real"},
                               {"GNU.sparse.realsize", "20"}}) +
                          Raw{.content = map + "abcde"};
  CHECK(one_content(v10) == expected);
  CHECK(one(v10).name == "real");
  CHECK(one(v10).size == 20);
}

TEST_CASE("tar reader: malformed sparse maps") {
  const auto v01 = [](const std::string& map, const std::string& size = "20") {
    return pax({{"GNU.sparse.size", size}, {"GNU.sparse.map", map}}) + Raw{.content = "abcde"};
  };
  for (const char* bad :
       {"2,3,4,2", "10,2,2,3", "2,3", "2,5,10", "2,x,3,4", ",", "2,3,10,2,", "", "18,5",
        "2,3,18446744073709551615,2", "0,18446744073709551615,5,5", "-2,5", "2,3,10,3"}) {
    CAPTURE(bad);
    CHECK(fails(v01(bad), "sparse map is malformed"));
  }
  CHECK(fails(v01("2,3,10,2", "x"), "sparse map is malformed"));
  CHECK(fails(pax({{"GNU.sparse.map", "0,5"}}) + Raw{.content = "abcde"}, "malformed"));
  CHECK(fails(pax({{"GNU.sparse.offset", "1"}}) + Raw{}, "malformed"));
  CHECK(fails(pax({{"GNU.sparse.name", "b"}}) + Raw{}, "without a sparse map"));
  CHECK(fails(pax({{"GNU.sparse.major", "2"}, {"GNU.sparse.minor", "0"}}) + Raw{}, "unknown format",
              Kind::Unsupported));
  CHECK(fails(pax({{"GNU.sparse.map", "0,0"}, {"GNU.sparse.size", "0"}}) + Raw{.type = '5'},
              "no regular file"));
  const auto v10 = [](const std::string& map) {
    return pax({{"GNU.sparse.major", "1"},
                {"GNU.sparse.minor", "0"},
                {"GNU.sparse.realsize", "9"}}) +
           Raw{.content = map};
  };
  CHECK(fails(v10(""), "malformed"));
  CHECK(fails(v10("1\n0\n"), "malformed"));
  CHECK(fails(v10(std::string(512, '1')), "malformed"));
  CHECK(fails(v10("9999999999\n" + std::string(501, '\n')), "malformed"));
  CHECK(fails(Raw{.type = 'S'}, "cannot describe one"));
}

TEST_CASE("tar reader: holes can be skipped") {
  const std::string archive =
      pax({{"GNU.sparse.size", "1000000000000"}, {"GNU.sparse.map", "500000000000,3"}}) +
      Raw{.content = "abc"} + kEnd;
  codec::StringSource source(archive);
  tar::Reader reader(source);
  REQUIRE(*reader.next());
  CHECK(reader.entry().size == 1'000'000'000'000);
  char buffer[100];
  CHECK(*reader.read_content(buffer, 100) == 100);
  CHECK(reader.hole_bytes() == 499'999'999'900);
  reader.skip_hole();
  CHECK(reader.hole_bytes() == 0);
  reader.skip_hole();
  CHECK(*reader.read_content(buffer, 100) == 3);
  CHECK(std::string_view(buffer, 3) == "abc");
  CHECK(reader.hole_bytes() == 499'999'999'997);
  reader.skip_hole();
  CHECK(*reader.read_content(buffer, 100) == 0);
  CHECK_FALSE(*reader.next());
}
