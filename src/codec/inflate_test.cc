// SPDX-License-Identifier: Apache-2.0
#include "codec/inflate.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::codec;

TEST_CASE("inflate: both formats, and their bounds") {
  // "hello\n" as zlib -0 stores it.
  const std::string raw("\x01\x06\x00\xf9\xffhello\n", 11);
  const std::string zlib = std::string("\x78\x01", 2) + raw + std::string("\x08\x4b\x02\x1f", 4);
  CHECK(inflate(raw, Deflate::Raw, 6).value() == "hello\n");
  CHECK(inflate(zlib, Deflate::Zlib, 100).value() == "hello\n");
  CHECK(inflate(raw, Deflate::Raw, 5).error().kind() == Kind::Invalid);
  CHECK(inflate(raw.substr(0, 9), Deflate::Raw, 100).error().kind() == Kind::Corrupt);
  CHECK(inflate(raw, Deflate::Zlib, 100).error().kind() == Kind::Corrupt);
  CHECK(inflate("", Deflate::Raw, 100).error().kind() == Kind::Corrupt);
}
