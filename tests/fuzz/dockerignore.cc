// SPDX-License-Identifier: Apache-2.0
// A folder that is ignored and need not be entered has nothing in it that is not.
#include "build/ignore.h"
#include "fuzz/fuzz.h"

using namespace tare;
using namespace tare::build;

TARE_FUZZER(dockerignore) {
  const auto rules = IgnoreRules::parse(Source(".dockerignore", std::string(bytes)));
  if (!rules) {
    FUZZ_CHECK(rules.error().kind() == Kind::Invalid);
    return;
  }
  for (const std::string_view folder : {"a", "foo", "a/b", "src"}) {
    IgnoreRules::Memory above;
    const bool folder_ignored = rules->ignores(folder, {}, above);
    const bool closed = folder_ignored && !rules->may_except_below(folder);
    for (const std::string_view name : {"a", "foo.go", "c", "\xff", "[x"}) {
      IgnoreRules::Memory memory;
      const std::string path = std::string(folder) + "/" + std::string(name);
      const bool ignored = rules->ignores(path, above, memory);
      if (closed) FUZZ_CHECK(ignored);
      if (!rules->has_exceptions()) FUZZ_CHECK(rules->ignores(path) == ignored);
    }
  }
}
