// SPDX-License-Identifier: Apache-2.0
#include "trust/packages.h"

#include <doctest/doctest.h>

#include "codec/sha256.h"
#include "trust/sbom.h"

using namespace tare;
using namespace tare::trust;

namespace {

std::string purls(std::string_view path, std::string_view text) {
  std::string out;
  for (const Package& each : read_packages(path, text, {.id = "debian", .version = "12"}))
    out += (out.empty() ? "" : " ") + each.purl();
  return out;
}

}  // namespace

TEST_CASE("packages: which files tell of them") {
  for (const char* path :
       {"/var/lib/dpkg/status", "/var/lib/dpkg/status.d/base", "/lib/apk/db/installed",
        "/app/node_modules/left/package.json", "/app/node_modules/@a/b/package.json",
        "/app/package-lock.json", "/usr/lib/python3/x.dist-info/METADATA", "/app/Cargo.lock"})
    CHECK_MESSAGE(tells_of_packages(path), path);
  for (const char* path :
       {"/var/lib/dpkg/status-old", "/var/lib/dpkg/status.d/base.md5sums", "/app/package.json",
        "/app/node_modules/left/lib/package.json", "/app/xpackage-lock.json", "/METADATA"})
    CHECK_MESSAGE(!tells_of_packages(path), path);
}

TEST_CASE("packages: dpkg and apk") {
  CHECK(purls("/var/lib/dpkg/status",
              "Package: a+b\nStatus: install ok installed\nVersion: 1:2~x\nArchitecture: amd64\n"
              "Description: x\n Version: 3\n\nPackage: gone\nStatus: deinstall ok config-files\n"
              "Version: 1\n") == "pkg:deb/debian/a%2Bb@1:2~x?arch=amd64");
  CHECK(purls("/var/lib/dpkg/status.d/x", "Package: x\nVersion: 1\n") == "pkg:deb/debian/x@1");
  const std::string apk = "P:musl\nV:1.2-r0\nA:x86_64\nF:lib\nR:ld.so\nF:\nR:top\n\n";
  CHECK(purls("/lib/apk/db/installed", apk) == "pkg:apk/debian/musl@1.2-r0?arch=x86_64");
  std::string files;
  read_apk_files(apk, {}, [&](const std::string& path, const Package& package) {
    files += path + "=" + package.name + " ";
  });
  CHECK(files == "/lib/ld.so=musl /top=musl ");
}

TEST_CASE("packages: languages") {
  CHECK(purls("/x/package-lock.json",
              R"({"packages":{"":{"version":"1"},"node_modules/a":{"version":"1"},)"
              R"("node_modules/a/node_modules/@s/b":{"version":"2"},"l":{"link":true}}})") ==
        "pkg:npm/a@1 pkg:npm/%40s/b@2");
  CHECK(purls("/x/package-lock.json", R"({"dependencies":{"a":{"version":"1"}}})") ==
        "pkg:npm/a@1");
  CHECK(purls("/x/A_b.C.dist-info/METADATA", "Name: A_b.C\nVersion: 1\n\nName: x\n") ==
        "pkg:pypi/a-b-c@1");
  CHECK(purls("/x/requirements.txt",
              "a==1 # b==2\n-r c==3\nd[x]==4 ; python_version<'3'\ne>=5\nf==6.*\ng===7 \\\n") ==
        "pkg:pypi/a@1 pkg:pypi/d@4 pkg:pypi/g@7");
  CHECK(
      purls("/x/go.mod",
            "module m\nrequire example.org/a/b v1.2 // indirect\nrequire (\n\tc v3\n)\n\td v4\n") ==
      "pkg:golang/example.org/a/b@v1.2 pkg:golang/c@v3");
  CHECK(
      purls(
          "/x/Cargo.lock",
          "version = 3\n[[package]]\nname = \"a\"\nversion = \"1\"\n[metadata]\nname = \"x\"\n") ==
      "pkg:cargo/a@1");
  CHECK(purls("/x/composer.lock",
              R"({"packages":[{"name":"v/p","version":"1","license":["MIT"]},{"name":"x"}]})") ==
        "pkg:composer/v/p@1");
  CHECK(purls("/x/Gemfile.lock",
              "GEM\n  remote: x\n  specs:\n    a (1.0)\n      b (2)\n\nPLATFORMS\n    c (3)\n") ==
        "pkg:gem/a@1.0");
}

TEST_CASE("packages: more lock files") {
  CHECK(purls("/x/yarn.lock", R"x(# yarn lockfile v1

"@babel/core@^7.0.0", "@babel/core@^7.1.0":
  version "7.2.2"
  resolved "https://r/x.tgz"
left-pad@^1.0.0, left-pad@~1.1:
  version "1.3.0"
  dependencies:
    version "9"
)x") == "pkg:npm/%40babel/core@7.2.2 pkg:npm/left-pad@1.3.0");
  CHECK(purls("/x/yarn.lock", R"x(__metadata:
  version: 6

"@babel/core@npm:^7.0.0, @babel/core@npm:^7.1":
  version: 7.2.2
  resolution: "@babel/core@npm:7.2.2"

"app@workspace:.":
  version: 0.0.0-use.local
)x") == "pkg:npm/%40babel/core@7.2.2");
  CHECK(purls("/x/pnpm-lock.yaml", R"x(lockfileVersion: '9.0'
importers:
  .:
    dependencies: {}
packages:

  '@babel/core@7.2.2(react@18.0.0)':
    resolution: {integrity: x}

  /left-pad@1.3.0:
    dev: false

  /@s/old/1.0.0_peer@2.0.0:
    dev: false

  /left/1.2.0: {}
snapshots:
  a@1: {}
)x") == "pkg:npm/%40babel/core@7.2.2 pkg:npm/left-pad@1.3.0 pkg:npm/%40s/old@1.0.0 "
        "pkg:npm/left@1.2.0");
  CHECK(
      purls(
          "/x/Pipfile.lock",
          R"({"_meta":{},"default":{"A_b":{"version":"==1.0"},"c":{"git":"x"}},"develop":{"d":{"version":"==2"}}})") ==
      "pkg:pypi/a-b@1.0");
  CHECK(purls("/x/poetry.lock", R"([[package]]
name = "A.b"
version = "1.0"
)") == "pkg:pypi/a-b@1.0");
  CHECK(purls("/usr/lib/ruby/gems/3.1.0/specifications/rake-13.0.6.gemspec",
              R"x(# -*- encoding: utf-8 -*-
Gem::Specification.new do |s|
  s.name = "rake".freeze
  s.version = "13.0.6"
  s.name = "x"
end
)x") == "pkg:gem/rake@13.0.6");
  CHECK(purls("/x/vendor/composer/installed.json",
              R"({"packages":[{"name":"a/b","version":"1.0"}]})") == "pkg:composer/a/b@1.0");
  CHECK(purls("/x/vendor/composer/installed.json", R"([{"name":"a/b","version":"1.0"}])") ==
        "pkg:composer/a/b@1.0");
  CHECK(purls("/usr/lib/python3/dist-packages/six-1.16.0.egg-info",
              "Name: six\nVersion: 1.16.0\n") == "pkg:pypi/six@1.16.0");
}

TEST_CASE("packages: what is no such file is nothing, and names are escaped") {
  CHECK(purls("/x/package-lock.json", "[[[").empty());
  CHECK(purls("/x/composer.lock", "null").empty());
  CHECK(purls("/var/lib/dpkg/status", std::string(1000, '\n')).empty());
  CHECK(purls("/var/lib/dpkg/status", "Package: " + std::string(10000, 'a') + "\n").empty());
  const auto packages =
      read_packages("/var/lib/dpkg/status", "Package: \x1b[31m\nVersion: 1\n", {});
  REQUIRE(packages.size() == 1);
  CHECK(packages[0].name == "\\x1b[31m");
}

TEST_CASE("sbom: the same packages give the same, in both formats") {
  PackageList list;
  list.image = codec::sha256("image");
  list.created = 1'700'000'000'123'456'789;
  list.packages =
      read_packages("/x/Cargo.lock", "[[package]]\nname = \"a\"\nversion = \"1\"\n", {});
  const json::Value spdx = print_spdx(list);
  CHECK(spdx["creationInfo"]["created"].as_string() == "2023-11-14T22:13:20Z");
  CHECK(spdx["packages"].as_array().size() == 2);
  CHECK(spdx["relationships"].as_array().size() == 2);
  const json::Value bom = print_cyclonedx(list);
  CHECK(bom["components"].as_array()[0]["purl"].as_string() == "pkg:cargo/a@1");
  const std::string serial = bom["serialNumber"].as_string();
  CHECK(serial.size() == 45);
  CHECK(serial[23] == '8');
  CHECK(json::print(print_spdx(list)) == json::print(spdx));
}
