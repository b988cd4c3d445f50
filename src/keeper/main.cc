// SPDX-License-Identifier: Apache-2.0
// tare-keeper: started by the engine's launching process, never by hand. Arguments are key=value;
// the numbers of descriptors are those that the launching process left open.
#include <cstdlib>
#include <cstring>

#include "keeper/keeper.h"

namespace {

using tare::keeper::Options;

void apply(Options& options, char* argument) {
  char* value = std::strchr(argument, '=');
  if (value == nullptr) return;
  *value++ = '\0';
  const auto is = [&](const char* key) { return std::strcmp(argument, key) == 0; };
  const int number = std::atoi(value);
  if (is("pid")) options.pid = number;
  if (is("pidfd")) options.pidfd = number;
  if (is("dir")) options.dir = number;
  if (is("lock")) options.lock = number;
  if (is("listen")) options.listener = number;
  if (is("client")) options.client = number;
  if (is("in")) options.in = number;
  if (is("out")) options.out[0] = number;
  if (is("err")) options.out[1] = number;
  if (is("tty")) options.tty = number;
  if (is("stdin_once")) options.stdin_once = number != 0;
  if (is("log_max")) options.log_max = std::strtoull(value, nullptr, 10);
  if (is("log_files")) options.log_files = static_cast<unsigned>(number);
  if (is("cgroup") && options.cgroup_count < 16) options.cgroups[options.cgroup_count++] = value;
  if ((is("cleanup") || is("cleanup_arg")) && options.cleanup_count < 15)
    options.cleanup[options.cleanup_count++] = value;
}

Options options;
// Static and not on the stack: half of it is buffers that are touched only when used.
tare::keeper::Keeper keeper(options);

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) apply(options, argv[i]);
  if (options.pid <= 0 || options.pidfd < 0 || options.dir < 0) return 125;
  keeper.start();
  keeper.run();
  return 0;
}
