// SPDX-License-Identifier: Apache-2.0
#include "build/extensions.h"

#include <doctest/doctest.h>

#include <map>

#include "build/conditions.h"

using namespace tare;
using namespace tare::build;

namespace {

const std::map<std::string, std::string, std::less<>> kFiles = {
    {"tools", "RUN apt-get install -y git\n"},
    {"nested", "INCLUDE tools\nINCLUDE $WHICH\n"},
    {"self", "INCLUDE self\n"},
    {"broken", "RUN a\n  NOT b\n"},
    {"other-escape", "# escape=`\nRUN a\n"},
};

Result<std::string> read_file(std::string_view what, std::string_view) {
  const auto file = kFiles.find(what);
  if (file == kFiles.end()) return fail(Kind::NotFound, "there is no such file");
  return file->second;
}

Result<std::string> plain(const std::string& text, const BuildOptions& options = {}) {
  Lines lines = TRY(split_lines(std::make_shared<const Source>("D", text)));
  const Lines expanded = TRY(expand_extensions(std::move(lines), options, read_file));
  return print_plain(expanded);
}

std::string refused(const std::string& text) {
  const auto result = plain(text);
  if (result) return "accepted";
  return result.error().message().substr(0, result.error().message().find('\n'));
}

}  // namespace

TEST_CASE("extensions: a plain Dockerfile stays what it is") {
  const std::string text =
      "# syntax=a\n# check=skip=all\n# what it is\nFROM a\nRUN x \\\n  y <<E "
      "<<-'F'\n$z\nE\n\tb\nF\n";
  CHECK(*plain(text) ==
        "# syntax=a\n# check=skip=all\n\n# what it is\nFROM a\nRUN x   y <<E "
        "<<-'F'\n$z\nE\n\tb\nF\n");
}

TEST_CASE("extensions: IF, FOR, PARAM and INCLUDE become plain lines") {
  BuildOptions options;
  options.arguments = {{"MODE", "release"}, {"WHICH", "tools"}};
  const auto text = plain(
      "ARG WHICH\n"
      "PARAM MODE:debug|release=debug\n"
      "PARAM JOBS:number=4\n"
      "FROM a\n"
      "ARG MODE\n"
      "IF $MODE == debug\n"
      "RUN one\n"
      "ELSE IF $JOBS != 4\n"
      "RUN two\n"
      "ELSE\n"
      "FOR tool IN gcc \"g ++\" $JOBS\n"
      "IF ${tool} != 4\n"
      "RUN make ${tool} $tools \\$tool $tool\n"
      "END\n"
      "END\n"
      "INCLUDE nested\n"
      "END\n"
      "FOR x IN\nRUN never\nEND\n"
      "IF false\nRUN never\nIF what is this\nELSE\nRUN never\nEND\nINCLUDE none\nEND\n",
      options);
  REQUIRE(text.has_value());
  CHECK(*text ==
        "ARG WHICH\nARG MODE=\"release\"\nARG JOBS=\"4\"\n\nFROM a\nARG MODE\n"
        "RUN make gcc $tools \\$tool gcc\n"
        "RUN make g ++ $tools \\$tool g ++\n"
        "RUN apt-get install -y git\nRUN apt-get install -y git\n");
}

TEST_CASE("extensions: places are those of the file that was written") {
  const auto file =
      parse_extended("D", "FROM a\nFOR x IN b c\nRUN $x\n  && COPYY $x\nEND\n", {}, read_file);
  CHECK(file.error().message().starts_with("D:4:3: '&&' is no instruction"));
  const auto included = parse_extended("D", "FROM a\nINCLUDE broken\n", {}, read_file);
  CHECK(included.error().message().starts_with("broken:2:3: 'NOT' is no instruction"));
  const auto good =
      parse_extended("D", "FROM a\nINCLUDE tools\nFOR x IN 1 2\nENV a=$x\nEND\n", {}, read_file);
  REQUIRE(good.has_value());
  REQUIRE(good->instructions.size() == 4);
  CHECK(good->instructions[1].source->name() == "tools");
  CHECK(good->instructions[3].as<Env>()->variables[0].value.text == "2");
  CHECK(good->instructions[3].range.begin == Position{4, 1});
}

TEST_CASE("extensions: heredocs within loops") {
  CHECK(*plain("FOR x IN a b\nRUN <<E\ncat $x \\$x\nE\nEND\n") ==
        "RUN <<E\ncat a \\$x\nE\nRUN <<E\ncat b \\$x\nE\n");
}

TEST_CASE("extensions: what Docker does not know is said in the plain file") {
  CHECK(*plain("FROM a\nUNSET ENV X\nCOPY --optional a b\nRUN --tools=b c\nLAYER deps\n") ==
        "FROM a\n# Docker has none of this: UNSET ENV X\n# Docker has no --optional:\n"
        "COPY --optional a b\n# Docker has no --tools:\nRUN --tools=b c\n"
        "# Docker has none of this: LAYER deps\n");
  CHECK(*plain("PARAM A=\"x\\\"\\$y\"\n") == "ARG A=\"x\\\"\\$y\"\n");
}

TEST_CASE("extensions: errors have a place") {
  const std::pair<const char*, const char*> cases[] = {
      {"FROM a\nIF $x\nRUN y\n", "D:2:1: this IF has no END"},
      {"END\n", "D:1:1: 'END' has no IF or FOR above it"},
      {"ELSE\n", "D:1:1: 'ELSE' has no IF or FOR above it"},
      {"IF a\nELSE\nELSE\nEND", "D:3:1: there is an ELSE above already"},
      {"IF a\nELSE x\nEND", "D:2:1: ELSE is followed by nothing or by IF"},
      {"FOR x IN a\n", "D:1:1: this FOR has no END"},
      {"FOR x IN a\nELSE\nEND\n", "D:2:1: a FOR has no ELSE"},
      {"FOR 1 IN a\nEND\n", "D:1:1: this is no FOR"},
      {"FOR x a\nEND\n", "D:1:1: this is no FOR"},
      {"IF a ==\nEND\n", "D:1:4: there is no value where one belongs"},
      {"IF a b\nEND\n", "D:1:4: 'b' has no place in it"},
      {"IF\nEND\n", "D:1:3: there is no value where one belongs"},
      {"INCLUDE none\n", "D:1:1: INCLUDE none: there is no such file"},
      {"INCLUDE\n", "D:1:1: INCLUDE takes the name of one file"},
      {"INCLUDE other-escape\n",
       "D:1:1: 'other-escape' has another escape character than this file"},
      {"INCLUDE self\n", "self:1:1: files include each other more than 16 deep"},
      {"PARAM X\n", "D:1:1: the parameter 'X' has no value"},
      {"PARAM X:number=a\n", "D:1:1: the parameter 'X' is a whole number, not 'a'"},
      {"PARAM X:bool=1\n", "D:1:1: the parameter 'X' is true or false, not '1'"},
      {"PARAM X:a|b=c\n", "D:1:1: the parameter 'X' is one of a, b, not 'c'"},
      {"PARAM X:what=c\n", "D:1:1: there is no type 'what'"},
      {"PARAM =c\n", "D:1:1: '' is no parameter"},
  };
  for (const auto& [text, message] : cases) {
    CAPTURE(text);
    CHECK(refused(text) == message);
  }
}

TEST_CASE("extensions: nothing goes on without end") {
  std::string text;
  for (int i = 0; i < 8; ++i) text += "FOR a IN 1 2 3 4 5 6 7 8 9 10\n";
  text += "RUN x\n";
  for (int i = 0; i < 8; ++i) text += "END\n";
  CHECK(refused(text).contains("more than 100000"));
  std::string deep;
  for (int i = 0; i < 30; ++i) deep += "IF a\n";
  CHECK(refused(deep).contains("nested more than 16 deep"));
  CHECK(refused("FOR x IN " + std::string(100'000, 'a') + "\nRUN <<E\n" +
                [] {
                  std::string many;
                  for (int i = 0; i < 10'000; ++i) many += "$x\n";
                  return many;
                }() +
                "E\nEND\n")
            .contains("64 MiB"));
}

TEST_CASE("conditions") {
  const Lookup lookup = [](std::string_view name) -> std::optional<std::string> {
    if (name == "yes") return "1";
    if (name == "two") return "a b";
    return std::nullopt;
  };
  const std::pair<const char*, bool> cases[] = {
      {"$yes", true},
      {"$no", false},
      {"0", false},
      {"false", false},
      {"NOT $no", true},
      {"NOT NOT $no", false},
      {"$two == 'a b'", true},
      {"$two != \"a b\"", false},
      {"$two IN x 'a b'", true},
      {"$two IN x y", false},
      {"$yes OR $no AND $no", true},
      {"$no AND $no OR $yes", true},
      {"NOT a == b", true},
      {"\"\"", false},
      {"x IN x AND $no", false},
  };
  for (const auto& [text, holds] : cases) {
    CAPTURE(text);
    const auto result = evaluate_condition(text, lookup, '\\');
    REQUIRE(result.has_value());
    CHECK(*result == holds);
  }
}
