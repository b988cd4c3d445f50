// SPDX-License-Identifier: Apache-2.0
// A fuzzer is one file tests/fuzz/NAME.cc that holds
//
//   TARE_FUZZER(NAME) {
//     ... parse `bytes` (a std::string_view); FUZZ_CHECK(what must hold) ...
//   }
//
// and a folder tests/fuzz/corpus/NAME/ of small files to start from. In the preset "fuzz" the file
// becomes the program fuzz-NAME (libFuzzer); in every build it is part of tare-unit, which runs it
// over its corpus. A bug that a fuzzer found leaves its smallest input in the corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace tare::fuzz {

using Entry = void (*)(std::string_view bytes);

// The fuzzers of this program by name; filled before main.
inline std::map<std::string, Entry>& fuzzers() {
  static std::map<std::string, Entry> all;
  return all;
}

struct Registration {
  Registration(const char* name, Entry entry) { fuzzers().emplace(name, entry); }
};

[[noreturn]] inline void check_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
  std::abort();
}

}  // namespace tare::fuzz

// Must hold for every input; active in release builds too.
#define FUZZ_CHECK(condition) \
  ((condition) ? void() : tare::fuzz::check_failed(#condition, __FILE__, __LINE__))

#ifdef TARE_FUZZ_MAIN
#define TARE_FUZZER_ENTRY_(name)                                                      \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_##name(std::string_view(reinterpret_cast<const char*>(data), size));         \
    return 0;                                                                         \
  }
#else
#define TARE_FUZZER_ENTRY_(name) \
  static const tare::fuzz::Registration registration_##name(#name, fuzz_##name);
#endif

#define TARE_FUZZER(name)                          \
  static void fuzz_##name(std::string_view bytes); \
  TARE_FUZZER_ENTRY_(name)                         \
  static void fuzz_##name(std::string_view bytes)
