// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cerrno>

#include "base/digest.h"
#include "base/error.h"
#include "base/undo.h"

using namespace tare;

namespace {
Result<int> half(int n) {
  if (n % 2 != 0) return fail(Kind::Invalid, "odd");
  return n / 2;
}
Result<int> quarter(int n) {
  const int h = TRY(half(n), "halve once");
  return TRY(half(h), "halve twice");
}
}  // namespace

TEST_CASE("TRY passes values on and wraps errors") {
  CHECK(quarter(8).value() == 2);
  CHECK(quarter(6).error().message() == "halve twice: odd");
  CHECK(quarter(5).error().message() == "halve once: odd");
}

TEST_CASE("errors of system calls know their errno and kind") {
  const Error error = Error::sys(ENOENT, "open 'x'");
  CHECK(error.kind() == Kind::NotFound);
  CHECK(error.errnum() == ENOENT);
  CHECK(error.message() == "open 'x': No such file or directory (ENOENT)");
}

TEST_CASE("the innermost hint wins") {
  CHECK(Error(Kind::Invalid, "a").hint("inner").hint("outer").hint() == "inner");
}

TEST_CASE("Undo runs newest first unless kept") {
  std::string order;
  {
    Undo undo;
    undo.push([&]() noexcept { order += "a"; });
    undo.push([&]() noexcept { order += "b"; });
  }
  CHECK(order == "ba");
  {
    Undo undo;
    undo.push([&]() noexcept { order += "c"; });
    undo.keep();
  }
  CHECK(order == "ba");
}

TEST_CASE("only canonical digests parse") {
  const std::string hex(64, 'a');
  CHECK(Digest::parse("sha256:" + hex).value().hex() == hex);
  for (const std::string& bad :
       {std::string("sha256:"), "sha256:" + std::string(63, 'a'), "sha256:" + std::string(64, 'A'),
        "SHA256:" + hex, hex, "sha256:../" + std::string(61, 'a'), "md5:" + hex})
    CHECK_FALSE(Digest::parse(bad).has_value());
}
