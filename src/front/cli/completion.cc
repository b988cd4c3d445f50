// SPDX-License-Identifier: Apache-2.0
// Completion for bash, zsh and fish, from the table of commands. Names of containers, images,
// networks and volumes are asked from tare itself while completing.
#include "base/text.h"
#include "front/cli/help.h"

namespace tare::cli {
namespace {

std::string_view operands_word(Operands operands) {
  switch (operands) {
    case Operands::None:
    case Operands::Anything:
      return "none";
    case Operands::Files:
      return "files";
    case Operands::Containers:
      return "containers";
    case Operands::Running:
      return "running";
    case Operands::Images:
      return "images";
    case Operands::Networks:
      return "networks";
    case Operands::Volumes:
      return "volumes";
  }
  return "none";
}

std::string option_words(const Command& command) {
  std::string out;
  for (const auto& set : {command.options, command.more_options})
    for (const Option& option : set) {
      if (!option.is_shown()) continue;
      out += "--" + std::string(option.name) + " ";
      if (option.letter != 0) out += "-" + std::string(1, option.letter) + " ";
    }
  return out + "--help";
}

// Options that take a value: what follows them is not an operand.
std::string value_options(const Command& command) {
  std::string out;
  for (const auto& set : {command.options, command.more_options})
    for (const Option& option : set) {
      if (option.is_flag()) continue;
      out += (out.empty() ? "--" : "|--") + std::string(option.name);
      if (option.letter != 0) out += "|-" + std::string(1, option.letter);
    }
  return out;
}

// First words, or the next words of a group.
std::string words_after(std::string_view prefix) {
  std::string out;
  for (const Command& command : commands()) {
    if (command.hidden) continue;
    for (const std::string_view name : names_of(command))
      if (const auto word = next_word(name, prefix)) out += *word + " ";
  }
  for (const CommandGroup& group : command_groups())
    if (const auto word = next_word(group.name, prefix)) out += *word + " ";
  return out;
}

bool is_nested(const CommandGroup& group) { return group.name.find(' ') != std::string_view::npos; }

// A case of shell code for each command: sets opts, values and kind. The same text serves bash and
// zsh, which runs it in its compatibility mode for bash's completions.
std::string shell_cases() {
  std::string out;
  for (const Command& command : commands()) {
    if (command.hidden) continue;
    std::string pattern;
    for (const std::string_view name : names_of(command))
      pattern += (pattern.empty() ? "'" : "|'") + std::string(name) + "'";
    out += "    " + pattern + ") opts='" + option_words(command) + "' values='|" +
           value_options(command) + "|' kind=" + std::string(operands_word(command.operands)) +
           " ends=" + (command.options_end_at_operand ? "1" : "0") + " ;;\n";
  }
  return out;
}

constexpr std::string_view kShellBody = R"sh(_tare() {
  local cur=${COMP_WORDS[COMP_CWORD]} cmd='' i=1 word opts='' values='' kind=none ends=0 operands=0
  while [ $i -lt $COMP_CWORD ]; do
    word=${COMP_WORDS[i]}
    case $word in
      --root) i=$((i + 1)) ;;
      -*) ;;
      *) cmd=$word; i=$((i + 1)); break ;;
    esac
    i=$((i + 1))
  done
  if [ -z "$cmd" ]; then
    COMPREPLY=($(compgen -W "@FIRST@ --root --debug --version --help" -- "$cur"))
    return
  fi
  case $cmd in
@GROUPS@
  esac
  case $cmd in
@NESTED@
  esac
  case $cmd in
@CASES@    *) return ;;
  esac
  while [ $i -lt $COMP_CWORD ]; do
    word=${COMP_WORDS[i]}
    case $word in
      -*) case $values in *"|$word|"*) i=$((i + 1)) ;; esac ;;
      *) operands=$((operands + 1)) ;;
    esac
    i=$((i + 1))
  done
  if [ $i -gt $COMP_CWORD ]; then
    COMPREPLY=($(compgen -f -- "$cur"))
    return
  fi
  if [ "$ends" = 1 ] && [ $operands -gt 0 ]; then
    COMPREPLY=($(compgen -f -- "$cur"))
    return
  fi
  case $cur in
    -*) COMPREPLY=($(compgen -W "$opts" -- "$cur")); return ;;
  esac
  case $kind in
    files) COMPREPLY=($(compgen -f -- "$cur")) ;;
    containers) COMPREPLY=($(compgen -W "$(tare ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur")) ;;
    running) COMPREPLY=($(compgen -W "$(tare ps --format '{{.Names}}' 2>/dev/null)" -- "$cur")) ;;
    images) COMPREPLY=($(compgen -W "$(tare images --filter dangling=false --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur")) ;;
    networks) COMPREPLY=($(compgen -W "$(tare network ls --format '{{.Name}}' 2>/dev/null)" -- "$cur")) ;;
    volumes) COMPREPLY=($(compgen -W "$(tare volume ls -q 2>/dev/null)" -- "$cur")) ;;
  esac
}
)sh";

// bash splits words at : and = too (COMP_WORDBREAKS), and replaces what follows the last of them.
constexpr std::string_view kBashWords = R"sh(_tare_bash() {
  local line=$COMP_LINE gap word cut n=0 whole=()
  for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if [ -n "$word" ]; then gap=${line%%"$word"*}; else gap=$line; fi
    line=${line#*"$word"}
    if [ $n -gt 0 ] && [ -z "$gap" ]; then
      whole[n - 1]+=$word
    else
      whole[n]=$word
      n=$((n + 1))
    fi
  done
  local COMP_WORDS=("${whole[@]}") COMP_CWORD=$((n - 1))
  _tare
  word=${whole[n - 1]}
  cut=${word%"${word##*[:=]}"}
  for n in "${!COMPREPLY[@]}"; do COMPREPLY[n]=${COMPREPLY[n]#"$cut"}; done
}
)sh";

void replace(std::string& text, std::string_view what, const std::string& with) {
  if (const std::size_t at = text.find(what); at != std::string::npos)
    text.replace(at, what.size(), with);
}

// Cases that take the next word of a group; `nested`: of groups in groups.
std::string group_cases(bool nested) {
  std::string groups;
  for (const CommandGroup& group : command_groups()) {
    if (is_nested(group) != nested) continue;
    const std::string name(group.name);
    groups += "    '" + name + "')\n      if [ $i -ge $COMP_CWORD ]; then\n" +
              "        COMPREPLY=($(compgen -W \"" + words_after(name + " ") +
              "\" -- \"$cur\"))\n        return\n      fi\n      cmd=\"$cmd ${COMP_WORDS[i]}\"\n" +
              "      i=$((i + 1))\n      ;;\n";
  }
  if (groups.ends_with('\n')) groups.pop_back();
  return groups;
}

std::string shell_function() {
  std::string out(kShellBody);
  replace(out, "@FIRST@", words_after(""));
  replace(out, "@GROUPS@", group_cases(false));
  replace(out, "@NESTED@", group_cases(true));
  replace(out, "@CASES@", shell_cases());
  return out;
}

std::string fish_quote(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// The next words of a group; their options and operands are those of the short names.
std::string fish_group(const CommandGroup& group) {
  const std::string name(group.name);
  const std::string words = words_after(name + " ");
  if (const auto outer = split_once(name, ' '))
    return "complete -c tare -f -n '__fish_seen_subcommand_from " + std::string(outer->first) +
           "; and __fish_seen_subcommand_from " + std::string(outer->second) +
           "; and not __fish_seen_subcommand_from " + words + "' -a '" + words + "'\n";
  return "complete -c tare -f -n __fish_use_subcommand -a " + name + " -d " +
         fish_quote(group.summary) + "\ncomplete -c tare -f -n '__fish_seen_subcommand_from " +
         name + "; and not __fish_seen_subcommand_from " + words + "' -a '" + words + "'\n";
}

std::string fish_command(const Command& command) {
  std::string out;
  const std::string name(command.name);
  const std::string words = "-n '__fish_seen_subcommand_from " + name + "'";
  out += "complete -c tare -f -n __fish_use_subcommand -a " + name + " -d " +
         fish_quote(command.summary) + "\n";
  for (const auto& set : {command.options, command.more_options})
    for (const Option& option : set) {
      if (!option.is_shown()) continue;
      out += "complete -c tare " + words + " -l " + std::string(option.name);
      if (option.letter != 0) out += " -s " + std::string(1, option.letter);
      if (!option.is_flag()) out += " -r";
      out += " -d " + fish_quote(option.help) + "\n";
    }
  std::string_view list;
  switch (command.operands) {
    case Operands::Containers:
      list = "(tare ps -a --format \"{{.Names}}\" 2>/dev/null)";
      break;
    case Operands::Running:
      list = "(tare ps --format \"{{.Names}}\" 2>/dev/null)";
      break;
    case Operands::Images:
      list =
          "(tare images --filter dangling=false --format \"{{.Repository}}:{{.Tag}}\" 2>/dev/null)";
      break;
    case Operands::Networks:
      list = "(tare network ls --format \"{{.Name}}\" 2>/dev/null)";
      break;
    case Operands::Volumes:
      list = "(tare volume ls -q 2>/dev/null)";
      break;
    case Operands::Files:
      return out + "complete -c tare -F " + words + "\n";
    case Operands::None:
    case Operands::Anything:
      return out;
  }
  return out + "complete -c tare -f " + words + " -a '" + std::string(list) + "'\n";
}

}  // namespace

Result<std::string> completion_script(std::string_view shell) {
  if (shell == "bash")
    return "# Completion of tare for bash: source it, or put it into\n"
           "# /usr/share/bash-completion/completions/tare.\n" +
           shell_function() + std::string(kBashWords) + "complete -F _tare_bash tare\n";
  if (shell == "zsh")
    return "#compdef tare\n# Completion of tare for zsh: source it after compinit.\n"
           "autoload -Uz bashcompinit && bashcompinit\n" +
           shell_function() + "complete -F _tare tare\n";
  if (shell == "fish") {
    std::string out = "# Completion of tare for fish: put it into ~/.config/fish/completions.\n";
    for (const Command& command : commands())
      if (!command.hidden && command.name.find(' ') == std::string_view::npos)
        out += fish_command(command);
    for (const CommandGroup& group : command_groups()) out += fish_group(group);
    return out;
  }
  return fail(Kind::Invalid,
              "there is no completion for " + quoted(shell) + "; there is for bash, zsh and fish");
}

}  // namespace tare::cli
