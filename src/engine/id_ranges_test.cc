// SPDX-License-Identifier: Apache-2.0
#include "engine/id_ranges.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "sys/files.h"

using namespace tare;
using namespace tare::engine;

namespace {

// A place for claims, and owners that exist.
class Place {
 public:
  Place() {
    path_ = (std::filesystem::temp_directory_path() / "tare-ids-XXXXXX").string();
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { std::filesystem::remove_all(path_); }

  std::string claims() const { return path_ + "/ids"; }
  std::string owner(const std::string& name) const {
    std::filesystem::create_directories(path_ + "/" + name);
    return path_ + "/" + name;
  }
  void forget(const std::string& name) const { std::filesystem::remove_all(path_ + "/" + name); }

 private:
  std::string path_;
};

bool apart(const IdClaim& a, const IdClaim& b) {
  return a.first + a.count <= b.first || b.first + b.count <= a.first;
}

}  // namespace

TEST_CASE("ranges of all sizes have no id in common, also when claimed at once") {
  const Place place;
  constexpr std::uint32_t kSizes[] = {0, 100, 65536, 65537, 200'000, 0, 1, 131'072};
  std::vector<IdClaim> claims(std::size(kSizes) * 2);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < claims.size(); ++i)
    threads.emplace_back([&, i, owner = place.owner(std::to_string(i))] {
      IdRanges ranges(place.claims());
      if (auto claim = ranges.claim(owner, kSizes[i % std::size(kSizes)])) claims[i] = *claim;
    });
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < claims.size(); ++i) {
    CHECK(claims[i].count >= std::max<std::uint32_t>(1, kSizes[i % std::size(kSizes)]));
    for (std::size_t j = 0; j < i; ++j) CHECK(apart(claims[i], claims[j]));
  }
}

TEST_CASE("what is given back fills the gap, when it fits") {
  const Place place;
  IdRanges ranges(place.claims());
  const IdClaim a = ranges.claim(place.owner("a"), 0).value();
  const IdClaim b = ranges.claim(place.owner("b"), 0).value();
  const IdClaim c = ranges.claim(place.owner("c"), a.count + 1).value();
  CHECK(c.count == 2 * a.count);
  ranges.release(b, place.owner("a"));  // Not its own.
  CHECK(ranges.confirm(b, place.owner("b")).has_value());
  ranges.release(b, place.owner("b"));
  const IdClaim wide = ranges.claim(place.owner("d"), a.count + 1).value();
  CHECK(wide.first >= c.first + c.count);
  CHECK(ranges.claim(place.owner("e"), 0).value() == b);
}

TEST_CASE("a range that went to somebody else is not confirmed, one that nobody has is") {
  const Place place;
  IdRanges ranges(place.claims());
  const IdClaim a = ranges.claim(place.owner("a"), 0).value();
  ranges.release(a, place.owner("a"));
  CHECK(ranges.confirm(a, place.owner("a")).has_value());
  ranges.release(a, place.owner("a"));
  const IdClaim wide = ranges.claim(place.owner("b"), a.count * 3).value();
  CHECK(wide.first == a.first);
  CHECK_FALSE(ranges.confirm(a, place.owner("a")).has_value());
  place.forget("b");
  CHECK(ranges.confirm(a, place.owner("a")).has_value());
  CHECK(ranges.confirm({}, place.owner("c")).has_value());  // Nothing is nobody's.
}

TEST_CASE("more ids than there are") {
  const Place place;
  IdRanges ranges(place.claims());
  CHECK_FALSE(ranges.claim(place.owner("a"), 0xFFFFFFF0).has_value());
}
