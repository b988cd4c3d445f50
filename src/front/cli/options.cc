// SPDX-License-Identifier: Apache-2.0
#include "front/cli/options.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <ranges>

#include "base/text.h"

namespace tare::cli {
namespace {

constexpr Option kNoOption;

std::string with_dashes(const Option& option) { return "--" + std::string(option.name); }

std::unexpected<UsageError> wrong(Error error, int exit_status = 125) {
  return std::unexpected(UsageError{.error = std::move(error), .exit_status = exit_status});
}

}  // namespace

std::vector<std::string_view> names_of(const Command& command) {
  std::vector<std::string_view> names{command.name};
  for (std::string_view rest = command.other_names; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    names.push_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return names;
}

const Command* find_command(std::string_view name) {
  for (const Command& command : commands()) {
    if (command.name == name) return &command;
    if (command.other_names.find(name) == std::string_view::npos) continue;
    for (const std::string_view other : names_of(command))
      if (other == name) return &command;
  }
  return nullptr;
}

const Option& Arguments::option(std::string_view name) const {
  for (const auto& options : {command_->options, command_->more_options})
    for (const Option& candidate : options)
      if (candidate.name == name) return candidate;
  assert(!"a command asked for an option that its table does not have");
  return kNoOption;
}

bool Arguments::given(std::string_view name) const {
  return std::ranges::any_of(given_, [&](const auto& one) { return one.first->name == name; });
}

bool Arguments::flag(std::string_view name) const {
  bool on = option(name).on_by_default;
  for (const auto& [given, text] : given_)
    if (given->name == name) on = text == "true";
  return on;
}

std::optional<std::string> Arguments::value(std::string_view name) const {
  assert(!option(name).is_flag() || option(name).kind == OptionKind::Switch);
  for (const auto& [given, text] : std::views::reverse(given_))
    if (given->name == name) return text;
  return std::nullopt;
}

std::string Arguments::value_or(std::string_view name, std::string_view otherwise) const {
  return value(name).value_or(std::string(otherwise));
}

std::vector<std::string> Arguments::list(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [given, text] : given_)
    if (given->name == name) values.push_back(text);
  return values;
}

// Reads words one by one; one object a command line.
struct Parser {
  using Status = std::expected<void, UsageError>;

  std::span<const char* const> words;
  std::size_t next = 0;
  std::string where = "tare";  // For messages: "tare run".

  bool done() const { return next == words.size(); }
  std::string hint() const { return "see '" + where + " --help'"; }

  // The option, or nullptr for --help and its short form where that is free.
  std::expected<const Option*, UsageError> find_long(const Command& command,
                                                     std::string_view name) {
    for (const auto& options : {command.options, command.more_options})
      for (const Option& option : options)
        if (option.name == name) return &option;
    if (name == "help") return nullptr;
    std::vector<std::string> known{"help"};
    for (const auto& options : {command.options, command.more_options})
      for (const Option& option : options)
        if (!option.is_missing()) known.emplace_back(option.name);
    Error error(Kind::Invalid, where + " has no option " + quoted("--" + std::string(name)));
    if (const auto close = nearest(name, known))
      return wrong(std::move(error).hint("did you mean --" + *close + "? " + hint()));
    return wrong(std::move(error).hint(hint()));
  }

  std::expected<const Option*, UsageError> find_letter(const Command& command, char letter,
                                                       std::string_view word) {
    for (const auto& options : {command.options, command.more_options})
      for (const Option& option : options)
        if (option.letter == letter) return &option;
    if (letter == 'h') return nullptr;
    const std::string name = "-" + std::string(1, letter);
    std::string message = where + " has no option " + quoted(name);
    if (word.size() > 2) message += " (in " + quoted(word) + ")";
    return wrong(Error(Kind::Invalid, std::move(message)).hint(hint()));
  }

  Status store(Arguments& into, const Option& option, std::string value) {
    if (option.is_flag() && option.kind != OptionKind::Switch) {
      const auto on = parse_bool(value);
      if (!on)
        return wrong(
            Error(Kind::Invalid, with_dashes(option) + " is on or off, not " + quoted(value))
                .hint("write " + with_dashes(option) + " or " + with_dashes(option) + "=false"));
      value = *on ? "true" : "false";
    }
    const bool harmless = option.kind == OptionKind::MissingFlag
                              ? value == (option.harmless.empty() ? "false" : option.harmless)
                              : !option.harmless.empty() && value == option.harmless;
    if (option.is_missing() && !harmless)
      return wrong(Error(Kind::Unsupported, with_dashes(option) + ": " + std::string(option.help))
                       .hint(hint()));
    if (!option.is_missing()) into.given_.emplace_back(&option, std::move(value));
    return {};
  }

  Status take_value(Arguments& into, const Option& option) {
    if (done())
      return wrong(Error(Kind::Invalid, with_dashes(option) +
                                            " needs a value: " + with_dashes(option) + " " +
                                            std::string(option.argument))
                       .hint(hint()));
    return store(into, option, words[next++]);
  }

  // "--name", "--name=value", "--name value".
  Status long_option(Arguments& into, std::string_view word, bool& help) {
    word.remove_prefix(2);
    const std::size_t equals = word.find('=');
    const auto found = find_long(into.command(), word.substr(0, equals));
    if (!found) return std::unexpected(found.error());
    if (*found == nullptr) {
      help = true;
      return {};
    }
    if (equals != std::string_view::npos)
      return store(into, **found, std::string(word.substr(equals + 1)));
    return (*found)->is_flag() ? store(into, **found, "true") : take_value(into, **found);
  }

  // "-it", "-e K=V", "-eK=V", "-e=K=V", "-t=false".
  Status letters(Arguments& into, std::string_view word, bool& help) {
    for (std::string_view rest = word.substr(1); !rest.empty();) {
      const auto found = find_letter(into.command(), rest.front(), word);
      if (!found) return std::unexpected(found.error());
      rest.remove_prefix(1);
      if (*found == nullptr) {
        help = true;
        continue;
      }
      const bool equals = rest.starts_with('=');
      if ((*found)->is_flag() && !equals) {
        if (auto stored = store(into, **found, "true"); !stored) return stored;
        continue;
      }
      if (rest.empty()) return take_value(into, **found);
      return store(into, **found, std::string(rest.substr(equals ? 1 : 0)));
    }
    return {};
  }

  // Options and operands up to the end, or up to the first operand.
  Status read(Arguments& into, bool stop_at_operand, bool& help) {
    while (!done()) {
      const std::string_view word = words[next];
      if (word == "--") {
        ++next;
        stop_at_operand = true;
        break;
      }
      if (word.size() < 2 || word[0] != '-') {
        if (stop_at_operand) break;
        into.operands.emplace_back(word);
        ++next;
        continue;
      }
      ++next;
      auto status = word[1] == '-' ? long_option(into, word, help) : letters(into, word, help);
      if (!status || help) return status;
    }
    if (stop_at_operand && &into.command() != &global_command())
      while (!done()) into.operands.emplace_back(words[next++]);
    return {};
  }

  static const Command& global_command() {
    static const Command command{.name = "", .options = global_options()};
    return command;
  }

  std::unexpected<UsageError> unknown_command(std::string_view name, std::string_view group) {
    for (const MissingCommand& missing : missing_commands())
      if (missing.name == name)
        return wrong(Error(Kind::Unsupported, std::string(missing.sentence)));
    std::vector<std::string> known;
    for (const Command& command : commands())
      for (const std::string_view other : names_of(command))
        if (!command.hidden && (group.empty() || other.starts_with(group)))
          known.emplace_back(other);
    // Of words that are equally near the one as long as what was typed: "rum" is run before rm.
    const auto distance = [&](const std::string& word) {
      return word.size() > name.size() ? word.size() - name.size() : name.size() - word.size();
    };
    std::ranges::stable_sort(known, {}, distance);
    Error error(Kind::Invalid, "there is no command " + quoted("tare " + std::string(name)));
    const std::string list =
        group.empty() ? "tare --help" : "tare " + std::string(group) + " --help";
    if (const auto close = nearest(name, known))
      return wrong(std::move(error).hint("did you mean 'tare " + *close + "'? See '" + list + "'"),
                   1);
    return wrong(std::move(error).hint("'" + list + "' lists all"), 1);
  }

  // "ps", or "container ls"; with a bare group, or --help behind one, no command.
  std::expected<std::string, UsageError> command_name(CommandLine& line) {
    std::string name = words[next++];
    if (name == "help") {
      line.help = true;
      if (done()) return "";
      name = words[next++];
    }
    const auto is_group = [&] {
      return std::ranges::any_of(command_groups(),
                                 [&](const CommandGroup& group) { return group.name == name; });
    };
    while (is_group()) {
      line.group = name;
      where = "tare " + name;
      if (name == "buildx") skip_builder();
      if (done()) return "";
      const std::string_view second = words[next++];
      if (second == "--help" || second == "-h" || second == "help") return "";
      name += " " + std::string(second);
    }
    return name;
  }

  // There is one. [docker buildx: --builder]
  void skip_builder() {
    constexpr std::string_view kBuilder = "--builder";
    while (!done() && std::string_view(words[next]).starts_with(kBuilder)) {
      const bool has_value = std::string_view(words[next]) != kBuilder;
      ++next;
      if (!has_value && !done()) ++next;
    }
  }

  std::expected<CommandLine, UsageError> parse() {
    CommandLine line;
    line.global = Arguments(&global_command());
    if (auto status = read(line.global, true, line.help); !status)
      return std::unexpected(std::move(status).error());
    if (line.help || done()) return line;
    auto name = command_name(line);
    if (!name) return std::unexpected(std::move(name).error());
    if (name->empty()) {
      line.help = true;
      return line;
    }
    line.command = find_command(*name);
    if (line.command == nullptr) return unknown_command(*name, line.group);
    line.arguments = Arguments(line.command);
    line.arguments.called_ = *name;
    if (line.help) return line;
    where = "tare " + *name;
    if (auto status = read(line.arguments, line.command->options_end_at_operand, line.help);
        !status)
      return std::unexpected(std::move(status).error());
    if (!line.help)
      if (auto status = count_operands(line.arguments); !status)
        return std::unexpected(std::move(status).error());
    return line;
  }

  Status count_operands(const Arguments& arguments) {
    const Command& command = arguments.command();
    const auto count = static_cast<int>(arguments.operands.size());
    const auto usage = [&] {
      return "usage: " + where + " " + std::string(command.usage) + "; " + hint();
    };
    const auto words_for = [](int number) {
      return std::to_string(number) + (number == 1 ? " argument" : " arguments");
    };
    if (count < command.min_operands)
      return wrong(
          Error(Kind::Invalid, where + " needs at least " + words_for(command.min_operands))
              .hint(usage()),
          1);
    if (command.max_operands >= 0 && count > command.max_operands)
      return wrong(
          Error(
              Kind::Invalid,
              where +
                  (command.max_operands == 0 ? " takes no arguments, but there is "
                                             : " takes at most " + words_for(command.max_operands) +
                                                   ", but there is also ") +
                  quoted(arguments.operands[static_cast<std::size_t>(command.max_operands)]))
              .hint(usage()),
          1);
    return {};
  }
};

std::expected<CommandLine, UsageError> parse_command_line(std::span<const char* const> words) {
  return Parser{.words = words}.parse();
}

Result<bool> parse_bool(std::string_view text) {
  constexpr std::array kOn = {"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::array kOff = {"0", "f", "F", "false", "FALSE", "False"};
  if (std::ranges::find(kOn, text) != kOn.end()) return true;
  if (std::ranges::find(kOff, text) != kOff.end()) return false;
  return fail(Kind::Invalid, quoted(text) + " is neither true nor false");
}

std::string spelling(const Option& option) {
  const std::string name = with_dashes(option);
  return option.letter == 0 ? name : "-" + std::string(1, option.letter) + ", " + name;
}

std::unexpected<Error> bad_value(std::string_view option, std::string_view value,
                                 std::string_view why) {
  return fail(Kind::Invalid,
              quoted(value) + " for --" + std::string(option) + ": " + std::string(why));
}

}  // namespace tare::cli
