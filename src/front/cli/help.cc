// SPDX-License-Identifier: Apache-2.0
#include "front/cli/help.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace tare::cli {
namespace {

constexpr std::size_t kWidth = 80;

// Two columns: what, and what for.
std::string listing(const std::vector<std::pair<std::string, std::string>>& lines) {
  std::size_t left = 0;
  for (const auto& line : lines) left = std::max(left, line.first.size());
  std::string out;
  for (const auto& [what, text] : lines) {
    out += "  " + what + std::string(left - what.size() + 3, ' ');
    out += wrapped(text, left + 5, kWidth) + "\n";
  }
  return out;
}

std::string option_list(std::initializer_list<std::span<const Option>> sets) {
  std::vector<const Option*> options;
  for (const auto& set : sets)
    for (const Option& option : set)
      if (option.is_shown()) options.push_back(&option);
  std::ranges::sort(options, {}, [](const Option* option) { return option->name; });
  std::vector<std::pair<std::string, std::string>> lines;
  for (const Option* option : options) {
    std::string what = (option->letter == 0 ? "    " : "") + spelling(*option);
    if (!option->argument.empty()) what += " " + std::string(option->argument);
    lines.emplace_back(std::move(what), option->help);
  }
  return listing(lines);
}

// Groups whose name starts with `prefix` and has no further word.
std::vector<std::pair<std::string, std::string>> groups_after(std::string_view prefix) {
  std::vector<std::pair<std::string, std::string>> groups;
  for (const CommandGroup& group : command_groups())
    if (const auto word = next_word(group.name, prefix)) groups.emplace_back(*word, group.summary);
  return groups;
}

// Commands whose name starts with `prefix` and has no further word.
std::string command_list(std::string_view prefix) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const Command& command : commands()) {
    if (command.hidden) continue;
    for (const std::string_view name : names_of(command)) {
      const auto word = next_word(name, prefix);
      if (!word) continue;
      lines.emplace_back(*word, command.summary);
      break;
    }
  }
  std::ranges::sort(lines);
  return listing(lines);
}

}  // namespace

std::optional<std::string> next_word(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const std::string_view word = name.substr(prefix.size());
  if (word.find(' ') != std::string_view::npos) return std::nullopt;
  return std::string(word);
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = indent;
  for (const std::string& word : split(text, ' ')) {
    if (column > indent && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string program_help() {
  std::string out =
      "Usage:  tare [OPTIONS] COMMAND\n\n"
      "Runs containers without a daemon: commands, options and exit codes are Docker's.\n\n"
      "Commands:\n";
  out += command_list("");
  out += "\nThe same commands in groups:\n" + listing(groups_after(""));
  out += "\nGlobal options, before the command:\n" + option_list({global_options()});
  return out + "\n'tare COMMAND --help' tells more of a command, 'man tare' of all.\n";
}

std::string group_help(std::string_view group) {
  std::string out = "Usage:  tare " + std::string(group) + " COMMAND\n\n";
  for (const CommandGroup& known : command_groups())
    if (known.name == group) out += std::string(known.summary) + "\n\n";
  const std::string prefix = std::string(group) + " ";
  out += "Commands:\n" + command_list(prefix);
  if (const auto groups = groups_after(prefix); !groups.empty())
    out += "\nGroups of commands:\n" + listing(groups);
  return out + "\n'tare " + std::string(group) + " COMMAND --help' tells more of a command.\n";
}

std::string command_help(const Arguments& arguments) {
  const Command& command = arguments.command();
  const std::string called =
      arguments.called().empty() ? std::string(command.name) : arguments.called();
  std::string out = "Usage:  tare " + called;
  if (!command.usage.empty()) out += " " + std::string(command.usage);
  out += "\n\n" + wrapped(command.summary, 0, kWidth) + "\n";
  const auto names = names_of(command);
  if (names.size() > 1) {
    out += "\nAliases:\n ";
    for (const std::string_view name : names)
      out += (name == names.front() ? " tare " : ", tare ") + std::string(name);
    out += "\n";
  }
  const std::string options = option_list({command.options, command.more_options});
  return options.empty() ? out : out + "\nOptions:\n" + options;
}

}  // namespace tare::cli
