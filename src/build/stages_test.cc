// SPDX-License-Identifier: Apache-2.0
#include "build/stages.h"

#include <doctest/doctest.h>

#include "build/stage_state.h"

using namespace tare;
using namespace tare::build;

namespace {

Result<StageGraph> graph_of(const std::string& text, BuildOptions options = {}) {
  options.build_platform = {"linux", "amd64", ""};
  options.target_platform = {"linux", "arm64", "v8"};
  const Dockerfile file = TRY(parse_dockerfile("D", text));
  return StageGraph::resolve(file, options);
}

std::string refused(const std::string& text, const BuildOptions& options = {}) {
  const auto graph = graph_of(text, options);
  Error error(Kind::Internal, "");
  if (!graph) {
    error = graph.error();
  } else if (const auto needed = graph->needed(); !needed) {
    error = needed.error();
  } else {
    return "accepted";
  }
  const std::string& message = error.message();
  return message.substr(0, message.find('\n')) + (error.hint().empty() ? "" : " | " + error.hint());
}

using Indexes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("stages: what the target needs, in order") {
  const std::string text =
      "FROM a AS one\n"
      "FROM one AS two\n"
      "FROM b AS unused\nCOPY --from=later / /\n"
      "FROM c AS three\nRUN --mount=type=bind,from=two,target=/x y\n"
      "FROM d\nCOPY --from=three /x /\nCOPY --from=0 /x /\nCOPY --from=img:1 /y /\n"
      "FROM e AS later\n";
  BuildOptions options;
  options.target = "later";
  CHECK(*graph_of(text, options)->needed() == Indexes{5});
  options.target = "THREE";
  CHECK(*graph_of(text, options)->needed() == Indexes{0, 1, 3});
  const auto graph = graph_of(text);
  CHECK(graph->target().name == "later");
  const Stage& fourth = graph->stages()[4];
  CHECK(fourth.label() == "stage-4");
  REQUIRE(fourth.dependencies.size() == 3);
  CHECK(fourth.dependencies[0].stage == 3U);
  CHECK(fourth.dependencies[1].stage == 0U);
  CHECK_FALSE(fourth.dependencies[2].stage.has_value());
  CHECK(fourth.dependencies[2].image == "img:1");
  CHECK(fourth.dependency(2) == &fourth.dependencies[2]);
  CHECK(fourth.dependency(7) == nullptr);
}

TEST_CASE("stages: variables in FROM") {
  BuildOptions options;
  options.arguments = {{"TAG", "given"}};
  const auto graph = graph_of(
      "ARG TAG=default\nARG REPO=r/$TAG\nARG EMPTY\nFROM --platform=$BUILDPLATFORM $REPO:$TAG\n"
      "FROM img-$TARGETARCH$TARGETVARIANT\nCOPY --from=$REPO a b\n",
      options);
  REQUIRE(graph.has_value());
  CHECK(graph->stages()[0].base == "r/given:given");
  CHECK(graph->stages()[0].platform->text() == "linux/amd64");
  CHECK(graph->stages()[1].base == "img-arm64v8");
  CHECK(graph->stages()[1].dependencies[0].image == "r/given");
  CHECK(graph->preamble().size() == 3);
}

TEST_CASE("stages: arguments that nothing asks for") {
  BuildOptions options;
  options.arguments = {{"A", ""},           {"B", ""},          {"MISTYPED", ""},
                       {"https_proxy", ""}, {"BUILDKIT_X", ""}, {"TARGETARCH", ""}};
  const auto graph = graph_of("ARG A\nFROM x\nONBUILD ARG MISTYPED\nFROM y\nARG B=1 C\n", options);
  CHECK(graph->unused_arguments(options) == std::vector<std::string>{"MISTYPED"});
}

TEST_CASE("stages: a named context stands for a stage") {
  BuildOptions options;
  options.contexts = {"Base", "img"};
  const auto graph =
      graph_of("FROM x AS base\nCOPY --from=nowhere a b\nFROM base\nFROM img\n", options);
  REQUIRE(graph.has_value());
  CHECK(graph->stages()[0].is_context);
  CHECK(graph->stages()[0].dependencies.empty());
  CHECK(graph->stages()[1].base_stage == 0U);
  CHECK_FALSE(graph->stages()[2].base_stage.has_value());
}

TEST_CASE("stages: triggers") {
  auto graph = graph_of(
      "FROM a AS tool\nFROM b AS kit\nONBUILD RUN --mount=type=bind,from=tool,target=/t x\n"
      "FROM kit AS user\nRUN y\nFROM user\nFROM image\nCOPY c d\n");
  REQUIRE(graph.has_value());
  const Stage& user = graph->stages()[2];
  REQUIRE(user.instructions.size() == 2);
  CHECK(user.instructions[0].from_trigger);
  CHECK(user.dependencies[0].stage == 0U);
  CHECK(graph->stages()[3].instructions.empty());
  CHECK(*graph->needed() == Indexes{4});
  const std::string triggers[] = {"COPY --from=tool /a /b", "RUN make"};
  REQUIRE(graph->add_triggers(4, triggers).has_value());
  CHECK(graph->stages()[4].instructions.size() == 3);
  CHECK(*graph->needed() == Indexes{0, 4});
  const std::string bad[] = {"FROM x"};
  CHECK(graph->add_triggers(4, bad).error().message().starts_with(
      "ONBUILD of image:1:1: FROM cannot be a trigger"));
}

TEST_CASE("stages: errors") {
  const std::pair<const char*, const char*> cases[] = {
      {"",
       "D: there is no FROM, so nothing is to be built | start with FROM IMAGE, or FROM "
       "scratch for an empty one"},
      {"RUN x\nFROM a", "D:1:1: 'RUN' stands before the first FROM | only ARG may stand there"},
      {"ARG BASE=x\nFROM $BAZE",
       "D:2:6: the base image has no name: '$BAZE' is empty | is $BASE "
       "meant?"},
      {"FROM $X",
       "D:1:6: the base image has no name: '$X' is empty | write ARG X=DEFAULT before "
       "the first FROM, or give --build-arg X=VALUE"},
      {"FROM a AS b\nFROM B", "D:2:6: 'B' is no name of an image | the stage is called b"},
      {"FROM a:b:c",
       "D:1:6: 'a:b:c' is no name of an image | write it like debian:12, in small "
       "letters"},
      {"FROM a\nCOPY --from=7 a b", "D:2:6: there is no stage 7: the last is stage 0"},
      {"FROM a\nCOPY --from=0 a b", "D:2:6: stage 0 copies from itself"},
      {"FROM a\nCOPY --from=$n a b",
       "D:2:6: '--from' may have variables of before the first FROM, and '$n' is none | write ARG "
       "n before the first FROM"},
      {"FROM a AS x\nCOPY --from=x a b", "D:1:1: the stage 'x' needs itself"},
      {"FROM a AS x\nCOPY --from=y a b\nFROM x AS y",
       "D:1:1: the stages 'x', 'y' need each other, each the next"},
      {"FROM a AS x\nCOPY --from=y a b\nFROM a AS y\nFROM x",
       "D:2:1: the stage 'y' is defined only below, on line 3 | move it above the stage 'x'"},
      {"FROM a AS x\nCOPY --from=y a b\nFROM a AS y", "accepted"},
      {"ARG A=${B:?wanted}\nFROM a", "D:1:7: B: wanted"},
  };
  for (const auto& [text, message] : cases) {
    CAPTURE(text);
    CHECK(refused(text) == message);
  }
  BuildOptions options;
  options.target = "biuld";
  CHECK(refused("FROM a AS build\n", options) == "no stage is called 'biuld' | is build meant?");
}

TEST_CASE("stages: many stages that need each other are looked through at once") {
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    text += "FROM " + (i == 0 ? std::string("scratch") : "s" + std::to_string(i - 1)) + " AS s" +
            std::to_string(i) + "\n";
    if (i > 1) text += "COPY --from=s" + std::to_string(i - 2) + " a b\n";
  }
  CHECK(graph_of(text)->needed()->size() == 2000);
}
