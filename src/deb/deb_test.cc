// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <array>

#include "codec/stream.h"
#include "deb/ar.h"
#include "deb/package.h"
#include "deb/repository.h"
#include "deb/status.h"
#include "deb/version.h"

using namespace tare;
using namespace tare::deb;

TEST_CASE("versions of Debian packages compare as dpkg --compare-versions says") {
  struct Fact {
    const char* left;
    const char* right;
    int order;
  };
  constexpr std::array kFacts = std::to_array<Fact>({{"0:1", "1.0+dfsg-2", -1},
                                                     {"1.9", "2:1", -1},
                                                     {"1.0-1~bpo12+1", "010", -1},
                                                     {"010", "1.2.3-4.5", 1},
                                                     {"1.0", "1+", 1},
                                                     {"1", "1~~", 1},
                                                     {"010", "1.0-0", 1},
                                                     {"1~rc1", "1.0-0", -1},
                                                     {"0:1", "1b", -1},
                                                     {"2:1", "0", 1},
                                                     {"1.2.3-4.5+b1", "1.0~dfsg-2", 1},
                                                     {"010", "1.2.3-4.5+b1", 1},
                                                     {"1a", "0", 1},
                                                     {"1.9", "010", -1},
                                                     {"0:1", "1.2.3-4.5+b1", -1},
                                                     {"1.2.3-4.5", "1b", 1},
                                                     {"1a", "1.0.", -1},
                                                     {"1", "1.0-1", -1},
                                                     {"1.0", "1a", 1},
                                                     {"1.9", "1.2.3-4.5+b1", 1},
                                                     {"1", "1.0+dfsg-2", -1},
                                                     {"0", "1.0~dfsg-2", -1},
                                                     {"0", "1.0+dfsg-2", -1},
                                                     {"0", "1-1-1", -1},
                                                     {"1+", "1.0.", -1},
                                                     {"1.0.", "10", -1},
                                                     {"1.9", "1~rc1", 1},
                                                     {"1.0+dfsg-2", "1.0~dfsg-2", 1},
                                                     {"1~~", "1b", -1},
                                                     {"1.0-1+deb12u1", "1.0~dfsg-2", 1},
                                                     {"10", "1.2.3-4.5+b1", 1},
                                                     {"1.0.", "0", 1},
                                                     {"2:1", "1.2.3-4.5", 1},
                                                     {"1.0-1+deb12u1", "1-1-1", 1},
                                                     {"1a", "010", -1},
                                                     {"010", "1-1-1", 1},
                                                     {"0:1", "1.0-1~bpo12+1", -1},
                                                     {"2:1", "1b", 1},
                                                     {"1.0-1~bpo12+1", "1+", 1},
                                                     {"1a", "1.2.3-4.5+b1", -1}});
  const auto sign = [](int number) { return (number > 0) - (number < 0); };
  for (const Fact& fact : kFacts) {
    CAPTURE(fact.left);
    CAPTURE(fact.right);
    CHECK(sign(compare_versions(fact.left, fact.right)) == fact.order);
    CHECK(sign(compare_versions(fact.right, fact.left)) == -fact.order);
  }
  CHECK(is_version("1:2.3-4~a+b"));
  CHECK(!is_version(""));
  CHECK(!is_version("a:1"));
  CHECK(!is_version("1 2"));
}

TEST_CASE("control files and relations between packages") {
  StanzaReader reader("# comment\nPackage: a\nDescription: short\n long\n .\n\n\npackage:b\n");
  Stanza stanza;
  REQUIRE(reader.next(stanza).value());
  CHECK(stanza.get("package") == "a");
  CHECK(stanza.get("Description") == "short\n long\n .");
  REQUIRE(reader.next(stanza).value());
  CHECK(stanza.get("Package") == "b");
  CHECK(stanza.get("Version").empty());
  CHECK(!reader.next(stanza).value());
  CHECK(!StanzaReader("nonsense\n").next(stanza));
  CHECK(!StanzaReader(" a: b\n").next(stanza));

  const auto groups = parse_relations(
      "a (>= 1) | bb:any, cc [!amd64], dd [linux-any] <!nocheck>,ee(<<2~),", "amd64");
  CHECK(!groups);  // "a" is too short for a name.
  const auto good =
      parse_relations("aa (>= 1) | bb:any, cc [!amd64], dd [linux-any], ee(<<2~), ff <x>,", "amd64")
          .value();
  REQUIRE(good.size() == 3);
  CHECK(good[0][0].text() == "aa (>= 1)");
  CHECK(good[0][1].architecture == "any");
  CHECK(good[1][0].name == "dd");
  CHECK(good[2][0].allows("1.9"));
  CHECK(!good[2][0].allows("2"));
  CHECK(good[2][0].allows("2~~"));
  CHECK(!parse_relations("aa (>= 1", "amd64"));
  CHECK(!parse_relations("aa (1)", "amd64"));
}

namespace {

// "NAME VERSION FIELD..." as stanzas of an index.
std::string stanza(const char* name, const char* version, const std::string& more = "") {
  return "Package: " + std::string(name) + "\nVersion: " + version +
         "\nArchitecture: amd64\nFilename: pool/x.deb\nSize: 1\nSHA256: " + std::string(64, 'a') +
         "\nStatus: install ok installed\n" + more + "\n";
}

std::string resolved(const std::string& index, const std::string& status,
                     const std::vector<Wish>& wishes) {
  const auto available = read_index(index, "amd64").value();
  const auto installed = read_status(status, "amd64").value();
  const auto resolution = resolve(available, installed, wishes, "amd64");
  if (!resolution) return resolution.error().message();
  std::string out;
  for (const Package* package : resolution->added) out += package->label() + " ";
  for (const Package* package : resolution->replaced) out += "-" + package->label() + " ";
  return out;
}

}  // namespace

TEST_CASE("which packages a wish comes to") {
  const std::string index =
      stanza("app", "1", "Depends: lib (>= 2), first | second\nRecommends: missing\n") +
      stanza("lib", "1") + stanza("lib", "2.1") + stanza("lib", "2.0") +
      stanza("second", "1", "Provides: virtual\n") +
      stanza("strict", "1", "Depends: virtual (= 2)\n") +
      stanza("version", "9", "Provides: virtual (= 2)\nConflicts: virtual\n") +
      stanza("user", "1", "Depends: virtual\n") + stanza("broken", "1", "Depends: none (>= 1)\n") +
      stanza("above", "1", "Depends: broken\n") + stanza("enemy", "1", "Breaks: lib (<< 2.1)\n") +
      stanza("round", "1", "Depends: trip\n") + stanza("trip", "1", "Depends: round\n");
  CHECK(resolved(index, "", {{"app", ""}}) == "app=1 lib=2.1 second=1 ");
  CHECK(resolved(index, "", {{"app", ""}, {"lib", "2.0"}}) == "app=1 lib=2.0 second=1 ");
  CHECK(resolved(index, "", {{"app", ""}, {"lib", "1"}}).contains("app=1 needs lib (>= 2)"));
  CHECK(resolved(index, "", {{"strict", ""}}) == "strict=1 version=9 ");
  CHECK(resolved(index, "", {{"round", ""}}) == "round=1 trip=1 ");
  CHECK(resolved(index, "", {{"above", ""}}) ==
        "broken=1, which above needs needs none (>= 1): no repository has it");
  CHECK(resolved(index, "", {{"enemy", ""}, {"lib", "2.0"}}).contains("does not go with"));
  // What is there is enough, unless it is too old or not borne.
  CHECK(resolved(index, stanza("lib", "3") + stanza("first", "1"), {{"app", ""}}) == "app=1 ");
  CHECK(resolved(index, stanza("lib", "1") + stanza("first", "1"), {{"app", ""}}) ==
        "app=1 lib=2.1 -lib=1 ");
  CHECK(resolved(index, stanza("lib", "2.0"), {{"enemy", ""}}) == "enemy=1 lib=2.1 -lib=2.0 ");
  CHECK(resolved(index, stanza("second", "1", "Provides: virtual\n"), {{"user", ""}}) == "user=1 ");
  CHECK(resolved(index, stanza("lib", "2.1"), {{"lib", ""}}).empty());
  CHECK(resolved(index, stanza("lib", "2.1"), {{"lib", "1"}}) == "lib=1 -lib=2.1 ");
  // What needs exactly that version comes along.
  const std::string both = stanza("dev", "2", "Depends: lib (= 2)\n") + stanza("lib", "2");
  CHECK(resolved(both, stanza("dev", "1", "Depends: lib (= 1)\n") + stanza("lib", "1"),
                 {{"lib", ""}}) == "dev=2 lib=2 -dev=1 -lib=1 ");
}

TEST_CASE("repositories and releases") {
  const auto list = parse_repositories(
      "deb [arch=amd64,i386 signed-by=/k.gpg] http://a/b stable main contrib # end\n"
      "deb-src http://a b c\n# deb http://x y z\ndeb [arch=armhf] http://a b c\n"
      "deb cdrom:[Debian]/ x main\ndeb https://c/ ./\n",
      false, "amd64");
  REQUIRE(list->size() == 2);
  CHECK((*list)[0].signed_by == "/k.gpg");
  CHECK((*list)[0].components == std::vector<std::string>{"main", "contrib"});
  CHECK((*list)[0].url + (*list)[0].release_path("InRelease") ==
        "http://a/b/dists/stable/InRelease");
  CHECK((*list)[1].url + (*list)[1].release_path("InRelease") == "https://c/InRelease");
  const auto stanzas = parse_repositories(
      "Types: deb deb-src\nURIs: http://a\nSuites: x x-updates\nComponents: main\n"
      "Signed-By:\n -----BEGIN\n\nEnabled: no\nTypes: deb\n",
      true, "amd64");
  REQUIRE(stanzas->size() == 2);
  CHECK((*stanzas)[1].suite == "x-updates");
  for (const char* bad :
       {"ftp://a b c", "http://a ../b c", "http://a b", "http://a b ../c", "http://a",
        "[trusted=yes] http://a b c", "[x] http://a b c", "[ http://a"})
    CHECK(!parse_repository(bad, "amd64"));

  CHECK(parse_release_time("Sat, 10 Feb 2024 11:07:25 UTC").value() == 1'707'563'245);
  CHECK(!parse_release_time("Sat, 31 Feb 2024 11:07:25 UTC"));
  const std::string sum(64, 'b');
  const auto release =
      parse_release("Suite: x\nNotAutomatic: yes\nAcquire-By-Hash: yes\nSHA256:\n " + sum +
                    " 12 main/Packages\n");
  REQUIRE(release);
  CHECK(release->priority == 1);
  CHECK(release->has_by_hash);
  CHECK(release->files.at("main/Packages").size == 12);
  CHECK(!parse_release("SHA256:\n " + sum + " 12 ../x\n"));
  CHECK(!parse_release("SHA256:\n " + sum + " 12 x\n " + sum + " 12 x\n"));
  CHECK(!parse_release("Suite: x\n"));
}

namespace {

std::string member(std::string name, const std::string& content) {
  name.resize(16, ' ');
  std::string size = std::to_string(content.size());
  size.resize(10, ' ');
  return name + "0           0     0     100644  " + size + "`\n" + content +
         (content.size() % 2 == 0 ? "" : "\n");
}

}  // namespace

TEST_CASE("members of .deb files") {
  const std::string head = "!<arch>\n" + member("debian-binary", "2.0\n");
  const auto read = [](const std::string& text) {
    codec::StringSource source(text);
    return read_deb(source);
  };
  const auto deb = read(head + member("control.tar.xz", "abc") + member("data.tar", "12"));
  REQUIRE(deb);
  CHECK(deb->control.offset == 8 + 64 + 60);
  CHECK(deb->control.size == 3);
  CHECK(deb->data.offset == 8 + 64 + 64 + 60);
  CHECK(!read(head + member("control.tar.xz", "abc")));
  CHECK(!read(head + member("control.tar.xz", "a") + member("data.tar", "") +
              member("data.tar.gz", "")));
  CHECK(!read((head + member("control.tar.xz", "a") + member("data.tar", "12")).substr(0, 190)));
  CHECK(!read("!<arch>\n" + member("control.tar", "") + member("data.tar", "")));
  CHECK(!read("!<arch>\n" + member("debian-binary", "3.0\n") + member("data.tar", "")));
}

TEST_CASE("dpkg's status") {
  const std::string stanza_text =
      status_stanza("Package: aa\nVersion: 1\nDescription: x\n y\n", {{"/etc/x", "setting\n"}});
  CHECK(stanza_text ==
        "Package: aa\nStatus: install ok installed\nVersion: 1\nDescription: x\n y\nConffiles:\n"
        " /etc/x 2c1d4f59f062ce424618f4d25961fb76\n\n");
  CHECK(without_packages(stanza_text + "Package: bb\n", {"aa"}) == "Package: bb\n\n");
}
