// SPDX-License-Identifier: Apache-2.0
#include "front/cli/program_output.h"

#include <doctest/doctest.h>

namespace tare::cli {
namespace {

constexpr OutputStyle kPlain{};
constexpr OutputStyle kColours{.colours = true};
constexpr OutputStyle kDrawn{.tabs = false};

TEST_CASE("what programs wrote is shown as a terminal would show it") {
  CHECK(program_line("", kPlain).empty());
  CHECK(program_line("a\tb äöü", kPlain) == "a\tb äöü");
  CHECK(program_line("a\tb\t\tc", kDrawn) == "a       b               c");
  CHECK(program_line("äöü\tx", kDrawn) == "äöü     x");
  CHECK(program_line("5%\r50%\r100% done", kPlain) == "100% done");
  CHECK(program_line("5%\r50%\r", kPlain) == "50%");
  CHECK(program_line("\r\r", kPlain).empty());
}

TEST_CASE("colours pass where they are wanted, and end with the line") {
  CHECK(program_line("\x1b[1;31mred\x1b[0m", kColours) == "\x1b[1;31mred\x1b[0m\x1b[0m");
  CHECK(program_line("\x1b[38:5:8mx", kColours) == "\x1b[38:5:8mx\x1b[0m");
  CHECK(program_line("\x1b[1;31mred\x1b[m plain", kPlain) == "red plain");
  CHECK(program_line("plain", kColours) == "plain");
}

TEST_CASE("nothing else reaches the terminal") {
  for (const char* hostile :
       {"\x1b[2J", "\x1b]0;title\x07", "\x1b[6n", "\x1b[?1049h", "\x1b[1;31", "\x1bP+q\x1b\\",
        "\x9b"
        "31m",
        "\x07", "\x08x", "\x1b[31\x1b[2Jm", "\x7f"}) {
    const std::string shown = program_line(hostile, kColours);
    for (const char c : shown) CHECK((c >= 0x20 && c < 0x7f));
  }
  CHECK(program_line("\x1b[2Jx", kColours) == "\\x1b[2Jx");
  const std::string longest = "\x1b[" + std::string(100, '1') + "m";
  CHECK(program_line(longest, kColours).starts_with("\\x1b[111"));
}

}  // namespace
}  // namespace tare::cli
