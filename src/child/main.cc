// SPDX-License-Identifier: Apache-2.0
// tare-child CHANNEL NAMESPACES: the first program of every process of a container.
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
  constexpr std::int64_t kMostChannel = 1 << 20;
  constexpr std::int64_t kMostFlags = std::int64_t{1} << 32;
  if (argc != 3) return 125;
  if (tare::bare::equal(argv[1], "hold")) {
    const std::int64_t channel = tare::bare::parse_number(argv[2], kMostChannel);
    return channel < 0 ? 125 : tare::child::hold_user_namespace(static_cast<int>(channel));
  }
  const std::int64_t channel = tare::bare::parse_number(argv[1], kMostChannel);
  const std::int64_t namespaces = tare::bare::parse_number(argv[2], kMostFlags);
  if (channel < 0 || namespaces < 0) return 125;
  tare::child::run(
      tare::child::receive_plan(static_cast<int>(channel), static_cast<std::uint64_t>(namespaces)));
}
