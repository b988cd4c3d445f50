// SPDX-License-Identifier: Apache-2.0
#include "image/chunked.h"

#include <doctest/doctest.h>

#include <string>

namespace tare::image {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'b');

oci::Descriptor layer(const std::string& position, const std::string& checksum = kDigest,
                      const std::string& prefix = "io.github.containers.zstd-chunked.") {
  oci::Descriptor descriptor;
  descriptor.size = 10'000;
  descriptor.annotations = {{prefix + "manifest-position", position},
                            {prefix + "manifest-checksum", checksum}};
  return descriptor;
}

std::string file(const std::string& begin, const std::string& end, const std::string& size = "9") {
  return R"({"type":"reg","name":"a","size":)" + size + R"(,"digest":")" + kDigest +
         R"(","offset":)" + begin + R"(,"endOffset":)" + end + "}";
}

std::string toc(const std::string& entries, const std::string& version = "1") {
  return R"({"version":)" + version + R"(,"entries":[)" + entries + "]}";
}

TEST_CASE("zstd:chunked: where the list of files is") {
  const auto place = chunked_place(layer("9000:500:3000:1"));
  REQUIRE(place);
  CHECK(place->offset == 9000);
  CHECK(place->bytes == 500);
  CHECK(place->uncompressed == 3000);
  CHECK(place->frames_end() == 8992);
  CHECK(chunked_place(layer("9000:500:3000:1", kDigest, "io.containers.zstd-chunked.")) == place);
  for (const char* wrong :
       {"", "9000:500:3000", "9000:500:3000:2", "9000:500:3000:1:1", "8:500:3000:1",
        "9000:0:3000:1", "9000:1001:3000:1", "10001:1:1:1", "9000:500:67108865:1", "-1:500:3000:1",
        "9000:18446744073709551615:1:1"})
    CHECK_FALSE(chunked_place(layer(wrong)));
  CHECK_FALSE(chunked_place(layer("9000:500:3000:1", "sha256:short")));
  CHECK_FALSE(chunked_place({}));
}

TEST_CASE("zstd:chunked: the list of files") {
  const auto files = parse_toc(toc(file("50", "60") + "," + file("10", "50", "7") +
                                   R"(,{"type":"dir","name":"d"},{"type":"reg","name":"empty"},)"
                                   R"({"type":"chunk","name":"a","offset":55})"),
                               100);
  REQUIRE(files);
  REQUIRE(files->size() == 2);
  CHECK(files->at(0).begin == 10);
  CHECK(files->at(0).size == 7);
  CHECK(files->at(1).end == 60);
  CHECK(parse_toc(toc(""), 100)->empty());
  for (const std::string& wrong :
       {toc("", "2"), std::string("{"), std::string("{}"), toc(file("10", "10")),
        toc(file("10", "5")), toc(file("10", "101")),
        toc(file("10", "50") + "," + file("49", "60")),
        toc(file("10", "50") + "," + file("10", "50"))})
    CHECK_FALSE(parse_toc(wrong, 100));
}

TEST_CASE("zstd:chunked: what has to be fetched") {
  const std::uint64_t k = 1 << 10;
  const auto digest = Digest::parse(kDigest).value();
  std::vector<ChunkedFile> files = {
      {.digest = digest, .size = 1, .begin = 100, .end = 100 * k},
      {.digest = digest, .size = 2, .begin = 100 * k, .end = 101 * k},
      {.digest = digest, .size = 3, .begin = 101 * k, .end = 200 * k},
      {.digest = digest, .size = 1, .begin = 200 * k, .end = 300 * k}};
  const auto plan = plan_pieces(files, 300 * k, [](const ChunkedFile& f) { return f.size != 3; });
  // The second is small, the third is not here: they come together.
  REQUIRE(plan.pieces.size() == 4);
  CHECK(plan.fetches == 2);
  CHECK(plan.fetched == 100 + 100 * k);
  CHECK_FALSE(plan.pieces[0].is_here);
  CHECK(plan.pieces[1].is_here);
  CHECK(plan.pieces[2].begin == 100 * k);
  CHECK(plan.pieces[2].end == 200 * k);
  CHECK(plan.pieces[3].end == 300 * k);
  files.clear();
  for (std::uint64_t i = 0; i < 5000; ++i)
    files.push_back(
        {.digest = digest, .size = 1, .begin = i * 40 * k + 1, .end = (i + 1) * 40 * k});
  const auto many = plan_pieces(files, 5000 * 40 * k, [](const ChunkedFile&) { return true; });
  CHECK(many.fetches <= 256);
  std::uint64_t at = 0;
  for (const ChunkedPiece& piece : many.pieces) {
    CHECK(piece.begin == at);
    at = piece.end;
  }
  CHECK(at == 5000 * 40 * k);
}

TEST_CASE("zstd:chunked: when it is worth it") {
  ChunkedPlan plan;
  const ChunkedPlace place{.offset = 9, .bytes = 1000, .uncompressed = 1, .checksum = {}};
  plan.fetched = 1'000'000;
  CHECK(is_worth_it(plan, place, 3'000'000));
  CHECK_FALSE(is_worth_it(plan, place, 2'001'999));  // Less than half.
  CHECK_FALSE(is_worth_it({}, place, 1'000'000));    // Less than 1 MiB.
}

}  // namespace
}  // namespace tare::image
