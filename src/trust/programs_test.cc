// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "trust/packages.h"
#include "trust/program_samples.h"

using namespace tare;
using namespace tare::trust;

namespace {

std::string told(const Bundle& bundle) {
  std::string out;
  for (const Package& each : bundle.packages) out += each.purl() + " ";
  return out + (bundle.has_own ? "own" : "none") + (bundle.is_whole ? "" : " broken");
}
std::string program(const std::string& bytes, std::size_t budget = 1 << 20) {
  return told(read_program("/usr/bin/app", codec::StringBytes(bytes), budget));
}
std::string jar(const std::string& bytes, std::size_t budget = 1 << 20,
                const char* path = "/srv/app-1.0.jar") {
  return told(read_jar(path, codec::StringBytes(bytes), budget));
}

constexpr const char* kGo =
    "pkg:golang/example.org/app pkg:golang/golang.org/x/sys@v0.1.0 pkg:golang/new.org/y@v1.1.0 "
    "pkg:golang/stdlib@1.21.3 own";

const std::string kPom = "# by Maven\ngroupId=org.example\nartifactId=app\nversion=1.0\n";

}  // namespace

TEST_CASE("programs: of Go") {
  CHECK(program(samples::elf({{".text", "x"}, {".go.buildinfo", samples::go_note()}})) == kGo);
  CHECK(program(samples::elf({{".go.buildinfo", samples::go_note()}}, "", false)) == kGo);
  // Before 1.18: addresses of strings.
  for (const bool big : {false, true})
    for (const std::size_t word : {8U, 4U}) {
      const auto n = [&](std::uint64_t value) { return samples::number(value, word, big); };
      const std::string version = "go1.21.3";
      std::string loaded =
          n(0x1100) + n(version.size()) + n(0x1200) + n(samples::go_modules().size());
      loaded.resize(0x100);
      loaded += version;
      loaded.resize(0x200);
      loaded += samples::go_modules();
      std::string note("\xff Go buildinf:", 14);
      note += static_cast<char>(word);
      note += big ? '\1' : '\0';
      note += n(0x1000) + n(0x1000 + 2 * word);
      CHECK(program(samples::elf({{".go.buildinfo", note}}, loaded, word == 8, big)) == kGo);
      // An address that leads nowhere.
      note.replace(16, word, n(0xfffffff0));
      CHECK(program(samples::elf({{".go.buildinfo", note}}, loaded, word == 8, big)) ==
            std::string(kGo).erase(std::string(kGo).find("pkg:golang/stdlib"), 25));
    }
}

TEST_CASE("programs: of Rust") {
  const std::string list =
      R"({"packages":[{"name":"a","version":"1.0.0","source":"crates.io"},)"
      R"({"name":"b","version":"2","kind":"build"},{"name":"app","version":"0.1.0","root":true}]})";
  const std::string elf = samples::elf({{".dep-v0", samples::zlib(list)}});
  CHECK(program(elf) == "pkg:cargo/app@0.1.0 pkg:cargo/a@1.0.0 own");
  CHECK(program(elf, 10) == "none");
  CHECK(program(samples::elf({{".dep-v0", list}})) == "none");
}

TEST_CASE("programs: what is none, or damaged, tells nothing") {
  CHECK(program("") == "none");
  CHECK(program("#!/bin/sh\n" + std::string(100, ' ')) == "none");
  CHECK(program(samples::elf({{".go.buildinfo", "x"}})) == "none");
  CHECK(program(samples::elf({{".go.buildinfo.x", samples::go_note()}})) == "none");
  const std::string good = samples::elf({{".go.buildinfo", samples::go_note()}});
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK(program(good.substr(0, size)) == "none");
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = '\xff';
    (void)program(bad);
  }
}

TEST_CASE("jars: Maven's properties, those inside, and the manifest") {
  const std::string pom = "META-INF/maven/org.example/app/pom.properties";
  CHECK(jar(samples::zip({{pom, kPom}})) == "pkg:maven/org.example/app@1.0 own");
  // Put together of others: its own is first.
  CHECK(
      jar(samples::zip({{"META-INF/maven/o/b/pom.properties", "groupId=o\nartifactId=b\nversion=2"},
                        {pom, kPom}})) == "pkg:maven/org.example/app@1.0 pkg:maven/o/b@2 own");
  const std::string manifest =
      "Manifest-Version: 1.0\r\nImplementation-Vendor-Id: org.exa\r\n mple\r\nBundle-Version: "
      "3.1\r\n"
      "\r\nName: x\r\nBundle-Version: 9\r\n";
  CHECK(jar(samples::zip({{"META-INF/MANIFEST.MF", manifest}}), 1 << 20, "/x/commons-io.jar") ==
        "pkg:maven/org.example/commons-io@3.1 own");
  CHECK(jar(samples::zip({})) == "pkg:maven/app@1.0 own");
  CHECK(jar(samples::zip({}), 1 << 20, "/x/app.jar") == "none");
  const std::string inner =
      samples::zip({{"lib/deep-7.jar", samples::zip({{"lib/deeper-8.jar", "x"}})}});
  CHECK(jar("#!/bin/sh\n" + samples::zip({{pom, kPom}, {"BOOT-INF/lib/in-1.2.jar", inner}})) ==
        "pkg:maven/org.example/app@1.0 pkg:maven/in@1.2 pkg:maven/deep@7 own broken");
}

TEST_CASE("jars: what is damaged, or too much, says so") {
  const std::string good = samples::zip({{"META-INF/MANIFEST.MF", "Bundle-Version: 1\n"}});
  CHECK(jar("") == "none broken");
  CHECK(jar(good, 5) == "pkg:maven/app@1.0 own broken");
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK(jar(good.substr(0, size)) == "none broken");
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = '\xff';
    (void)jar(bad);
  }
}
