// SPDX-License-Identifier: Apache-2.0
// Keys and signatures that gpg has made: tests/fuzz/corpus/openpgp.
#include "trust/openpgp.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

using namespace tare;
using namespace tare::trust;

namespace {

std::string file(const std::string& name) {
  std::ifstream in(std::string(TARE_FUZZ_CORPUS) + "/openpgp/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<OpenPgpKey> keys(const std::string& name) {
  return read_openpgp_keys(file(name)).value();
}

constexpr std::int64_t kThen = 1'591'000'000;  // June 2020.
constexpr std::int64_t kNow = 1'800'000'000;   // 2027.

}  // namespace

TEST_CASE("OpenPGP keys that may sign") {
  const auto ed = keys("ed-key");
  REQUIRE(ed.size() == 1);
  CHECK(ed[0].owner == "ed <ed@web.test>");
  CHECK(ed[0].point.size() == 32);
  CHECK(keys("ed-armoured")[0].fingerprint == ed[0].fingerprint);
  // The primary key only vouches; its subkey signs.
  const auto rsa = keys("rsa-key");
  REQUIRE(rsa.size() == 1);
  CHECK(rsa[0].modulus.size() == 256);
  CHECK(keys("end-key").at(0).valid_until > kThen);
  CHECK(keys("end-key").at(0).valid_until < kNow);
  CHECK(keys("gone-key").empty());
  // A ring of several; and one that is cut off.
  CHECK(read_openpgp_keys(file("ed-key") + file("rsa-key") + file("gone-key"))->size() == 2);
  CHECK(!read_openpgp_keys(file("ed-key").substr(0, 100)));
  CHECK(read_openpgp_keys("")->empty());
}

TEST_CASE("a key that no other vouches for does not sign") {
  const std::string ring = file("rsa-key");
  // Any byte of it that is another one, and it is another key, or none.
  const std::string fingerprint = keys("rsa-key")[0].fingerprint;
  for (std::size_t at = 20; at < ring.size(); at += 97) {
    std::string other = ring;
    other[at] = static_cast<char>(other[at] ^ 1);
    const auto read = read_openpgp_keys(other);
    const bool is_same = read && read->size() == 1 && read->at(0).fingerprint == fingerprint;
    // Signatures of names may be broken, those that bind the subkey may not.
    if (is_same) CHECK(check_signature(file("text"), file("signature"), *read, 0));
  }
}

TEST_CASE("signed documents") {
  const auto both = check_signed_text(file("signed"), keys("ed-key"), kNow);
  REQUIRE(both);
  // Spaces at the end of a line are not signed.
  CHECK(both->text == "Suite: x\n- dash\n  space\n");
  CHECK(check_signed_text(file("signed"), keys("rsa-key"), kNow));
  const auto other = check_signed_text(file("signed"), keys("end-key"), kNow);
  REQUIRE(!other);
  CHECK(other.error().kind() == Kind::Denied);
  CHECK(!check_signed_text(file("signed"), {}, kNow));
  CHECK(!check_signed_text(file("signed-by-gone"), keys("gone-key"), kNow));
  // Every letter counts.
  const std::string document = file("signed");
  const std::size_t begin = document.find("Suite");
  for (std::size_t at = begin; at < begin + 20; ++at) {
    std::string changed = document;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    CHECK(!check_signed_text(changed, keys("ed-key"), kNow));
  }
  CHECK(!check_signed_text("x\n" + document, keys("ed-key"), kNow));
  CHECK(!check_signed_text(document.substr(0, document.size() / 2), keys("ed-key"), kNow));
}

TEST_CASE("signatures beside a text, and their times") {
  CHECK(check_signature(file("text"), file("signature"), keys("rsa-key"), kNow));
  CHECK(!check_signature(file("text") + " ", file("signature"), keys("rsa-key"), kNow));
  CHECK(!check_signature(file("text"), "", keys("rsa-key"), kNow));
  CHECK(check_signed_text(file("signed-then"), keys("end-key"), kThen));
  CHECK(check_signed_text(file("signed-then"), keys("end-key"), 0));
  const auto late = check_signed_text(file("signed-then"), keys("end-key"), kNow);
  REQUIRE(!late);
  CHECK(late.error().message().find("not valid any more") != std::string::npos);
}
