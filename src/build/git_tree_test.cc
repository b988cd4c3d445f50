// SPDX-License-Identifier: Apache-2.0
#include "build/git_tree.h"

#include <doctest/doctest.h>

namespace tare::build {
namespace {

using namespace std::string_literals;

const std::string kOne(40, '1');
const std::string kTwo(40, '2');

std::string line(const std::string& mode, const std::string& path) {
  return mode + " " + (mode == "160000" ? "commit" : "blob") + " " + kOne + "\t" + path + "\0"s;
}

struct TextSink : codec::Sink {
  std::string text;
  Result<> write(std::string_view bytes) override {
    text += bytes;
    return {};
  }
};

}  // namespace

TEST_CASE("git: what may be given to it as a ref") {
  for (const char* good : {"main", "v1.0", "refs/heads/a/b", "feature/x+y", "a@b", "deadbeef"})
    CHECK(is_ref_name(good));
  for (const char* bad : {"",
                          "-x",
                          "--upload-pack=x",
                          "a..b",
                          "a b",
                          "a:b",
                          "a~1",
                          "a^{}",
                          "a\nb",
                          "/a",
                          "a/",
                          "a//b",
                          "a.lock",
                          "@",
                          "@{0}",
                          "a*",
                          "a?",
                          "a[b",
                          "a\\b",
                          ".hidden/../x",
                          "a/.b"})
    CHECK_MESSAGE(!is_ref_name(bad), bad);
  CHECK(is_commit_id(kOne));
  CHECK(is_commit_id(std::string(64, 'a')));
  CHECK(!is_commit_id("1234567"));
  CHECK(!is_commit_id(std::string(40, 'G')));
}

TEST_CASE("git: a branch goes before a tag, and of a tag its commit counts") {
  const auto refs = parse_remote_refs("ref: refs/heads/main\tHEAD\n" + kOne + "\tHEAD\n" + kOne +
                                      "\trefs/heads/main\n" + kOne + "\trefs/heads/both\n" + kTwo +
                                      "\trefs/tags/both\n" + kOne + "\trefs/tags/v1\n" + kTwo +
                                      "\trefs/tags/v1^{}\n");
  REQUIRE(refs);
  CHECK(choose_ref(*refs, "")->target == "refs/heads/main");
  CHECK(choose_ref(*refs, "both")->id == kOne);
  CHECK(choose_ref(*refs, "refs/tags/both")->id == kTwo);
  CHECK(choose_ref(*refs, "tags/both")->id == kTwo);
  CHECK(choose_ref(*refs, "v1")->id == kTwo);
  CHECK(choose_ref(*refs, "v1")->name == "refs/tags/v1");
  CHECK(!choose_ref(*refs, "v"));
  CHECK(!parse_remote_refs("nonsense\tHEAD\n"));
  CHECK(!parse_remote_refs("nonsense\n"));
}

TEST_CASE("git: names in a tree lead nowhere else and are not in each other's way") {
  const auto good = parse_tree(line("100644", "b") + line("100755", "a/c") + line("120000", "a/b") +
                               line("160000", "m"));
  REQUIRE(good);
  REQUIRE(good->size() == 4);
  CHECK(good->at(0).path == "a/b");
  CHECK(good->at(0).type == TreeEntry::Type::Link);
  CHECK(good->at(3).type == TreeEntry::Type::Module);
  for (const char* path : {"..", "../a", "a/../b", "/a", "a//b", "a/", "./a", "", ".git",
                           ".GIT/config", "a/.git/hooks/x", "a/git~1"})
    CHECK_MESSAGE(!parse_tree(line("100644", path)), path);
  CHECK(!parse_tree(line("100644", "a") + line("120000", "a")));
  CHECK(!parse_tree(line("120000", "a") + line("100644", "a/b")));
  CHECK(!parse_tree(line("100644", "a/b") + line("160000", "a")));
  CHECK(!parse_tree(line("040000", "a")));
  CHECK(!parse_tree("100644 blob " + kOne));
  CHECK(!parse_tree("100644 blob -x\ta\0"s));
}

TEST_CASE("git: where submodules are") {
  const auto modules = parse_modules(
      "submodule.a.b.path\np/q\0submodule.a.b.url\n../x.git\0submodule.c.url\nhttps://h/y\0core.x\n1\0"s);
  REQUIRE(modules.size() == 2);
  CHECK(modules[0].path == "p/q");
  CHECK(modules[0].url == "../x.git");
  CHECK(module_address("https://h/a/b.git", "../x.git").value() == "https://h/a/x.git");
  CHECK(module_address("https://h/a/b.git", "./x.git").value() == "https://h/a/b.git/x.git");
  CHECK(module_address("https://h/a/b.git", "../../../../x.git").value() == "https://h/x.git");
  CHECK(module_address("git@h:a/b.git", "../x.git").value() == "git@h:a/x.git");
  CHECK(module_address("https://h/a", "ssh://g/y").value() == "ssh://g/y");
}

TEST_CASE("git: files as a tar, and only what was asked for is believed") {
  const auto entries =
      parse_tree(line("100644", "d/file") + line("120000", "d/link") + line("160000", "m"));
  REQUIRE(entries);
  const auto write = [&](const std::string& said) -> Result<std::string> {
    codec::StringSource source(said);
    TextSink sink;
    tar::Writer writer(sink);
    TRY(write_tree(writer, "p/", *entries, source, 1'000'000'000));
    TRY(writer.finish());
    return sink.text;
  };
  const std::string good = kOne + " blob 3\nabc\n" + kOne + " blob 4\nfile\n";
  const auto text = write(good);
  REQUIRE(text);
  codec::StringSource source(*text);
  tar::Reader reader(source);
  std::string seen;
  while (reader.next().value()) seen += reader.entry().name + reader.entry().link + " ";
  CHECK(seen == "p/d/ p/d/file p/d/linkfile p/m/ ");
  CHECK(!write(kTwo + " blob 3\nabc\n"));
  CHECK(!write(kOne + " missing\n"));
  CHECK(!write(kOne + " tree 3\nabc\n"));
  CHECK(!write(kOne + " blob 4\nabc\n"));
  CHECK(!write(kOne + " blob 3\nabcd\n"));
  CHECK(!write(kOne + " blob 99999999999999999999\nabc\n"));
  CHECK(!write(""));
}

}  // namespace tare::build
