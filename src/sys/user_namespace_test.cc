// SPDX-License-Identifier: Apache-2.0
#include "sys/user_namespace.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

using namespace tare;

TEST_CASE("a user namespace as a descriptor only") {
  // Root's ids here, whatever they are, stand for themselves.
  const sys::IdMap one{.ranges = {{0, 0, 1}}};
  const auto space = sys::make_user_namespace(one, one);
  if (::geteuid() != 0) return;  // Others may map themselves only, by another way.
  REQUIRE(space);
  struct stat made{};
  struct stat own{};
  REQUIRE(::fstat(space->get(), &made) == 0);
  REQUIRE(::stat("/proc/self/ns/user", &own) == 0);
  CHECK(made.st_ino != own.st_ino);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);  // The process that held it is gone.
  CHECK(errno == ECHILD);
}
