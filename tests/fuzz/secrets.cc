// SPDX-License-Identifier: Apache-2.0
// A secret is found in whatever is around it, in whatever pieces it comes.
#include "trust/secrets.h"

#include "base/text.h"
#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(secrets) {
  const std::size_t half = bytes.size() / 2;
  const std::string_view secret = bytes.substr(0, half);
  const std::string_view around = bytes.substr(half);
  if (trim(secret).size() < trust::kLeastSecret || secret.size() > 4096) return;
  const trust::TextSearch search(trust::forms_of(secret));
  const auto finds = [&](const std::string& text) {
    bool found = false;
    trust::TextSearch::Stream stream(search, [&](std::size_t, std::string_view) { found = true; });
    const std::size_t piece = around.size() % 13 + 1;
    for (std::size_t at = 0; at < text.size(); at += piece)
      stream.feed(std::string_view(text).substr(at, piece));
    stream.finish();
    return found;
  };
  const std::string text = std::string(around) + std::string(secret) + std::string(around);
  FUZZ_CHECK(finds(text));
  FUZZ_CHECK(finds(to_base64(text)));
  for (const trust::SecretPattern& pattern : trust::secret_patterns())
    (void)trust::matches(pattern, std::string(pattern.begin) + std::string(bytes));
}
