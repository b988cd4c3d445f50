// SPDX-License-Identifier: Apache-2.0
#include "build/stage_state.h"

#include <doctest/doctest.h>

#include "build/parser.h"

using namespace tare;
using namespace tare::build;

namespace {

using Words = std::vector<std::string>;

// A stage on an image, one instruction after the other.
struct Stage {
  BuildOptions options;
  Variables globals;
  StageState state = StageState(globals, options, '\\', base());

  static oci::ImageConfig base() {
    oci::ImageConfig config;
    config.env = {"PATH=/bin", "BASE=1"};
    config.cmd = {"base"};
    config.working_dir = "/base";
    config.labels = {{"l", "1"}};
    config.exposed_ports = {"80/tcp"};
    config.volumes = {"/v"};
    config.on_build = {"RUN x"};
    return config;
  }
  Result<Expanded> run(const std::string& text) {
    const Dockerfile file = TRY(parse_dockerfile("D", text));
    Expanded last;
    for (const Instruction& instruction : file.instructions) {
      last = TRY(state.expand(instruction));
      TRY(state.apply(last.instruction));
    }
    return last;
  }
  std::string last_history() const { return state.config().history.back().created_by; }
};

}  // namespace

TEST_CASE("stage state: variables, ENV and ARG, the later wins") {
  Stage stage;
  stage.options.arguments = {{"given", "G"}};
  stage.globals.set("global", "glob");
  REQUIRE(stage.run("ARG a=1 b=$a-2 given=no global none\nENV e=$a$BASE a=9 f=$a\nARG e=3\n"));
  CHECK(stage.state.variable("b") == "1-2");
  CHECK(stage.state.variable("given") == "G");
  CHECK(stage.state.variable("global") == "glob");
  CHECK_FALSE(stage.state.variable("none").has_value());
  CHECK(stage.state.declares("none"));
  CHECK(stage.state.variable("f") == "1");  // From before the line.
  CHECK(stage.state.variable("e") == "3");
  CHECK(stage.state.config().env == Words{"PATH=/bin", "BASE=1", "e=11", "a=9", "f=1"});
  REQUIRE(stage.run("RUN make").has_value());
  CHECK(stage.last_history() ==
        "RUN |6 a=9 b=1-2 given=G global=glob none= e=3 /bin/sh -c make # buildkit");
  CHECK_FALSE(stage.state.config().history.back().empty_layer);
  CHECK(stage.state.environment().size() == 8);
}

TEST_CASE("stage state: what is expanded and what is not") {
  Stage stage;
  auto expanded = stage.run(
      "COPY --chown=$BASE --exclude=$BASE $BASE <<E <<'F' /d$BASE\n\"$BASE\" \\$x\nE\n$BASE\nF\n");
  REQUIRE(expanded.has_value());
  const FileSources& files = expanded->instruction.as<Copy>()->files;
  CHECK(files.chown.text == "1");
  CHECK(files.excludes[0].text == "$BASE");
  CHECK(files.paths[0].text == "1");
  CHECK(files.destination.text == "/d1");
  CHECK(files.contents[0].content == "\"1\" $x\n");
  CHECK(files.contents[1].content == "$BASE\n");
  CHECK(stage.last_history() == "COPY --chown=1 1 <<E <<F /d1 # buildkit");
  REQUIRE(stage.run("CMD echo $BASE\nLABEL a=$BASE b='$BASE'").has_value());
  CHECK(stage.state.config().cmd == Words{"/bin/sh", "-c", "echo $BASE"});
  CHECK(stage.state.config().labels.at("a") == "1");
  CHECK(stage.state.config().labels.at("b") == "$BASE");
  expanded = stage.run("RUN --mount=type=cache,target=$BASE/$none x");
  REQUIRE(expanded.has_value());
  CHECK(expanded->mounts[0].target == "/base/1");
  CHECK(expanded->unset == std::set<std::string>{"none"});
}

TEST_CASE("stage state: commands of RUN") {
  const std::pair<const char*, Words> cases[] = {
      {"RUN a $b", {"/bin/sh", "-c", "a $b"}},
      {"RUN [\"a\", \"$b\"]", {"a", "$b"}},
      {"RUN <<E\na\nb\nE", {"/bin/sh", "-c", "a\nb\n"}},
      {"RUN <<-E\n\ta\n\tE", {"/bin/sh", "-c", "a\n"}},
      {"RUN cat <<E >x\na\nE", {"/bin/sh", "-c", "cat <<E >x\na\nE"}},
      {"RUN python <<E && <<-F\na\nE\n\tb\nF",
       {"/bin/sh", "-c", "python <<E && <<-F\na\nE\n\tb\nF"}},
      {"RUN <<E\n#!/usr/bin/x\na\nE", {"/dev/pipes/E"}},
  };
  for (const auto& [text, words] : cases) {
    CAPTURE(text);
    Stage stage;
    const auto expanded = stage.run(text);
    REQUIRE(expanded.has_value());
    const RunCommand command = stage.state.command(*expanded->instruction.as<Run>());
    CHECK(command.arguments == words);
    CHECK(command.script.has_value() == (words.size() == 1));
  }
}

TEST_CASE("stage state: on another stage") {
  Stage stage;
  REQUIRE(stage.run("ARG a=1\nCMD x\nONBUILD RUN y\nSHELL [\"s\"]").has_value());
  CHECK(stage.state.config().on_build == Words{"RUN y"});
  stage.state = StageState::on(stage.state);
  CHECK(stage.state.config().on_build.empty());
  CHECK(stage.state.variable("a") == "1");
  REQUIRE(stage.run("ENTRYPOINT e").has_value());
  CHECK(stage.state.config().cmd.empty());
  CHECK(stage.state.config().entrypoint == Words{"s", "e"});
}

TEST_CASE("stage state: UNSET takes away what the base has") {
  Stage stage;
  REQUIRE(stage.run("UNSET ENV BASE\nUNSET LABEL l\nUNSET EXPOSE 80\nUNSET VOLUME /v\n"));
  CHECK(stage.state.config().env == Words{"PATH=/bin"});
  CHECK(stage.state.config().labels.empty());
  CHECK(stage.state.config().exposed_ports.empty());
  CHECK(stage.state.config().volumes.empty());
  CHECK(stage.last_history() == "UNSET VOLUME /v");
}

TEST_CASE("stage state: errors have a place") {
  const std::pair<const char*, const char*> cases[] = {
      {"ENV a=${b:?gone}", "D:1:7: b: gone"},
      {"EXPOSE 80 90000", "D:1:11: '90000' is no port: ports end at 65535"},
      {"EXPOSE 80/icmp", "D:1:8: '80/icmp' is no port: the protocol is tcp, udp or sctp"},
      {"VOLUME $none", "D:1:8: the path of the volume is empty"},
      {"RUN --mount=type=secret,id=$none x", "D:1:5: a secret needs 'id' or 'target'"},
      {"RUN --mount=type=tmpfs,target=/ x", "D:1:5: nothing can be mounted over '/'"},
  };
  for (const auto& [text, message] : cases) {
    CAPTURE(text);
    Stage stage;
    const auto expanded = stage.run(text);
    REQUIRE_FALSE(expanded.has_value());
    CHECK(expanded.error().message().substr(0, expanded.error().message().find('\n')) == message);
  }
}

TEST_CASE("stage state: texts as Go prints them") {
  using std::chrono::nanoseconds;
  CHECK(go_quoted("a\"b\\c\n\t\x01\x7f\xc3\xa4\xff") == R"("a\"b\\c\n\t\x01\x7fä\xff")");
  const std::pair<std::int64_t, const char*> cases[] = {{0, "0s"},
                                                        {1, "1ns"},
                                                        {1'500, "1.5µs"},
                                                        {2'000'000, "2ms"},
                                                        {1'500'000'000, "1.5s"},
                                                        {90'000'000'000, "1m30s"},
                                                        {3'600'000'000'000, "1h0m0s"},
                                                        {3'600'250'000'000, "1h0m0.25s"}};
  for (const auto& [ns, text] : cases) CHECK(go_duration(nanoseconds(ns)) == text);
}
