// SPDX-License-Identifier: Apache-2.0
// The manual page, from the table of commands.
#include <algorithm>

#include "base/text.h"
#include "front/cli/help.h"

namespace tare::cli {
namespace {

std::string option_entry(const Option& option) {
  std::string out = ".TP\n";
  if (option.letter != 0) out += "\\fB\\-" + std::string(1, option.letter) + "\\fR, ";
  out += R"(\fB\-\-)" + roff(option.name) + "\\fR";
  if (!option.argument.empty()) out += " \\fI" + roff(option.argument) + "\\fR";
  return out + "\n" + roff(option.help) + "\n";
}

std::string option_entries(const Command& command) {
  std::vector<const Option*> options;
  for (const auto& set : {command.options, command.more_options})
    for (const Option& option : set)
      if (option.is_shown()) options.push_back(&option);
  std::ranges::sort(options, {}, [](const Option* option) { return option->name; });
  std::string out;
  for (const Option* option : options) out += option_entry(*option);
  return out;
}

std::string command_section(const Command& command) {
  std::string out = ".SS \"tare " + roff(command.name);
  if (!command.usage.empty()) out += " " + roff(command.usage);
  out += "\"\n" + roff(command.summary) + ".\n";
  const auto names = names_of(command);
  if (names.size() > 1) {
    out += "Also called";
    for (std::size_t i = 1; i < names.size(); ++i)
      out += std::string(i == 1 ? " " : ", ") + "\\fBtare " + roff(names[i]) + "\\fR";
    out += ".\n";
  }
  return out + option_entries(command);
}

constexpr std::string_view kEnd =
    ".SH EXIT STATUS\n"
    "\\fBrun\\fR, \\fBstart \\-a\\fR, \\fBattach\\fR and \\fBexec\\fR end with the status of the\n"
    "program in the container: its exit code, or 128 and the number of the signal that ended it.\n"
    "125 says that tare itself failed or that the options are wrong, 126 that the program was\n"
    "found and could not be started, 127 that it was not found. Other commands end with 0, or\n"
    "with 1 when something failed.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n\\fBTARE_ROOT\\fR\nDirectory of images and containers, as \\fB\\-\\-root\\fR.\n"
    ".TP\n\\fBTARE_STORE_MAX\\fR\nWhat the store may take, as \\fB\\-\\-store\\-max\\fR.\n"
    ".TP\n\\fBTARE_UNDO_TIME\\fR\nHow long what was removed can be brought back: 24h, 90m, 0.\n"
    ".TP\n\\fBDOCKER_CONFIG\\fR, \\fBREGISTRY_AUTH_FILE\\fR\nWhere passwords for registries are:\n"
    "the directory of \\fIconfig.json\\fR, or a file.\n"
    ".TP\n\\fBCONTAINERS_REGISTRIES_CONF\\fR\nThis file in place of all \\fIregistries.conf\\fR.\n"
    ".TP\n\\fBhttps_proxy\\fR, \\fBhttp_proxy\\fR, \\fBall_proxy\\fR, \\fBno_proxy\\fR\n"
    "Proxies to registries, also in capital letters.\n"
    ".SH FILES\n"
    ".TP\n\\fI/var/lib/tare\\fR\nImages and containers of root.\n"
    ".TP\n\\fI~/.local/share/tare\\fR\nThose of an ordinary user.\n"
    ".TP\n\\fI/etc/tare/tare.conf\\fR, \\fI~/.config/tare/tare.conf\\fR\n"
    "\\fBroot=\\fIDIRECTORY\\fR: where images and containers of root, or of a user, are instead.\n"
    ".TP\n\\fIsettings\\fR in the directory of images and containers\n"
    "Lines \\fBmax=\\fR (what it may take: 40G, 80%), \\fBundo\\-time=\\fR (24h), "
    "\\fBundo\\-max=\\fR\n"
    "(10% of max) and \\fBwarn=\\fR (80,90,95: percent of max that are warned of, or off).\n"
    ".TP\n\\fI~/.docker/config.json\\fR\nPasswords for registries, credential helpers, proxies.\n"
    ".TP\n\\fI/etc/containers/registries.conf\\fR, \\fI~/.config/containers/registries.conf\\fR\n"
    "Mirrors, short names, blocked and insecure registries.\n"
    ".TP\n\\fI/etc/docker/certs.d\\fR, \\fI/etc/containers/certs.d\\fR\n"
    "Certificates of registries and for them, a directory for each host.\n"
    ".SH EXAMPLES\n"
    ".nf\n"
    "tare pack /bin/date \\-t date\n"
    "tare run \\-\\-rm date\n"
    "tare load debian.tar\n"
    "tare run \\-it \\-\\-rm \\-m 512m debian bash\n"
    ".fi\n";

}  // namespace

std::string man_page() {
  std::string out =
      ".TH TARE 1 \"\" \"tare " TARE_VERSION
      "\" \"Tare\"\n"
      ".SH NAME\ntare \\- run containers without a daemon\n"
      ".SH SYNOPSIS\n\\fBtare\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARG\\fR...]\n"
      ".SH DESCRIPTION\n"
      "Runs containers from images, with the commands, options, output and exit codes of\n"
      "\\fBdocker\\fR(1), without a daemon: every container belongs to a small process of its "
      "own,\n"
      "which keeps its terminal, its log and its exit code. Every container, of root as of an\n"
      "ordinary user, has a user namespace with ids that no other container has.\n"
      ".SH OPTIONS\n"
      "These stand before the command.\n";
  out += option_entries(Command{.name = "", .options = global_options()});
  out += ".SH COMMANDS\n";
  std::vector<const Command*> shown;
  for (const Command& command : commands())
    if (!command.hidden) shown.push_back(&command);
  std::ranges::sort(shown, {}, [](const Command* command) { return command->name; });
  for (const Command* command : shown) out += command_section(*command);
  return out + std::string(kEnd);
}

}  // namespace tare::cli
