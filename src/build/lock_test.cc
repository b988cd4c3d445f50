// SPDX-License-Identifier: Apache-2.0
#include "build/lock.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "build/builder.h"
#include "codec/sha256.h"
#include "support/images.h"

using namespace tare;
using namespace tare::build;
using image::Material;
using testing::must;

namespace {

Material image_of(const std::string& name, const std::string& content) {
  return {.kind = Material::Kind::Image,
          .uri = "docker-image://" + name,
          .digest = codec::sha256(content),
          .revision = ""};
}

Material download(const std::string& url, const std::string& content, int status = 200) {
  return {.kind = Material::Kind::Url,
          .uri = url,
          .digest = codec::sha256(content),
          .size = content.size(),
          .revision = "",
          .status = status,
          .headers = {"etag: \"1\""}};
}

Built sample() {
  Built built;
  built.materials = {image_of("z", "1"), image_of("a", "2")};
  built.trace.push_back(
      {.stage = "build",
       .text = "RUN get",
       .layer = {.materials = {download("http://x/1", "one"), download("http://x/2", "", 404)}}});
  Material added = download("https://y/file", "file");
  added.status = 0;
  added.headers.clear();
  built.trace.push_back({.stage = "build", .text = "ADD", .layer = {.materials = {added}}});
  built.trace.push_back({.stage = "build", .text = "RUN true"});
  return built;
}

}  // namespace

TEST_CASE("lock: of a build, in an order of its own, and back") {
  const Lock lock = lock_of(sample(), {}, false);
  REQUIRE(lock.sources.size() == 3);
  CHECK(lock.sources[0].uri == "docker-image://a");
  REQUIRE(lock.runs.size() == 1);
  CHECK(lock.runs[0].step == "[build] RUN get");
  const std::string text = print_lock(lock);
  CHECK(must(parse_lock(text, "x")) == lock);
  // One entry a line.
  CHECK(std::ranges::count(text, '\n') == 15);
  CHECK(print_lock(Lock()) ==
        "{\n  \"format\": \"tare-lock\",\n  \"version\": 1,\n  \"sources\": [\n  ],\n  \"runs\": "
        "[\n  ]\n}\n");
  CHECK(must(parse_lock(print_lock(Lock()), "x")) == Lock());
}

TEST_CASE("lock: what it knows") {
  const Lock lock = lock_of(sample(), {}, false);
  CHECK(lock.find(Material::Kind::Image, "docker-image://a") != nullptr);
  CHECK(lock.find(Material::Kind::Image, "docker-image://a", "linux/arm64") == nullptr);
  CHECK(lock.find(Material::Kind::Url, "https://y/file") != nullptr);
  CHECK(lock.has(download("http://x/1", "one")));
  CHECK_FALSE(lock.has(download("http://x/1", "other")));
  CHECK(lock.has(image_of("a", "2")));
  CHECK_FALSE(lock.has(image_of("a", "3")));
  CHECK(lock.answers_for("[build] RUN get").size() == 2);
  CHECK(lock.answers_for("[build] RUN other").size() == 2);
}

TEST_CASE("lock: its own answers are before those of other steps") {
  Built built = sample();
  built.trace.push_back({.stage = "build",
                         .text = "RUN again",
                         .layer = {.materials = {download("http://x/1", "newer")}}});
  const Lock lock = lock_of(built, {}, false);
  const auto answers = lock.answers_for("[build] RUN again");
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].digest == codec::sha256("newer"));
  CHECK(answers[1].uri == "http://x/2");
}

TEST_CASE("lock: a build of one stage leaves what others have") {
  const Lock before = lock_of(sample(), {}, false);
  Built part;
  part.materials = {image_of("a", "moved")};
  const Lock kept = lock_of(part, before, true);
  CHECK(kept.sources.size() == 3);
  CHECK(kept.has(image_of("a", "moved")));
  CHECK(kept.runs == before.runs);
  CHECK(lock_of(part, before, false).sources.size() == 1);
}

TEST_CASE("lock: what a name means, and what moved") {
  Lock before = lock_of(sample(), {}, false);
  before.runs[0].downloads = {download("http://x/pool/curl_1.0_amd64.deb", "old"),
                              download("http://x/pool/gone_1_amd64.deb", "gone"),
                              download("http://x/InRelease", "1")};
  for (const auto& [name, count] :
       std::initializer_list<std::pair<const char*, std::size_t>>{{"a", 1},
                                                                  {"a:latest", 1},
                                                                  {"docker-image://z", 1},
                                                                  {"https://y/file", 1},
                                                                  {"RUN get", 1},
                                                                  {"curl", 1},
                                                                  {"http://x/InRelease", 1},
                                                                  {"cur", 0},
                                                                  {"nothing", 0}}) {
    CAPTURE(name);
    Lock moved = before;
    CHECK(moved.move(name) == count);
    CHECK(moved.sources.size() + moved.runs.size() == 4 - count);
  }
  Lock after = before;
  after.sources[0].digest = codec::sha256("new");
  after.runs[0].downloads = {download("http://x/pool/curl_1.1_amd64.deb", "new"),
                             download("http://x/InRelease", "2")};
  const auto lines = differences(before, after);
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].starts_with("  docker-image://a sha256:"));
  CHECK(lines[1] == "[build] RUN get");
  CHECK(lines[2].starts_with("    InRelease: "));
  CHECK(lines[3] == "    curl: 1.0 -> 1.1");
  CHECK(lines[4] == "  - gone 1");
  CHECK(differences(before, before).empty());
}

TEST_CASE("lock: the same text twice in a stage is two steps") {
  LockSteps steps;
  CHECK(steps.next(0, "build", "RUN get") == "[build] RUN get");
  CHECK(steps.next(0, "build", "RUN get") == "[build #2] RUN get");
  CHECK(steps.next(1, "stage-1", "RUN get") == "[stage-1] RUN get");
  CHECK(steps.next(0, "build", "RUN get") == "[build #3] RUN get");
  Built built = sample();
  built.trace.push_back(
      {.stage = "build",
       .text = "RUN get",
       .layer = {.materials = {download("http://x/1", "newer"), download("http://x/3", "3")}}});
  const Lock lock = lock_of(built, {}, false);
  REQUIRE(lock.runs.size() == 2);
  CHECK(lock.runs[1].step == "[build #2] RUN get");
  CHECK(must(parse_lock(print_lock(lock), "x")) == lock);
  CHECK(lock.answers_for("[build] RUN get")[0].digest == codec::sha256("one"));
  CHECK(lock.answers_for("[build #2] RUN get")[0].digest == codec::sha256("newer"));
}

TEST_CASE("lock: equal answers that others follow stay") {
  const auto text = [](const std::vector<Material>& all) {
    std::string said;
    for (const Material& each : all)
      for (const char* name : {"a", "b"})
        if (each.digest == codec::sha256(name)) said += each.uri + name + " ";
    return said;
  };
  const auto a = [](const char* uri) { return download(uri, "a"); };
  const auto b = [](const char* uri) { return download(uri, "b"); };
  CHECK(text(in_order({a("2"), a("1"), a("2"), b("2")})) == "1a 2a 2a 2b ");
  CHECK(text(in_order({a("1"), a("1"), a("1")})) == "1a ");
  CHECK(text(in_order({a("1"), b("1"), b("1"), a("2"), b("2"), a("2"), a("2")})) ==
        "1a 1b 2a 2b 2a ");
  CHECK(in_order({}).empty());
}

TEST_CASE("lock: what a RUN had in its caches stays in its entry") {
  const Lock before = lock_of(sample(), {}, false);
  Built warm = sample();
  warm.trace[0].layer.materials = {download("http://x/2", "newer")};
  CHECK(lock_of(warm, before, false).runs[0].downloads.size() == 1);
  warm.trace[0].may_lack = true;
  const auto urls = [](const Lock& lock) {
    std::string text;
    for (const LockedRun& run : lock.runs)
      for (const Material& each : run.downloads) text += each.uri + " ";
    return text;
  };
  Lock after = lock_of(warm, before, false);
  CHECK(urls(after) == "http://x/1 http://x/2 ");
  CHECK(after.runs[0].downloads[1].digest == codec::sha256("newer"));
  // It found everything there; another text, for which what is gone was there; a build of a part.
  warm.trace[0].layer.materials.clear();
  CHECK(lock_of(warm, before, false).runs == before.runs);
  warm.trace[0].text = "RUN get more";
  after = lock_of(warm, before, false);
  CHECK(urls(after) == "http://x/1 http://x/2 ");
  CHECK(after.runs[0].step == "[build] RUN get more");
  CHECK(lock_of(warm, before, true).runs == before.runs);
  CHECK(lock_of(warm, {}, false).runs.empty());
}

TEST_CASE("lock: known by its first bytes") {
  CHECK(begins_lock(print_lock(Lock()).substr(0, kLockBegin)));
  CHECK(begins_lock(R"({"format":"tare-lock","version":1})"));
  CHECK_FALSE(begins_lock(R"({"version": 1, "format": "tare-lock"})"));
  CHECK_FALSE(begins_lock(R"({"format": "tare-locked"})"));
  CHECK_FALSE(begins_lock("[[package]]\n"));
  CHECK_FALSE(begins_lock(""));
}

TEST_CASE("lock: what is none") {
  for (const char* text :
       {"", "{}", R"({"version": 2})", R"({"version": 1, "sources": [{"digest": "x"}]})",
        R"({"version": 1, "sources": [{"image": "a", "digest": "sha256:1"}]})",
        R"({"version": 1, "runs": [{"downloads": []}]})",
        R"({"version": 1, "runs": [{"step": "x", "downloads": [{"url": "u", "status": 7}]}]})"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_lock(text, "x"));
  }
}
