// SPDX-License-Identifier: Apache-2.0
#include "keeper/keeper.h"

namespace tare::keeper {
namespace {

constexpr std::int64_t kMostDescriptors = 1 << 20;
constexpr std::int64_t kMostMilliseconds = (std::int64_t{1} << 31) - 1;

struct Number {
  const char* key;
  int Options::* member;
  std::int64_t least;
  std::int64_t most;
};

constexpr Number kNumbers[] = {
    {"pid=", &Options::pid, 1, 1 << 22},
    {"pidfd=", &Options::pidfd, 3, kMostDescriptors},
    {"dir=", &Options::dir, 3, kMostDescriptors},
    {"lock=", &Options::lock, 3, kMostDescriptors},
    {"listen=", &Options::listen, 3, kMostDescriptors},
    {"client=", &Options::client, 3, kMostDescriptors},
    {"in=", &Options::in, 3, kMostDescriptors},
    {"out=", &Options::out, 3, kMostDescriptors},
    {"err=", &Options::err, 3, kMostDescriptors},
    {"tty=", &Options::tty, 3, kMostDescriptors},
    {"stop_signal=", &Options::stop_signal, 1, 64},
    {"log_files=", &Options::log_files, 1, 1000},
    {"probe_interval=", &Options::probe_interval_ms, 1, kMostMilliseconds},
    {"probe_start_period=", &Options::probe_start_period_ms, 0, kMostMilliseconds},
    {"probe_start_interval=", &Options::probe_start_interval_ms, 1, kMostMilliseconds},
    {"probe_limit=", &Options::probe_limit_ms, 1, kMostMilliseconds},
};

bool parse_number_option(const char* argument, Options& options) {
  for (const Number& number : kNumbers) {
    const char* value = bare::after(argument, number.key);
    if (value == nullptr) continue;
    const std::int64_t parsed = bare::parse_number(value, number.most);
    if (parsed < number.least) return false;
    options.*number.member = static_cast<int>(parsed);
    return true;
  }
  return false;
}

struct ProgramKey {
  const char* path;
  const char* argument;
  Program Options::* member;
};
constexpr ProgramKey kPrograms[] = {{"cleanup=", "cleanup_arg=", &Options::cleanup},
                                    {"probe=", "probe_arg=", &Options::probe}};

// Whether the argument is of a program; then `good` is whether it is right.
bool parse_program(const char* argument, Options& options, bool& good) {
  for (const ProgramKey& key : kPrograms) {
    Program& program = options.*key.member;
    if (const char* path = bare::after(argument, key.path)) {
      program.path = path;
      good = *path == '/';
      return true;
    }
    if (const char* text = bare::after(argument, key.argument)) {
      good = program.count < 16;
      if (good) program.arguments[program.count++] = text;
      return true;
    }
  }
  return false;
}

bool parse_option(const char* argument, Options& options) {
  if (const char* id = bare::after(argument, "id=")) {
    options.id = id;
    return true;
  }
  if (const char* path = bare::after(argument, "cgroup=")) {
    if (options.cgroup_count == static_cast<int>(kMaxCgroups) || *path != '/') return false;
    options.cgroups[options.cgroup_count++] = path;
    return true;
  }
  if (bool good = true; parse_program(argument, options, good)) return good;
  if (const char* size = bare::after(argument, "log_max=")) {
    options.log_max = bare::parse_number(size, std::int64_t{1} << 50);
    return options.log_max == 0 || options.log_max >= 4096;
  }
  if (const char* once = bare::after(argument, "stdin_once=")) {
    options.stdin_once = bare::equal(once, "1");
    return options.stdin_once || bare::equal(once, "0");
  }
  return parse_number_option(argument, options);
}

}  // namespace

const char* parse_options(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i)
    if (!parse_option(argv[i], options)) return argv[i];
  if (options.pid < 0) return "pid=";
  if (options.pidfd < 0) return "pidfd=";
  if (options.dir < 0) return "dir=";
  if (options.listen < 0) return "listen=";
  return nullptr;
}

}  // namespace tare::keeper
