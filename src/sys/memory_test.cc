// SPDX-License-Identifier: Apache-2.0
#include "sys/memory.h"

#include <doctest/doctest.h>

#include <limits>
#include <map>

namespace tare::sys::memory {
namespace {

Read from(std::map<std::string, std::string> files) {
  return [files = std::move(files)](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return std::nullopt;
    return found->second;
  };
}

constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();

}  // namespace

TEST_CASE("memory: numbers of lines") {
  const char* const text = "MemTotal: 100 kB\nMemAvailable:   20 kB\ninactive_file 7\n";
  CHECK(number_of(text, "MemAvailable") == 20 * 1024);
  CHECK(number_of(text, "inactive_file") == 7);
  CHECK_FALSE(number_of(text, "Mem"));
  CHECK_FALSE(number_of(text, "active_file"));
}

TEST_CASE("memory: a group leaves what it and those above it do not use") {
  const Read read = from({{"/cg/memory.max", "max\n"},
                          {"/cg/memory.current", "900\n"},
                          {"/cg/a/memory.max", "1000\n"},
                          {"/cg/a/memory.current", "400\n"},
                          {"/cg/a/b/memory.max", "800\n"},
                          {"/cg/a/b/memory.current", "790\n"},
                          {"/cg/a/b/memory.stat", "anon 90\ninactive_file 700\n"}});
  CHECK(free_of_group("/cg", "/a/b", true, read) == 600);
  CHECK(free_of_group("/cg", "/a", true, read) == 600);
  CHECK(free_of_group("/cg", "/", true, read) == kNone);
  CHECK(free_of_group("/cg", "/elsewhere", true, read) == kNone);
}

TEST_CASE("memory: a group of version 1, over its limit") {
  const Read read = from({{"/memory/x/memory.limit_in_bytes", "1000\n"},
                          {"/memory/x/memory.usage_in_bytes", "1100\n"},
                          {"/memory/x/memory.stat", "total_inactive_file 20\n"}});
  CHECK(free_of_group("/memory", "/x", false, read) == 0);
}

TEST_CASE("memory: of this machine") {
  CHECK(free_memory() > 0);
  CHECK(free_memory() < kNone);
}

}  // namespace tare::sys::memory
