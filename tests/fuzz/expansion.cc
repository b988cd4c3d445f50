// SPDX-License-Identifier: Apache-2.0
// A text without '$', quotes and escapes expands to itself; no word is empty.
#include "build/expansion.h"

#include "fuzz/fuzz.h"

using namespace tare;
using namespace tare::build;

TARE_FUZZER(expansion) {
  const Lookup lookup = [](std::string_view name) -> std::optional<std::string> {
    if (name == "e") return "";
    return name == "x" ? std::optional<std::string>("a/b.c a\xc3\xa4") : std::nullopt;
  };
  const auto plain = expand(bytes, lookup);
  if (!plain) FUZZ_CHECK(plain.error().kind() == Kind::Invalid);
  if (bytes.find_first_of("$'\"\\") == std::string_view::npos) {
    FUZZ_CHECK(plain.has_value() && plain->text == bytes);
    FUZZ_CHECK(plain->found.empty() && plain->unset.empty());
  }
  if (plain)
    for (const std::string& word : plain->words) FUZZ_CHECK(!word.empty());
  const auto kept =
      expand(bytes, no_variables, {.keep_quotes = true, .keep_escapes = true, .keep_unset = true});
  if (kept) FUZZ_CHECK(kept->found.empty());
  static_cast<void>(expand(bytes, lookup, {.escape = '`', .quotes_are_text = true}));
}
