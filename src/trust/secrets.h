// SPDX-License-Identifier: Apache-2.0
// Secrets where they should not be: those that are known, in the forms that programs write them
// in, and what only secrets look like.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trust/text_search.h"

namespace tare::trust {

// The texts to look for to find the secret `content`: itself without white space around it, its
// long lines, and the same in base64 (wherever in a text it begins), with percent signs and as in
// JSON. None when it is shorter than kLeastSecret: it would be found everywhere.
inline constexpr std::size_t kLeastSecret = 8;
std::vector<std::string> forms_of(std::string_view content);

// What a token or a key looks like: a text, and behind it so many of these characters.
struct SecretPattern {
  std::string_view name;
  std::string_view begin;
  std::string_view characters;  // "a-zA-Z0-9_", ranges and single ones; '-' last.
  std::size_t least = 0;
  std::size_t most = 0;       // More of them: it is something else. 0: no bound.
  std::string_view end = {};  // What has to be in the next bytes, too.
  std::string_view why;
};
std::span<const SecretPattern> secret_patterns();
// Changes when they do.
inline constexpr int kSecretPatterns = 1;
// `rest` begins with the pattern's begin.
bool matches(const SecretPattern& pattern, std::string_view rest);
TextSearch search_for_patterns();

}  // namespace tare::trust
