// SPDX-License-Identifier: Apache-2.0
// The command line as data: one table of commands and options (commands.cc) from which parsing,
// --help, the man page and shell completion are made. The syntax is Docker's: options before the
// first operand only for some commands, "-it", "--flag=false", "--name=value", "--name value",
// "-e K=V", "-eK=V", "--". [docker 28.2, observed; POSIX.1-2017 12.2 for "--"]
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace tare::cli {

enum class OptionKind : std::uint8_t {
  Flag,         // Takes no value, or "=true" and "=false".
  Value,        // Takes one; the last one given counts.
  List,         // Takes one and may be given several times.
  Switch,       // A flag ("true" without a value) that takes other words too: "=always".
  MissingFlag,  // Docker has it and we do not: `help` is the sentence that says so.
  MissingValue,
};

struct Option {
  char letter = 0;        // 0: no short form.
  std::string_view name;  // Without "--".
  OptionKind kind = OptionKind::Flag;
  std::string_view argument;  // What --help calls the value: "bytes"; empty for flags.
  std::string_view help;
  // MissingValue: the only value that means what we do anyway, which is accepted silently.
  std::string_view harmless = {};
  bool on_by_default = false;  // Flags.
  bool hidden = false;         // Another spelling, left out of --help.

  constexpr bool is_flag() const {
    return kind == OptionKind::Flag || kind == OptionKind::Switch ||
           kind == OptionKind::MissingFlag;
  }
  constexpr bool is_missing() const {
    return kind == OptionKind::MissingFlag || kind == OptionKind::MissingValue;
  }
  constexpr bool is_shown() const { return !hidden && !is_missing(); }
};

// What a command's operands are, for completion.
enum class Operands : std::uint8_t {
  None,
  Files,
  Containers,
  Running,
  Images,
  Networks,
  Volumes,
  Anything
};

class Arguments;
class Context;

struct Command {
  // "run", or "container inspect" for what has a long form only.
  std::string_view name;
  std::string_view other_names;  // Comma between: "container ls,container list".
  std::string_view usage;        // Behind the name: "[OPTIONS] IMAGE [COMMAND] [ARG...]".
  std::string_view summary;
  std::span<const Option> options;
  std::span<const Option> more_options;  // Shared with other commands.
  int min_operands = 0;
  int max_operands = -1;                // -1: any number.
  bool options_end_at_operand = false;  // What follows the first operand belongs to the container.
  Operands operands = Operands::None;
  int failure_status = 1;  // Exit status when it fails.
  Result<int> (*run)(Context&, const Arguments&) = nullptr;
  bool hidden = false;
};

// A word that Docker has and we do not, with the sentence to answer.
struct MissingCommand {
  std::string_view name;
  std::string_view sentence;
};

std::span<const Command> commands();
std::span<const MissingCommand> missing_commands();
std::span<const Option> global_options();
// "container", "image", "system": the first word of long forms, and what it is about.
struct CommandGroup {
  std::string_view name;
  std::string_view summary;
};
std::span<const CommandGroup> command_groups();

// All names of a command, its first name first.
std::vector<std::string_view> names_of(const Command& command);
// By one of its names; nullptr if there is none.
const Command* find_command(std::string_view name);

// What was given on the command line to one command.
class Arguments {
 public:
  explicit Arguments(const Command* command = nullptr) : command_(command) {}

  const Command& command() const { return *command_; }
  // The name by which the command was called: "container ls".
  const std::string& called() const { return called_; }
  // Options are asked for by their long name, which must be in the command's table.
  bool flag(std::string_view name) const;  // The last one counts, else the default.
  bool given(std::string_view name) const;
  std::optional<std::string> value(std::string_view name) const;
  std::string value_or(std::string_view name, std::string_view otherwise) const;
  std::vector<std::string> list(std::string_view name) const;

  std::vector<std::string> operands;

 private:
  friend struct Parser;
  const Option& option(std::string_view name) const;

  const Command* command_;
  std::string called_;
  std::vector<std::pair<const Option*, std::string>> given_;
};

// The whole command line, program name excluded.
struct CommandLine {
  Arguments global;                  // Options before the command.
  Arguments arguments;               // Of the command.
  const Command* command = nullptr;  // nullptr: none was given.
  bool help = false;                 // --help was among the options of `command`, or of none.
  std::string group;                 // "container" alone: help for it.
};

// A failure to understand the command line, and the exit status for it as Docker has it: 125 for
// options that are wrong, 1 for unknown commands and a wrong number of operands.
struct UsageError {
  Error error;
  int exit_status = 125;
};

std::expected<CommandLine, UsageError> parse_command_line(std::span<const char* const> words);

// "1", "t", "true", "TRUE", ... and their opposites. Errors: Invalid.
Result<bool> parse_bool(std::string_view text);
// "--memory" or "-m, --memory".
std::string spelling(const Option& option);
// Invalid: "'x' for --memory: ...".
std::unexpected<Error> bad_value(std::string_view option, std::string_view value,
                                 std::string_view why);

}  // namespace tare::cli
