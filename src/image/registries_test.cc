// SPDX-License-Identifier: Apache-2.0
#include "image/registries.h"

#include <doctest/doctest.h>

namespace tare::image {
namespace {

Registries rules(std::string_view text) {
  Registries registries;
  REQUIRE(add_registries(registries, text, "test.conf"));
  return registries;
}

std::vector<std::string> places(const Registries& registries, const char* name,
                                Registry::Use use = Registry::Use::Pull) {
  const auto sites = find_sites(*Reference::parse(name), use, {}, registries);
  if (!sites) return {sites.error().message()};
  std::vector<std::string> all;
  for (const Site& site : *sites) all.push_back(site.host + "/" + site.repository);
  return all;
}

using Strings = std::vector<std::string>;

TEST_CASE("registries: the longest prefix counts, and mirrors come first") {
  const Registries registries = rules(R"(
[[registry]]
prefix = "a.example"
location = "b.example/all"
[[registry]]
prefix = "a.example/team"
location = "c.example"
[[registry.mirror]]
location = "m.example/x"
[[registry.mirror]]
location = "d.example"
pull-from-mirror = "digest-only"
)");
  CHECK(places(registries, "a.example/x:1") == Strings{"b.example/all/x"});
  CHECK(places(registries, "a.example/teamwork/x") == Strings{"b.example/all/teamwork/x"});
  CHECK(places(registries, "a.example/team/x") == Strings{"m.example/x/x", "c.example/x"});
  CHECK(places(registries, "a.example/team/x", Registry::Use::Push) == Strings{"c.example/x"});
  CHECK(places(registries, "other.example/x") == Strings{"other.example/x"});
}

TEST_CASE("registries: short names") {
  const Registries none;
  CHECK(expand_name("busybox", none)->front().text() == "docker.io/library/busybox:latest");
  const Registries some = rules(
      "unqualified-search-registries = ['a.example', 'b.example']\n[aliases]\nfed = "
      "'r.example/fed'\n");
  CHECK(expand_name("fed:1", some)->front().text() == "r.example/fed:1");
  REQUIRE(expand_name("x/y:2", some)->size() == 2);
  CHECK(expand_name("x/y:2", some)->at(1).text() == "b.example/x/y:2");
  CHECK(expand_name("docker.io/x/y", some)->front().text() == "docker.io/x/y:latest");
}

TEST_CASE("registries: what would weaken by mistake is refused") {
  Registries registries;
  CHECK_FALSE(add_registries(registries, "[[registry]]\nlocation='a'\nblocked = 'yes'\n", "f"));
  CHECK_FALSE(add_registries(registries, "[[registry]]\ninsecure = true\n", "f"));
  CHECK_FALSE(add_registries(registries, "[registries.search]\nregistries = ['a']\n", "f"));
}

}  // namespace
}  // namespace tare::image
