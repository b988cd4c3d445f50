// SPDX-License-Identifier: Apache-2.0
#include "front/transfer/proxy.h"

#include <doctest/doctest.h>

namespace tare::front_transfer {
namespace {

std::string chosen(const std::string& url, const std::string& none) {
  const auto origin = origin_of(url);
  REQUIRE(origin.has_value());
  return proxy_for(*origin, {.http = "http://plain:1", .https = "http://safe:2", .none = none});
}

bool is_direct(const std::string& url, const std::string& none) {
  return chosen(url, none).empty();
}

}  // namespace

TEST_CASE("the proxy is that of the scheme, and this machine has none") {
  CHECK(chosen("http://a.example", "") == "http://plain:1");
  CHECK(chosen("https://a.example", "") == "http://safe:2");
  for (const char* own : {"http://localhost:5000", "http://127.0.0.1", "https://[::1]:443"})
    CHECK(is_direct(own, ""));
}

TEST_CASE("names without a proxy") {
  CHECK(is_direct("http://a.example", "*"));
  CHECK(is_direct("http://a.example", "b.example, A.Example"));
  CHECK(is_direct("http://x.a.example", "a.example"));
  CHECK(!is_direct("http://xa.example", "a.example"));
  CHECK(is_direct("http://x.a.example", ".a.example"));
  CHECK(!is_direct("http://a.example", ".a.example"));
  CHECK(is_direct("http://x.a.example", "*.a.example"));
  CHECK(is_direct("http://a.example", "b.example a.example"));
  CHECK(!is_direct("http://a.example", " ,,"));
}

TEST_CASE("ports without a proxy") {
  CHECK(is_direct("http://a.example:5000", "a.example:5000"));
  CHECK(!is_direct("http://a.example:5001", "a.example:5000"));
  CHECK(is_direct("https://a.example", "a.example:443"));
  CHECK(is_direct("http://[fd00::1]:5000", "[fd00::1]:5000"));
  CHECK(!is_direct("http://[fd00::1]:5001", "[fd00::1]:5000"));
}

TEST_CASE("addresses and ranges without a proxy") {
  CHECK(is_direct("http://10.1.2.3", "10.1.2.3"));
  CHECK(is_direct("http://10.1.2.3", "10.0.0.0/8"));
  CHECK(!is_direct("http://11.1.2.3", "10.0.0.0/8"));
  CHECK(is_direct("http://10.1.2.3", "10.1.2.0/27"));
  CHECK(!is_direct("http://10.1.2.32", "10.1.2.0/27"));
  CHECK(is_direct("http://10.1.2.3", "0.0.0.0/0"));
  CHECK(is_direct("http://[fd00::1]", "fd00::/8"));
  CHECK(is_direct("http://[fd00::1]", "fd00::1"));
  CHECK(!is_direct("http://[fe80::1]", "fd00::/8"));
  CHECK(!is_direct("http://10.1.2.3", "10.0.0.0/33"));
  CHECK(!is_direct("http://10.1.2.3", "10.0.0.0/x"));
  CHECK(!is_direct("http://a.example", "10.0.0.0/8"));
  CHECK(!is_direct("http://10.1.2.3", "fd00::/8"));
}

}  // namespace tare::front_transfer
