// SPDX-License-Identifier: Apache-2.0
#include "build/lines.h"

#include <doctest/doctest.h>

#include "build/line_words.h"

using namespace tare;
using namespace tare::build;

namespace {

Result<Lines> lines_of(std::string text) {
  return split_lines(std::make_shared<const Source>("D", std::move(text)));
}

std::vector<std::string> texts(const std::string& text) {
  const auto lines = lines_of(text);
  REQUIRE(lines.has_value());
  std::vector<std::string> all;
  for (const LogicalLine& line : lines->lines) all.push_back(line.text);
  return all;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("lines: continuations, comments and blank lines") {
  const std::pair<const char*, Texts> cases[] = {
      {"", {}},
      {"\n\n# x\n", {}},
      {"A b\nC d", {"A b", "C d"}},
      {"  A b  \n", {"A b"}},
      {"A b \\\n  c\n", {"A b   c"}},
      {"A b\\  \n c\n", {"A b c"}},
      {"A \\\n# no\n  # no\nb\n", {"A b"}},
      {"A \\\n\n  \nb\n", {"A b"}},
      {"A \\", {"A"}},
      {"\\\nA b\n", {"A b"}},
      {"A b\\\\\nC\n", {"A b\\\\", "C"}},
      {"A b # c\n", {"A b # c"}},
      {"A b\r\nC \\\r\n d\r\n", {"A b", "C  d"}},
      {"\xef\xbb\xbf"
       "A b\n",
       {"A b"}},
      {"# escape=`\nA `\n b\\\nC\n", {"A  b\\", "C"}},
  };
  for (const auto& [text, wanted] : cases) {
    CAPTURE(text);
    CHECK(texts(text) == wanted);
  }
}

TEST_CASE("lines: places lead back into the text") {
  const auto lines = lines_of("\n  AB c \\\n   # x\n   dd\n");
  REQUIRE(lines->lines.size() == 1);
  const LogicalLine& line = lines->lines[0];
  CHECK(line.whole() == Range{{2, 3}, {4, 6}});
  const std::size_t at = line.text.find("dd");
  CHECK(line.range(at, at + 2) == Range{{4, 4}, {4, 6}});
  CHECK(line.range(0, 2) == Range{{2, 3}, {2, 5}});
  CHECK(lines_of("A \\\n\n b\n")->empty_continuations == std::vector<Range>{{{2, 1}, {2, 1}}});
}

TEST_CASE("lines: directives") {
  const auto lines = lines_of("# syntax=a/b:1\n#check = skip=all\n# Escape=`\nA\n");
  REQUIRE(lines.has_value());
  CHECK(lines->directives.syntax->text == "a/b:1");
  CHECK(lines->directives.syntax->range == Range{{1, 10}, {1, 15}});
  CHECK(lines->directives.check->text == "skip=all");
  CHECK(lines->directives.escape == '`');
  CHECK(lines_of("# x\n# escape=`\nA\n")->directives.escape == '\\');
  CHECK(lines_of("\n# escape=`\nA\n")->directives.escape == '\\');
  CHECK(lines_of("# escape=x\nA\n").error().message() ==
        "D:1:10: 'x' cannot be the escape character: it is '\\' or '`'\n"
        "1 | # escape=x\n  |          ^");
  CHECK(lines_of("# check=a\n# check=b\n")
            .error()
            .message()
            .starts_with("D:2:1: there is already a directive 'check' above"));
  CHECK(lines_of(std::string("A\0b", 3)).error().message().starts_with("D:1:2: there is a NUL"));
}

TEST_CASE("lines: comments above are kept, an empty one parts them") {
  const auto lines = lines_of("# one\n\n# two\nA\n# three\n#\n# four\nB\nC\n");
  REQUIRE(lines->lines.size() == 3);
  CHECK(lines->lines[0].comments == Texts{"one", "two"});
  CHECK(lines->lines[1].comments == Texts{"four"});
  CHECK(lines->lines[2].comments.empty());
}

TEST_CASE("lines: heredocs") {
  const auto lines =
      lines_of("RUN <<A cat <<-'B' 3<<C\n1\nA\n\t2\n\tB\nC\nCOPY <<\"X Y\" /\nx\nX Y\n");
  REQUIRE(lines.has_value());
  REQUIRE(lines->lines.size() == 2);
  const auto& heredocs = lines->lines[0].heredocs;
  REQUIRE(heredocs.size() == 3);
  CHECK(heredocs[0].name == "A");
  CHECK(heredocs[0].content == "1\n");
  CHECK(heredocs[0].expand);
  CHECK(heredocs[0].range == Range{{2, 1}, {3, 1}});
  CHECK(heredocs[1].strip_tabs);
  CHECK_FALSE(heredocs[1].expand);
  CHECK(heredocs[1].content == "\t2\n");
  CHECK(heredoc_text(heredocs[1]) == "2\n");
  CHECK(heredocs[2].descriptor == 3);
  CHECK(heredocs[2].content.empty());
  CHECK(lines->lines[0].last_line == 6);
  CHECK(lines->lines[1].heredocs[0].name == "X Y");
}

TEST_CASE("lines: what looks like a heredoc and is none") {
  for (const char* const text :
       {"RUN [\"a\", \"<<EOF\"]\n", "ENV a=<<EOF\n", "CMD cat <<EOF\n", "RUN echo 'a <<EOF'\n",
        "RUN cat <<<EOF\n", "RUN echo \"a <<EOF\n", "ONBUILD CMD <<EOF\n", "RUN a << \\\n"}) {
    CAPTURE(text);
    const auto lines = lines_of(text);
    REQUIRE(lines.has_value());
    CHECK(lines->lines[0].heredocs.empty());
  }
  CHECK(lines_of("ONBUILD RUN <<EOF\nx\nEOF\n")->lines[0].heredocs.size() == 1);
}

TEST_CASE("words: flags, words and quotes") {
  const std::string line = "COPY --a=\"b c\" --d -- --e f";
  const LineParts parts = split_parts(line, '\\');
  CHECK(parts.keyword.text == "COPY");
  REQUIRE(parts.flags.size() == 2);
  CHECK(parts.flags[0].text == "--a=b c");
  CHECK(parts.flags[0].begin == 5);
  CHECK(parts.flags[0].end == 14);
  CHECK(parts.arguments.text == "--e f");
  const Piece all{0, 14, ""};
  const auto words = split_quoted_words("a='b c' d\\ e f", all, '\\');
  REQUIRE(words.size() == 3);
  CHECK(words[0].text == "a='b c'");
  CHECK(words[1].text == "d\\ e");
  CHECK(split_words("a='b c'", {0, 7, ""}).size() == 2);
}

TEST_CASE("words: the JSON form") {
  CHECK(**parse_json_form(R"( ["a", "b\n"] )") == Texts{"a", "b\n"});
  CHECK((*parse_json_form("[]"))->empty());
  for (const char* const text : {"", "a", "['a']", "[\"a\"", "[\"a\",]", "[\"a\"] b", "{}"})
    CHECK_FALSE(parse_json_form(text)->has_value());
  for (const char* const text : {"[1]", "[\"a\", null]", "[[\"a\"]]", "[\"\\u0000\"]"})
    CHECK_FALSE(parse_json_form(text).has_value());
}
