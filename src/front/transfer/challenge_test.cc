// SPDX-License-Identifier: Apache-2.0
#include "front/transfer/challenge.h"

#include <doctest/doctest.h>

#include "front/transfer/url.h"

namespace tare::front_transfer {
namespace {

TEST_CASE("challenges: one, several, with odd spacing") {
  const auto one = parse_challenges(
      R"(Bearer realm="https://auth.example/token",service="registry",scope="repository:a/b:pull,push")");
  REQUIRE(one);
  REQUIRE(one->size() == 1);
  CHECK(one->front().scheme == "bearer");
  CHECK(one->front().parameters.at("realm") == "https://auth.example/token");
  CHECK(one->front().parameters.at("scope") == "repository:a/b:pull,push");
  const auto two = parse_challenges(R"(Negotiate , Basic Realm = "a \"b\"" ,charset=UTF-8)");
  REQUIRE(two);
  REQUIRE(two->size() == 2);
  CHECK(two->at(1).parameters.at("realm") == "a \"b\"");
  CHECK(two->at(1).parameters.at("charset") == "UTF-8");
  CHECK(parse_challenges("Negotiate abcd==, Basic realm=x")->size() == 2);
  CHECK_FALSE(parse_challenges(R"(Bearer realm="x)"));
  CHECK_FALSE(parse_challenges(R"(Bearer realm="x",realm="y")"));
}

TEST_CASE("URLs: origins, and where secrets may go") {
  CHECK(origin_of("HTTPS://A.example/x")->port == 443);
  CHECK(*origin_of("https://a.example") == *origin_of("https://a.example:443/v2/"));
  CHECK(*origin_of("https://a.example") != *origin_of("http://a.example"));
  CHECK_FALSE(origin_of("ftp://a.example/"));
  CHECK_FALSE(origin_of("https://user:word@a.example/"));
  CHECK_FALSE(origin_of("file:///etc/passwd"));
  CHECK(*resolve_url("https://a.example/v2/x", "/y?z=1") == "https://a.example/y?z=1");

  CHECK(check_realm("https://registry-1.docker.io", "https://auth.docker.io/token", true));
  CHECK(check_realm("https://a.example", "https://thief.test/token", false));
  CHECK_FALSE(check_realm("https://a.example", "https://thief.test/token", true));
  CHECK_FALSE(check_realm("https://a.co.uk", "https://b.co.uk/token", true));
  CHECK_FALSE(check_realm("https://a.example", "http://a.example/token", false));
  CHECK_FALSE(check_realm("https://10.0.0.1", "https://10.0.0.2/token", true));
  CHECK(check_realm("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", true));
  CHECK_FALSE(check_realm("http://127.0.0.1:5000", "http://localhost:5001/token", false));

  CHECK(check_redirect("https://a.example/x", "https://cdn.test/y"));
  CHECK_FALSE(check_redirect("https://a.example/x", "http://a.example/x"));
  for (const char* here :
       {"127.0.0.1", "127.1", "2130706433", "localhost", "0.0.0.0", "[::1]", "[::]",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "169.254.169.254", "[fe80::1]"}) {
    CAPTURE(std::string(here));
    CHECK_FALSE(check_redirect("https://a.example/x", "https://" + std::string(here) + "/x"));
    CHECK_FALSE(check_realm("https://a.example", "https://" + std::string(here) + "/x", false));
  }
  CHECK(check_redirect("http://127.0.0.1:5000/x", "http://127.0.0.1:5001/x"));
  CHECK_FALSE(check_redirect("https://a.example/x", "file:///etc/passwd"));
}

}  // namespace
}  // namespace tare::front_transfer
