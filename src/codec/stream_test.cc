// SPDX-License-Identifier: Apache-2.0
#include "codec/stream.h"

#include <doctest/doctest.h>

using namespace tare;

TEST_CASE("read_exactly reads all or says that data ends too early") {
  codec::StringSource source("abcdef");
  char buffer[4] = {};
  CHECK(codec::read_exactly(source, buffer, 4));
  CHECK(std::string_view(buffer, 4) == "abcd");
  const auto result = codec::read_exactly(source, buffer, 4);
  REQUIRE_FALSE(result);
  CHECK(result.error().kind() == Kind::Corrupt);
  CHECK(result.error().message() == "data ends too early: 2 bytes are missing");
}

TEST_CASE("copy copies to the end") {
  const std::string bytes(300'000, 'x');
  codec::StringSource source(bytes);
  codec::StringSink sink;
  CHECK(*codec::copy(source, sink) == bytes.size());
  CHECK(sink.bytes() == bytes);
}
