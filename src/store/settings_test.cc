// SPDX-License-Identifier: Apache-2.0
#include "store/settings.h"

#include <doctest/doctest.h>

namespace tare::store {
namespace {

TEST_CASE("settings are read, and written so that they read the same") {
  const auto read = parse_settings("# a comment\n\n max = 40G \nundo-time=90m\nundo-max=5%\n");
  REQUIRE(read.has_value());
  CHECK(read->max.of(1) == 40ull << 30);
  CHECK(read->undo_time == std::chrono::minutes(90));
  CHECK(read->undo_max.of(1000) == 50);
  CHECK(print_settings(*read) == "max=42949672960\nundo-time=5400s\nundo-max=5%\nwarn=80,90,95\n");
  CHECK(print_settings(*parse_settings(print_settings(*read))) == print_settings(*read));
  CHECK(print_settings(Settings()) == "max=80%\nundo-time=24h\nundo-max=10%\nwarn=80,90,95\n");
  CHECK(parse_settings("undo-time=0")->undo_time.count() == 0);
}

TEST_CASE("a setting that is wrong is named") {
  for (const char* text : {"max", "max=", "max=101%", "max=x%", "max=-1", "undo-time=yesterday",
                           "undo-time=-1h", "colour=red", "max=1G extra"}) {
    INFO(text);
    CHECK(parse_settings(text).error().kind() == Kind::Invalid);
  }
}

TEST_CASE("thresholds rise") {
  CHECK(parse_settings("warn=50")->warn == std::vector<unsigned>{50});
  CHECK(parse_settings("warn=off")->warn.empty());
  CHECK(print_settings(*parse_settings("warn=off")).ends_with("warn=off\n"));
  for (const char* bad : {"warn=", "warn=0", "warn=101", "warn=90,80", "warn=80,80", "warn=x"})
    CHECK_FALSE(parse_settings(bad));
}

}  // namespace
}  // namespace tare::store
