// SPDX-License-Identifier: Apache-2.0
#include "front/cli/options.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "front/cli/help.h"

using namespace tare;
using namespace tare::cli;

namespace {

std::expected<CommandLine, UsageError> parse(std::vector<const char*> words) {
  return parse_command_line(words);
}

// The error's message, hint behind it; empty when there is none.
std::string failure(std::vector<const char*> words, int exit_status) {
  const auto line = parse_command_line(words);
  if (line) return "";
  CHECK(line.error().exit_status == exit_status);
  return line.error().error.message() + " | " + line.error().error.hint();
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("options of run end at the image") {
  const auto line = parse({"run", "-it", "--rm", "-e", "A=1", "-eB=2", "--env=C=3", "--name", "x",
                           "busybox", "ls", "-l", "--", "--rm"});
  REQUIRE(line);
  CHECK(line->command->name == "run");
  const Arguments& arguments = line->arguments;
  CHECK(arguments.flag("interactive"));
  CHECK(arguments.flag("tty"));
  CHECK(arguments.flag("rm"));
  CHECK(arguments.list("env") == std::vector<std::string>{"A=1", "B=2", "C=3"});
  CHECK(arguments.value("name") == "x");
  CHECK(arguments.operands == std::vector<std::string>{"busybox", "ls", "-l", "--", "--rm"});
}

TEST_CASE("options of other commands may stand behind operands") {
  const auto line = parse({"rm", "a", "-f", "b", "--", "-c"});
  REQUIRE(line);
  CHECK(line->arguments.flag("force"));
  CHECK(line->arguments.operands == std::vector<std::string>{"a", "b", "-c"});
}

TEST_CASE("flags have values, the last one counts") {
  CHECK_FALSE(parse({"run", "--tty=false", "x"})->arguments.flag("tty"));
  CHECK_FALSE(parse({"run", "-t", "-t=0", "x"})->arguments.flag("tty"));
  CHECK(parse({"run", "x"})->arguments.flag("sig-proxy"));
  CHECK_FALSE(parse({"run", "--sig-proxy=false", "x"})->arguments.flag("sig-proxy"));
  CHECK(contains(failure({"run", "--tty=maybe", "x"}, 125), "--tty is on or off, not 'maybe'"));
}

TEST_CASE("values: letters bundled, with and without =") {
  CHECK(parse({"logs", "-fn5", "x"})->arguments.value("tail") == "5");
  CHECK(parse({"logs", "-fn=5", "x"})->arguments.value("tail") == "5");
  CHECK(parse({"logs", "-fn", "5", "x"})->arguments.value("tail") == "5");
  CHECK(parse({"run", "--name=", "x"})->arguments.value("name") == "");
  CHECK(parse({"run", "-h", "host", "x"})->arguments.value("hostname") == "host");
  CHECK(contains(failure({"run", "--name"}, 125), "--name needs a value"));
  CHECK(contains(failure({"run", "-e"}, 125), "--env needs a value"));
}

TEST_CASE("global options stand before the command") {
  const auto line = parse({"--root", "/x", "-D", "ps", "-a"});
  REQUIRE(line);
  CHECK(line->global.value("root") == "/x");
  CHECK(line->global.flag("debug"));
  CHECK(line->arguments.flag("all"));
  CHECK(contains(failure({"ps", "--root", "/x"}, 125), "tare ps has no option '--root'"));
}

TEST_CASE("help is found everywhere, also by -h where that is free") {
  CHECK(parse({"--help"})->help);
  CHECK(parse({})->command == nullptr);
  CHECK(parse({"run", "--help"})->help);
  CHECK(parse({"ps", "-h"})->help);
  CHECK(parse({"help", "ps"})->command->name == "ps");
  CHECK(parse({"container"})->group == "container");
  CHECK(parse({"container", "--help"})->group == "container");
  CHECK_FALSE(parse({"run", "x", "--help"})->help);
}

TEST_CASE("commands have long names") {
  CHECK(parse({"container", "ls"})->command->name == "ps");
  CHECK(parse({"image", "rm", "x"})->command->name == "rmi");
  CHECK(parse({"image", "inspect", "x"})->arguments.called() == "image inspect");
  CHECK(parse({"container", "run", "x", "-t"})->arguments.operands.size() == 2);
}

TEST_CASE("mistakes are named, with what may have been meant") {
  CHECK(contains(failure({"rum", "x"}, 1), "did you mean 'tare run'"));
  CHECK(contains(failure({"run", "--nmae", "x", "y"}, 125), "did you mean --name?"));
  CHECK(contains(failure({"ps", "-Z"}, 125), "tare ps has no option '-Z'"));
  CHECK(contains(failure({"container", "lss"}, 1), "did you mean 'tare container ls'"));
  CHECK(contains(failure({"rm"}, 1), "needs at least 1 argument"));
  CHECK(contains(failure({"ps", "x"}, 1), "takes no arguments, but there is 'x'"));
  CHECK(contains(failure({"logs", "x", "y"}, 1), "there is also 'y'"));
}

TEST_CASE("what Docker has and Tare has not gets a sentence, unless it asks for the usual") {
  CHECK(contains(failure({"run", "--link-local-ip", "169.254.0.1", "x"}, 125), "cannot be chosen"));
  CHECK(contains(failure({"run", "--gpus", "all", "x"}, 125), "not there yet"));
  CHECK(parse({"run", "--no-healthcheck", "--restart", "no", "--ipc=private", "x"}));
  CHECK(contains(failure({"swarm", "init"}, 125), "no swarm"));
  CHECK(contains(failure({"container", "commit", "x"}, 125), "not there yet"));
  CHECK(parse({"image", "pull", "x"}));
}

TEST_CASE("the table is sound") {
  std::set<std::string_view> names;
  for (const Command& command : commands()) {
    CAPTURE(command.name);
    CHECK((command.run != nullptr));
    for (const std::string_view name : names_of(command)) CHECK(names.insert(name).second);
    std::set<std::string_view> options{"help"};
    std::set<char> letters;
    for (const auto& set : {command.options, command.more_options})
      for (const Option& option : set) {
        CAPTURE(option.name);
        CHECK(options.insert(option.name).second);
        if (option.letter != 0) CHECK(letters.insert(option.letter).second);
        CHECK((option.hidden || !option.help.empty()));
        if (option.is_shown()) CHECK(option.is_flag() == option.argument.empty());
      }
  }
  for (const MissingCommand& missing : missing_commands()) CHECK(names.insert(missing.name).second);
}

TEST_CASE("help, manual and completion come from the table") {
  const auto line = parse({"run", "--help"});
  const std::string help = command_help(line->arguments);
  CHECK(contains(help, "Usage:  tare run [OPTIONS] IMAGE [COMMAND] [ARG...]"));
  CHECK(contains(help, "  -e, --env NAME=VALUE"));
  CHECK_FALSE(contains(help, "--gpus"));
  CHECK_FALSE(contains(help, "--net "));
  CHECK(contains(program_help(), "  ps "));
  CHECK(contains(group_help("image"), "  ls "));
  const std::string page = man_page();
  for (const Command& command : commands())
    if (!command.hidden) CHECK(contains(page, ".SS \"tare " + std::string(command.name)));
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion_script(shell);
    REQUIRE(script);
    CHECK(contains(*script, "sig-proxy"));
    for (const char* place : {"@FIRST@", "@GROUPS@", "@CASES@"})
      CHECK_FALSE(contains(*script, place));
  }
  CHECK_FALSE(completion_script("csh"));
}

TEST_CASE("lines of help stay within 80 columns where words allow it") {
  for (const std::string& text : {program_help(), command_help(parse({"ps", "-h"})->arguments)})
    for (std::size_t start = 0, end; start < text.size(); start = end + 1) {
      end = std::min(text.find('\n', start), text.size());
      CHECK(end - start <= 80);
    }
}

TEST_CASE("groups in groups, and the builder that there is") {
  CHECK(parse({"buildx", "history", "ls"})->command->name == "buildx history ls");
  CHECK(parse({"help", "buildx", "history", "logs"})->help);
  CHECK(parse({"buildx", "history"})->group == "buildx history");
  CHECK(parse({"buildx", "--builder", "x", "ls"})->command->name == "buildx ls");
  CHECK(parse({"buildx", "--builder=x", "history", "rm", "-a"})->arguments.flag("all"));
  CHECK(contains(failure({"buildx", "history", "lss"}, 1), "tare buildx history ls"));
  CHECK(contains(group_help("buildx"), "history"));
  CHECK(contains(group_help("buildx history"), "inspect"));
  CHECK(contains(*completion_script("bash"), "'buildx history')"));
}
