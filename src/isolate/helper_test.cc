// SPDX-License-Identifier: Apache-2.0
#include "isolate/helper.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "sys/files.h"

namespace tare::isolate {

TEST_CASE("a helper that nobody uses ends with its owner") {
  const auto descriptors = [] { return sys::list_directory(AT_FDCWD, "/proc/self/fd")->size(); };
  const std::size_t before = descriptors();
  {
    const auto helper = start_helper(0, 5);
    REQUIRE(helper);
    CHECK((*helper)->cradle.channel >= 8);
    CHECK((::geteuid() != 0 || ::prctl(PR_GET_DUMPABLE) == 0));
    CHECK(wait_until_awake((*helper)->channel, (*helper)->newborn, PlanMemory()));
  }
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);
  CHECK(descriptors() == before);
  CHECK(::prctl(PR_GET_DUMPABLE) == 1);
}

TEST_CASE("a helper makes its namespaces before it says that it runs") {
  const auto helper = start_helper(CLONE_NEWNS | CLONE_NEWUTS, 0);
  REQUIRE(helper);
  if (!*helper) return;  // An ordinary user's, or better started later.
  REQUIRE(wait_until_awake((*helper)->channel, (*helper)->newborn, PlanMemory()));
  const auto space = [](const std::string& pid) {
    struct stat status{};
    REQUIRE(::stat(("/proc/" + pid + "/ns/uts").c_str(), &status) == 0);
    return status.st_ino;
  };
  CHECK(space(std::to_string((*helper)->newborn.pid())) != space("self"));
}

}  // namespace tare::isolate
