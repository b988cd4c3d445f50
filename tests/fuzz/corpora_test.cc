// SPDX-License-Identifier: Apache-2.0
// Every fuzzer over every file of its corpus, so that what was found once stays found.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz/fuzz.h"

using namespace tare;

TEST_CASE("fuzzers accept their corpora") {
  const std::filesystem::path root = TARE_FUZZ_CORPUS;
  CHECK_FALSE(fuzz::fuzzers().empty());
  for (const auto& [name, run] : fuzz::fuzzers()) {
    CAPTURE(name);
    REQUIRE(std::filesystem::is_directory(root / name));
    std::size_t files = 0;
    for (const auto& file : std::filesystem::directory_iterator(root / name)) {
      const std::string path = file.path();
      CAPTURE(path);
      std::ifstream stream(path, std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
      run(bytes);  // Aborts when something does not hold.
      ++files;
    }
    CHECK(files > 0);
  }
  for (const auto& folder : std::filesystem::directory_iterator(root)) {
    const std::string name = folder.path().filename();
    CAPTURE(name);
    CHECK(fuzz::fuzzers().contains(name));  // A corpus without a fuzzer would never run.
  }
}
