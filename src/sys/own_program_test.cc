// SPDX-License-Identifier: Apache-2.0
#include "sys/own_program.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace tare;

TEST_CASE("a program that runs sealed knows where it came from and cannot be written to") {
  CHECK_FALSE(sys::runs_sealed());
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    (void)!::freopen("/dev/null", "w", stdout);  // Its own summary is not the test program's.
    const char* const arguments[] = {"--test-case=sealed: the second half", "--no-skip"};
    (void)sys::run_sealed(arguments);
    ::_exit(99);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("sealed: the second half" * doctest::skip()) {
  CHECK(sys::runs_sealed());
  const char* const origin = std::getenv(sys::kOriginVariable);
  REQUIRE(origin != nullptr);
  CHECK(std::string_view(origin).ends_with("/tare-unit"));
  CHECK(sys::run_sealed({}));
  errno = 0;
  CHECK(::open("/proc/self/exe", O_WRONLY | O_CLOEXEC) < 0);
  CHECK((errno == EPERM || errno == ETXTBSY));
}
