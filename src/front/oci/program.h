// SPDX-License-Identifier: Apache-2.0
// The commands of tare-oci.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "front/oci/arguments.h"
#include "front/oci/state.h"

namespace tare::front_oci {

// What stands in front of the command.
struct Globals {
  std::string root;
  bool systemd_cgroup = false;
};

struct Command {
  std::string_view name;
  std::string_view synopsis;  // "create [OPTIONS] CONTAINER"
  std::string_view help;
  std::span<const Option> options;
  // The rest are another program's words from the first that is no option on.
  bool stop_at_first = false;
  bool hidden = false;  // For packagers, not for users.
  // Returns the exit status.
  Result<int> (*run)(const Globals& globals, const Arguments& arguments) = nullptr;
};

// Each file of commands has its own.
std::span<const Command> create_commands();
std::span<const Command> lifecycle_commands();
std::span<const Command> exec_commands();
std::span<const Command> resource_commands();
std::span<const Command> inspect_commands();
std::span<const Command> manual_commands();
// All of them, and what stands in front of a command.
std::vector<const Command*> all_commands();
std::span<const Option> global_options();

// The one argument. Errors: Invalid, naming what is missing.
Result<std::string> one_container(const Arguments& arguments);
// The pid in decimal, without a newline, in one step.
Result<> write_pid_file(const std::string& path, int pid);
// --preserve-fds and what LISTEN_FDS says. Errors: Invalid.
Result<std::uint32_t> kept_fds(const Arguments& arguments);
// The whole life of the program.
int run_program(std::span<const char* const> words);

}  // namespace tare::front_oci
