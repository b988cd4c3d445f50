// SPDX-License-Identifier: Apache-2.0
#include "build/compare.h"

#include <doctest/doctest.h>

#include "codec/sha256.h"

namespace tare::build {
namespace {

struct File {
  std::string path;
  std::string content;
  std::uint32_t mode = 0644;
  UnixNanos mtime = 0;
};

std::string print_index(const std::vector<File>& files) {
  store::IndexWriter writer;
  for (const File& file : files) {
    store::IndexEntry entry{
        .mode = file.mode, .mtime = file.mtime, .size = file.content.size(), .path = file.path};
    if (!file.content.empty())
      entry.content = {.pack = 0, .digest = store::raw_digest(codec::sha256(file.content))};
    REQUIRE(writer.add(entry));
  }
  auto text = writer.finish({.pack_bytes = 1 << 20}, {}, {});
  REQUIRE(text);
  return *text;
}

store::LayerIndex index_of(const std::vector<File>& files) {
  auto index = store::LayerIndex::parse(print_index(files));
  REQUIRE(index);
  return *index;
}

std::string compare(const std::vector<File>& first, const std::vector<File>& second) {
  const auto found = compare_layers(index_of(first), index_of(second));
  REQUIRE(found);
  return *found ? (*found)->path + ": " + (*found)->what : "";
}

TEST_CASE("the first file in which two layers differ") {
  const std::vector<File> files = {{"a", "one"}, {"b", "two"}};
  CHECK(compare(files, files).empty());
  CHECK(compare(files, {{"b", "two"}, {"a", "one"}}).empty());
  CHECK(compare(files, {{"a", "one"}}) == "/b: only the first time");
  CHECK(compare(files, {{"a", "one"}, {"aa", ""}, {"b", "two"}}) == "/aa: only the second time");
  CHECK(compare(files, {{"a", "ONE"}, {"b", "TWO"}}) == "/a: its content differs");
  CHECK(compare(files, {{"a", "one"}, {"b", "longer"}}) == "/b: its size is 3 and 6");
  CHECK(compare(files, {{"a", "one", 04755}, {"b", "two"}}) == "/a: its mode is 0644 and 4755");
  CHECK(compare({{"b", "", 0644, 1'000'000'000}}, {{"b", "", 0644, 2'000'000'000}}) ==
        "/b: its time is 1970-01-01T00:00:01Z and 1970-01-01T00:00:02Z");
}

TEST_CASE("the first step that had another result") {
  const std::vector<File> one = {{"x", "1"}};
  const std::vector<File> two = {{"x", "2"}};
  const std::string texts[] = {print_index(one), print_index(two)};
  const auto load = [&](const Digest& diff_id) -> Result<store::LayerIndex> {
    return store::LayerIndex::parse(diff_id == codec::sha256("one") ? texts[0] : texts[1]);
  };
  const auto step = [](const char* text, const char* layer) {
    return TracedStep{.text = text,
                      .layer = {.diff_id = layer == nullptr ? Digest() : codec::sha256(layer)}};
  };
  const auto compared = [&](const std::vector<TracedStep>& first,
                            const std::vector<TracedStep>& second) -> std::string {
    const auto found = compare_builds(first, second, load);
    REQUIRE(found);
    if (!*found) return "";
    return (*found)->step.text + ": " + (*found)->difference.path + " " + (*found)->difference.what;
  };
  CHECK(compared({step("A", "one"), step("B", nullptr)}, {step("A", "one"), step("B", nullptr)})
            .empty());
  CHECK(compared({step("A", "one"), step("B", "one")}, {step("A", "one"), step("B", "two")}) ==
        "B: /x its content differs");
  CHECK(compared({step("A", "one")}, {step("A", nullptr)}) ==
        "A:  it changed files only the first time");
  CHECK(compared({step("A", "one")}, {}) == "A:  another step");
}

}  // namespace
}  // namespace tare::build
