// SPDX-License-Identifier: Apache-2.0
#include "engine/build_packages.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::engine;

TEST_CASE("packages: databases of dpkg and apk") {
  Packages packages;
  read_dpkg(
      "Package: one\nStatus: install ok installed\nVersion: 1:2.0-1\n\n"
      "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: half\n\n",
      packages);
  read_apk("C:Q1\nP:musl\nV:1.2-r0\n\nP:zlib\nV:1.3-r1", packages);
  CHECK(packages == Packages{{"one", "1:2.0-1"}, {"musl", "1.2-r0"}, {"zlib", "1.3-r1"}});
  const auto lines =
      package_changes(packages, {{"one", "1:2.0-2"}, {"musl", "1.2-r0"}, {"new", "1"}});
  CHECK(lines ==
        std::vector<std::string>{"  + new 1", "    one: 1:2.0-1 -> 1:2.0-2", "  - zlib 1.3-r1"});
}
