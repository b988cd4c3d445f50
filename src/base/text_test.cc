// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <doctest/doctest.h>

using namespace tare;

TEST_CASE("quoted keeps terminals safe") {
  CHECK(quoted("a b") == "'a b'");
  CHECK(quoted("\x1b[2J\n") == "'\\x1b[2J\\n'");
  CHECK(quoted("gr\xc3\xbc\xc3\x9f") == "'gr\xc3\xbc\xc3\x9f'");
  CHECK(quoted("\xff\xc3") == "'\\xff\\xc3'");
  CHECK(quoted("\xc2\x9b") == "'\\xc2\\x9b'");  // C1 control: a terminal may obey it.
  CHECK(quoted("a\u202eb\u2067\u200f\u061c\u2028") ==
        "'a<U+202E>b<U+2067><U+200F><U+061C><U+2028>'");
  CHECK(quoted("\u200d\u2010\u2030\u206a") == "'\u200d\u2010\u2030\u206a'");
  CHECK(quoted(std::string(300, 'x')).size() == 205);
}

TEST_CASE("split and join") {
  CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
  CHECK(split("", ',') == std::vector<std::string>{""});
  CHECK(split_once("k=v=w", '=')->second == "v=w");
  CHECK_FALSE(split_once("k", '=').has_value());
  CHECK(join(split("a,b", ','), "; ") == "a; b");
}

TEST_CASE("numbers are parsed strictly") {
  CHECK(parse_u64("42").value() == 42);
  for (const char* bad : {"", " 1", "1 ", "+1", "-1", "0x1", "1e3", "18446744073709551616"})
    CHECK_FALSE(parse_u64(bad).has_value());
  CHECK(parse_i64("-7").value() == -7);
  CHECK_FALSE(parse_double("nan").has_value());
}

TEST_CASE("sizes as Docker reads and prints them") {
  CHECK(parse_size("512m").value() == 512ull << 20);
  CHECK(parse_size("1.5GiB").value() == 3ull << 29);
  CHECK(parse_size("100").value() == 100);
  for (const char* bad : {"", "m", "1x", "-1m", "1mm", "9999999999g"})
    CHECK_FALSE(parse_size(bad).has_value());
  CHECK(human_size(0) == "0B");
  CHECK(human_size(4'260'000) == "4.26MB");
  CHECK(human_size(999) == "999B");
}

TEST_CASE("times go out and come back") {
  CHECK(rfc3339(0) == "0001-01-01T00:00:00Z");
  CHECK(parse_rfc3339("0001-01-01T00:00:00Z").value() == 0);
  CHECK(!parse_rfc3339("1013-01-01T00:00:00Z"));
  CHECK(!parse_rfc3339("9999-01-01T00:00:00Z"));
  CHECK(rfc3339(1'700'000'000'120'000'000) == "2023-11-14T22:13:20.12Z");
  CHECK(parse_rfc3339("2023-11-14T22:13:20.12Z").value() == 1'700'000'000'120'000'000);
  CHECK(parse_rfc3339("2023-11-14T23:13:20+01:00").value() == 1'700'000'000'000'000'000);
  for (const char* bad :
       {"", "2023-11-14", "2023-11-14T22:13:20", "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20Zx"})
    CHECK_FALSE(parse_rfc3339(bad).has_value());
  CHECK(parse_duration("1h30m").value() == std::chrono::minutes(90));
  CHECK(parse_duration("500ms").value() == std::chrono::milliseconds(500));
  for (const char* bad : {"", "5", "h", "1d", "-1s"}) CHECK_FALSE(parse_duration(bad).has_value());
  CHECK(human_duration(std::chrono::seconds(0)) == "Less than a second");
  CHECK(human_duration(std::chrono::minutes(5)) == "5 minutes");
  CHECK(human_duration(std::chrono::hours(72)) == "3 days");
}

TEST_CASE("nearest finds what was meant, or nothing") {
  const std::vector<std::string> words = {"run", "rename", "images", "inspect"};
  CHECK(nearest("image", words) == "images");
  CHECK(nearest("rnu", words) == "run");
  CHECK(nearest("ru", std::vector<std::string>{"rm", "run"}) == "run");
  CHECK(nearest("inspct", words) == "inspect");
  CHECK(nearest("zzzzzz", words) == std::nullopt);
}
