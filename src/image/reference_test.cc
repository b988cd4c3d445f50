// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "image/image.h"

namespace tare::image {
namespace {

TEST_CASE("reference: full and familiar") {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const struct {
    std::string text, full, familiar;
  } cases[] = {
      {"busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"},
      {"user/app", "docker.io/user/app:latest", "user/app:latest"},
      {"docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"index.docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"localhost/x", "localhost/x:latest", "localhost/x:latest"},
      {"localhost:5000/x:t", "localhost:5000/x:t", "localhost:5000/x:t"},
      {"gcr.io/a/b/c", "gcr.io/a/b/c:latest", "gcr.io/a/b/c:latest"},
      {"[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"},
      {"a.b/c__d-e--f:V_1.0-x", "a.b/c__d-e--f:V_1.0-x", "a.b/c__d-e--f:V_1.0-x"},
      {"busybox@" + digest, "docker.io/library/busybox@" + digest, "busybox@" + digest},
      {"busybox:1@" + digest, "docker.io/library/busybox:1@" + digest, "busybox:1@" + digest},
      {"docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest"},
      {"docker.io/localhost/c", "docker.io/localhost/c:latest", "docker.io/localhost/c:latest"},
      {"UPPER/x", "UPPER/x:latest", "UPPER/x:latest"},
      {"library/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const auto reference = Reference::parse(c.text);
    REQUIRE(reference);
    CHECK(reference->text() == c.full);
    CHECK(reference->familiar() == c.familiar);
    const auto again = Reference::parse(reference->text());
    REQUIRE(again);
    CHECK(again->text() == c.full);
  }
}

TEST_CASE("reference: refused") {
  for (const std::string& text : {std::string(),
                                  std::string("Busybox"),
                                  std::string("a//b"),
                                  std::string("/a"),
                                  std::string("a/"),
                                  std::string("a:"),
                                  std::string(":t"),
                                  std::string("a:-t"),
                                  std::string("a:b:c"),
                                  std::string("a@sha256:12"),
                                  std::string("a@"),
                                  std::string("-a"),
                                  std::string("a-"),
                                  std::string("a..b"),
                                  std::string("a___b"),
                                  std::string("a b"),
                                  std::string("a\nb"),
                                  std::string("../a"),
                                  std::string("a/../b"),
                                  std::string("x.y"
                                              "/"),
                                  std::string("host:99999/a"),
                                  std::string("host.:5/a"),
                                  std::string("a:" + std::string(129, 'x')),
                                  std::string(64, 'a'),
                                  std::string(256, 'a'),
                                  std::string("a\0b", 3)}) {
    CAPTURE(text);
    CHECK(!Reference::parse(text));
  }
}

}  // namespace
}  // namespace tare::image
