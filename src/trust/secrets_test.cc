// SPDX-License-Identifier: Apache-2.0
#include "trust/secrets.h"

#include <doctest/doctest.h>

#include <set>

#include "base/text.h"

using namespace tare;
using namespace tare::trust;

namespace {

// The needles that are found when `text` comes in pieces of `piece` bytes.
std::set<std::size_t> found_in(const TextSearch& search, std::string_view text, std::size_t piece) {
  std::set<std::size_t> found;
  TextSearch::Stream stream(search,
                            [&](std::size_t needle, std::string_view) { found.insert(needle); });
  for (std::size_t at = 0; at < text.size(); at += piece) stream.feed(text.substr(at, piece));
  stream.finish();
  return found;
}

bool finds(std::string_view secret, std::string_view text) {
  return !found_in(TextSearch(forms_of(secret)), text, 5).empty();
}

std::set<std::string> named_in(std::string_view text) {
  std::set<std::string> names;
  const TextSearch search = search_for_patterns();
  TextSearch::Stream stream(search, [&](std::size_t needle, std::string_view rest) {
    const SecretPattern& pattern = secret_patterns()[needle];
    if (matches(pattern, rest)) names.emplace(pattern.name);
  });
  stream.feed(text);
  stream.finish();
  return names;
}

}  // namespace

TEST_CASE("text search: whatever pieces the bytes come in") {
  const TextSearch search({"needle", "need", "abcdabcx", "no"});
  const std::string text = "abcdabcdabcx a needle need";
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 100U})
    CHECK(found_in(search, text, piece) == std::set<std::size_t>{0, 1, 2});
  CHECK(found_in(search, "nee dle abcdabc", 4).empty());
  CHECK(found_in(search, "", 4).empty());
}

TEST_CASE("text search: each place is looked at once") {
  const TextSearch search({"aaaa"});
  int hits = 0;
  TextSearch::Stream stream(search, [&](std::size_t, std::string_view) { ++hits; });
  for (int i = 0; i < 10; ++i) stream.feed("a");
  stream.finish();
  CHECK(hits == 7);
}

TEST_CASE("secrets: in every form that programs write them in") {
  const std::string secret = "s3cr3t/&\"p\xc3\xa4ss\"";
  CHECK(finds(secret, "x" + secret + "y"));
  CHECK(finds(secret + "\n", "password=" + secret));
  for (const char* before : {"", "u", "us", "user:"})
    CHECK(finds(secret, "Basic " + to_base64(before + secret + "@host")));
  CHECK(finds(secret, R"({"a":"s3cr3t/&\"päss\""})"));
  CHECK(finds(secret, "?a=s3cr3t%2F%26%22p%C3%A4ss%22"));
  CHECK(finds(secret, "?a=s3cr3t%2f%26%22p%c3%a4ss%22"));
  CHECK(!finds(secret, "s3cr3t/&p"));
  CHECK(!finds("short", "short"));
}

TEST_CASE("secrets: of many lines, those that tell") {
  const std::string secret =
      "[default]\nregistry=https://registry.example/12345678901\n"
      "//registry/:_authToken=abcdef0123456789abcdef\n";
  CHECK(finds(secret, "x //registry/:_authToken=abcdef0123456789abcdef y"));
  CHECK(!finds(secret, "[default]\nregistry=https://registry.example/12345678901\n"));
}

TEST_CASE("secrets: what only secrets look like") {
  const std::string word(36, 'a');
  CHECK(named_in("x ghp_" + word + "\n") == std::set<std::string>{"a GitHub token"});
  CHECK(named_in("x ghp_" + word + "b\n").empty());
  CHECK(named_in("AKIAABCDEFGHIJKLMNOP") == std::set<std::string>{"an AWS access key"});
  CHECK(named_in("AKIAABCDEFGHIJKLMNO1").empty());
  for (const char* kind : {"", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "})
    CHECK(named_in("-----BEGIN " + std::string(kind) + "PRIVATE KEY-----\nMII") ==
          std::set<std::string>{"a private key"});
  CHECK(named_in("-----BEGIN CERTIFICATE-----\n").empty());
  CHECK(named_in("-----BEGIN PUBLIC KEY-----\n").empty());
}
