// SPDX-License-Identifier: Apache-2.0
#include "audit/ld_cache.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::audit;

TEST_CASE("a cache that we print is read back in the loader's order") {
  const std::string bytes = print_ld_cache({{"liba.so.9", "/x/liba.so.9", 0x303, 0},
                                            {"liba.so.10", "/x/liba.so.10", 0x303, 0},
                                            {"libz.so.1", "/x/libz.so.1", 0x303, 7}});
  const auto entries = read_ld_cache(bytes);
  REQUIRE(entries.has_value());
  REQUIRE(entries->size() == 3);
  CHECK((*entries)[0].name == "libz.so.1");
  CHECK((*entries)[0].hwcap == 7);
  CHECK((*entries)[1].name == "liba.so.10");  // Descending, and 10 is more than 9.
  CHECK((*entries)[2].path == "/x/liba.so.9");
  CHECK((*entries)[2].flags == 0x303);

  // Behind an old table, as ldconfig -c compat writes it: 16 + 1 * 12, aligned to 32.
  std::string old = "ld.so-1.7.0";
  old += '\0';
  old += std::string("\x01\0\0\0", 4) + std::string(16, '\0');
  CHECK(read_ld_cache(old + bytes)->size() == 3);
}

TEST_CASE("names compare as the loader compares them") {
  CHECK(compare_cache_names("liba.so.2", "liba.so.10") < 0);
  CHECK(compare_cache_names("liba.so.10", "liba.so.10") == 0);
  CHECK(compare_cache_names("liba.so", "liba.so.1") < 0);
  CHECK(compare_cache_names("lib1", "liba") > 0);  // Digits after everything else.
}

TEST_CASE("damaged caches are errors and nothing worse") {
  const std::string good = print_ld_cache({{"liba.so", "/x/liba.so", 3, 0}});
  CHECK(read_ld_cache("").error().kind() == Kind::Unsupported);
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK_FALSE(read_ld_cache(std::string_view(good).substr(0, size)).has_value());
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = '\xff';
    (void)read_ld_cache(bad);
  }
  std::string many = good;
  many[23] = '\x7f';
  CHECK(read_ld_cache(many).error().kind() == Kind::Corrupt);
}
