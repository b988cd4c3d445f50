// SPDX-License-Identifier: Apache-2.0
// tare-child CHANNEL: the first program of every process of a container.
// tare-child hold CHANNEL: makes a user namespace (src/sys/user_namespace.h).
// It is a part of the programs that start it (src/sys/helper.h) and is never installed.
#include <cerrno>

#include "child/run.h"
#include "sys/bare_start.h"

namespace {
int last_error;
}  // namespace

extern "C" {

// What the macro errno stands for.
int* __errno_location() noexcept { return &last_error; }

std::size_t strlen(const char* text) noexcept { return tare::bare::length(text); }

}  // extern "C"

int bare_main(int argc, char** argv, char** /*envp*/) {
  constexpr int kMostChannel = 1 << 20;
  const bool holds = argc == 3 && tare::bare::equal(argv[1], "hold");
  const std::int64_t channel =
      argc == 2 || holds ? tare::bare::parse_number(argv[argc - 1], kMostChannel) : -1;
  if (channel < 0) return 125;
  if (holds) return tare::child::hold_user_namespace(static_cast<int>(channel));
  tare::child::run(tare::child::receive_plan(static_cast<int>(channel)));
}
