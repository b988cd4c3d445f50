// SPDX-License-Identifier: Apache-2.0
#include "codec/sha256.h"

#include <doctest/doctest.h>

using namespace tare;

// [FIPS 180-4 example values]
TEST_CASE("SHA-256 of the standard's examples") {
  CHECK(codec::sha256("").hex() ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(codec::sha256("abc").hex() ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  codec::Sha256 hash;
  for (int i = 0; i < 1000; ++i) hash.update(std::string(1000, 'a'));
  CHECK(hash.finish().hex() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("hashing streams hash and count what passes") {
  codec::StringSource source("abc");
  codec::HashingSource hashing_source(source);
  codec::StringSink sink;
  codec::HashingSink hashing_sink(sink);
  CHECK(*codec::copy(hashing_source, hashing_sink) == 3);
  CHECK(hashing_sink.finish());
  CHECK(sink.bytes() == "abc");
  CHECK(hashing_source.bytes() == 3);
  CHECK(hashing_sink.bytes() == 3);
  CHECK(hashing_source.digest() == codec::sha256("abc"));
  CHECK(hashing_sink.digest() == codec::sha256("abc"));
}
