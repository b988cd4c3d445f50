// SPDX-License-Identifier: Apache-2.0
#include "build/remote_source.h"

#include <doctest/doctest.h>

#include "build/parser.h"

using namespace tare;
using namespace tare::build;

namespace {

// "kind remote|ref|folder|checksum" or "kind file name" or the error.
std::string shown(std::string_view text, bool is_context = false) {
  const auto source = parse_add_source(text, is_context);
  if (!source) return "error: " + source.error().message();
  if (source->kind == AddSource::Kind::Path) return "path";
  if (source->kind == AddSource::Kind::Url) return "url " + source->file_name;
  const GitSource& git = source->git;
  return "git " + git.remote + "|" + git.ref + "|" + git.folder + "|" + git.checksum;
}

std::string refused(const std::string& text) {
  const auto file = parse_dockerfile("D", text);
  REQUIRE(file.has_value());
  const Result<> checked = check_sources(file->instructions[0]);
  return checked ? "accepted"
                 : checked.error().message().substr(0, checked.error().message().find('\n'));
}

}  // namespace

TEST_CASE("remote sources: what is a path, a URL, a repository") {
  const std::pair<const char*, const char*> cases[] = {
      {"a/b", "path"},
      {"https://h/a/b.tar.gz?x=y#z", "url b.tar.gz"},
      {"http://h", "url __unnamed__"},
      {"https://h/a/", "url a"},
      {"https://h/a%20b", "url a b"},
      {"https://h/x.git", "git https://h/x.git|||"},
      {"https://h/x.git#v1", "git https://h/x.git|v1||"},
      {"https://h/x.git#v1:a/../b/", "git https://h/x.git|v1|b|"},
      {"https://h/x.git#:dir", "git https://h/x.git||dir|"},
      {"https://h/x.git?branch=main&subdir=/d&commit=abc",
       "git https://h/x.git|refs/heads/main|d|abc"},
      {"https://h/x.git?tag=v1", "git https://h/x.git|refs/tags/v1||"},
      {"git://h/x", "git git://h/x|||"},
      {"ssh://git@h/x#b", "git ssh://git@h/x|b||"},
      {"git@github.com:x/y.git#b:c", "git git@github.com:x/y.git|b|c|"},
      {"github.com/x/y", "path"},
      {"./git@h:x", "path"},
      {"a@b", "path"},
      {"ftp://h/x", "path"},
      {"https://h/x.git?what=1", "error: a git address has no 'what=1'"},
      {"https://h/x.git?ref", "error: 'ref' has no value"},
      {"https://h/x.git?ref=a#b", "error: the address asks for two of ref: 'b' and 'a'"},
      {"https://h/x.git?branch=a&tag=a",
       "error: the address asks for two of ref: 'refs/heads/a' and 'refs/tags/a'"},
      {"https://h/x.git?submodules=maybe", "error: 'submodules' is true or false, not 'maybe'"},
  };
  for (const auto& [text, result] : cases) {
    CAPTURE(text);
    CHECK(shown(text) == result);
  }
  CHECK(shown("github.com/x/y#b", true) == "git https://github.com/x/y|b||");
  const auto source = parse_add_source("https://h/x.git?keep-git-dir&submodules=0&mtime=commit");
  CHECK(source->git.keep_git_dir == true);
  CHECK(source->git.submodules == false);
  CHECK(source->git.commit_times);
}

TEST_CASE("remote sources: modes") {
  for (const char* const mode :
       {"0", "755", "0644", "07777", "u+x", "u=rwX,go=rX", "a-w", "+x", "g=u", "u+s,+t"})
    CHECK(check_mode(mode).has_value());
  for (const char* const mode : {"", "8", "17777", "u", "x", "u+y", "u+x,", "rwx", "-1"})
    CHECK_FALSE(check_mode(mode).has_value());
}

TEST_CASE("remote sources: what cannot be together") {
  const std::pair<const char*, const char*> cases[] = {
      {"COPY https://h/a /b", "D:1:6: COPY fetches nothing"},
      {"COPY git@h:x /b", "D:1:6: COPY fetches nothing"},
      {"COPY --chmod=abc a /b", "D:1:6: 'abc' is no mode"},
      {"ADD --checksum=sha256:0 a /b", "D:1:5: '--checksum' is for one source that is fetched"},
      {"ADD --checksum=sha256:0 http://h/a http://h/b /b",
       "D:1:5: '--checksum' is for one source that is fetched"},
      {"ADD --checksum=sha256:0 http://h/a /b", "accepted"},
      {"ADD --keep-git-dir=false git@h:x?keep-git-dir /b",
       "D:1:26: '--keep-git-dir' says something else"},
      {"ADD --checksum=b git@h:x?checksum=a /b", "D:1:18: '--checksum' says something else"},
      {"ADD https://h/x.git?a=b /b", "D:1:5: a git address has no 'a=b'"},
      {"RUN x", "accepted"},
  };
  for (const auto& [text, message] : cases) {
    CAPTURE(text);
    CHECK(refused(text) == message);
  }
}

TEST_CASE("remote source: users and passwords are hidden wherever an address is") {
  CHECK(hide_users("ADD https://a:b@h/x /y") == "ADD https://h/x /y");
  CHECK(hide_users("ADD https://a:b@h https://c@d:1/x?q=ssh://e@f#g@h /y") ==
        "ADD https://h https://d:1/x?q=ssh://f#g@h /y");
  CHECK(hide_users("https://a@b:c@h/") == "https://h/");
  CHECK(hide_users("git@h:x.git") == "git@h:x.git");
  CHECK(hide_users("https://h/a@b") == "https://h/a@b");
  CHECK(hide_users("://") == "://");
}
