// SPDX-License-Identifier: Apache-2.0
// Variables, quotes and escapes in the words of a Dockerfile. It looks like a shell's and is not
// one: no command substitution, no arithmetic, no brackets in patterns.
// [BuildKit frontend 1.20, reference.md "Environment replacement"]
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tare::build {

// The value of a variable, or nullopt when it is not set.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

struct ExpandOptions {
  char escape = '\\';
  bool keep_quotes = false;      // Quotes are seen, and stay.
  bool keep_escapes = false;     // Escapes are seen, and stay.
  bool quotes_are_text = false;  // As in heredocs: a quote has no meaning.
  bool keep_unset = false;       // "${x}" of an unset variable stays as it is.
};

struct Expansion {
  std::string text;                // Spaces between words stay.
  std::vector<std::string> words;  // Split at spaces that are not quoted; also at those of values.
  std::set<std::string> found;     // Variables that were used, by whether they were set.
  std::set<std::string> unset;
};

// Errors: Invalid, with what is wrong in `word` and no place; what a "${x:?reason}" says; an
// expansion above 1 MiB or nested more than 64 deep.
Result<Expansion> expand(std::string_view word, const Lookup& lookup,
                         const ExpandOptions& options = {});

// No variable is set.
std::optional<std::string> no_variables(std::string_view name);

}  // namespace tare::build
