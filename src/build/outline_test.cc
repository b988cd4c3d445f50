// SPDX-License-Identifier: Apache-2.0
#include "build/outline.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::build;

namespace {

Outline outline(const std::string& text, BuildOptions options = {}) {
  const auto file = parse_dockerfile("Dockerfile", text);
  REQUIRE(file);
  options.build_platform = {.os = "linux", .architecture = "amd64", .variant = ""};
  options.target_platform = options.build_platform;
  auto found = outline_of(*file, options, {});
  if (!found) FAIL(found.error().message());
  return std::move(*found);
}

std::string print(const std::vector<OutlineItem>& items) {
  std::string text;
  for (const OutlineItem& item : items)
    text += item.name + "=" + item.value + "(" + item.description + ")" +
            (item.required ? "!" : "") + "@" + std::to_string(item.range.begin.line) + " ";
  return text;
}

constexpr const char* kFile = R"(
ARG inherited=box
ARG inherited2=box2
ARG unused=abc${inherited2}
# sfx is a suffix
ARG sfx="usy${inherited}"

FROM b${sfx} AS first
# this is not assigned to anything
ARG FOO=123
# BAR is a number
ARG BAR=456
RUN --mount=type=secret,id=used${BAR} --mount=type=ssh true

FROM alpine${unused} AS second
ARG BAZ
RUN --mount=type=secret,id=other --mount=type=ssh,id=ssh2 true

FROM scratch AS third
ARG ABC=a
ARG TARGETARCH

# target is what is meant
FROM third AS target
COPY --from=first /etc/passwd /
RUN --mount=type=secret,id=needed,required=true --mount=type=ssh,id=mine,required true

FROM second
)";

}  // namespace

TEST_CASE("outline: what the target needs, and what that is made of") {
  BuildOptions options;
  options.target = "target";
  options.arguments["BAR"] = "678";
  const Outline found = outline(kFile, options);
  CHECK(found.name == "target");
  CHECK(found.description == "is what is meant");
  CHECK(print(found.arguments) ==
        "inherited=box()@2 sfx=usybox(is a suffix)@6 FOO=123()@10 BAR=678(is a number)@12 "
        "ABC=a()@20 ");
  CHECK(print(found.secrets) == "used678=()@13 needed=()!@26 ");
  CHECK(print(found.agents) == "default=()@13 mine=()!@26 ");
}

TEST_CASE("outline: another target has others, and no name where it has none") {
  const Outline found = outline(kFile);
  CHECK(found.name.empty());
  CHECK(print(found.arguments) == "inherited2=box2()@3 unused=abcbox2()@4 BAZ=()@16 ");
  CHECK(print(found.secrets) == "other=()@17 ");
}
