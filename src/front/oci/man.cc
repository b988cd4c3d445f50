// SPDX-License-Identifier: Apache-2.0
// The manual page, from the table of commands: `tare-oci man`.
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "front/oci/program.h"
#include "sys/fd.h"

namespace tare::front_oci {
namespace {

std::string option_entries(std::span<const Option> options) {
  std::vector<const Option*> sorted;
  for (const Option& option : options) sorted.push_back(&option);
  std::ranges::sort(sorted, {}, [](const Option* option) { return option->name; });
  std::string out;
  for (const Option* option : sorted) {
    out += ".TP\n";
    if (option->letter != 0) out += "\\fB\\-" + std::string(1, option->letter) + "\\fR, ";
    out += "\\fB\\-\\-" + roff(option->name) + "\\fR";
    if (option->kind == Option::Kind::Value) out += " \\fIVALUE\\fR";
    out += "\n" + roff(option->help) + "\n";
  }
  return out;
}

constexpr std::string_view kDescription =
    ".SH DESCRIPTION\n"
    "An OCI runtime: it makes, starts and ends containers as a bundle (a directory with\n"
    "\\fIconfig.json\\fR and a root file system) describes them, for engines such as\n"
    "\\fBpodman\\fR(1), \\fBcontainerd\\fR(1) and \\fBbuildah\\fR(1). Commands and options are\n"
    "those of \\fBrunc\\fR(8) and \\fBcrun\\fR(1). A property of the runtime specification is\n"
    "honoured or refused by its name; one that it does not know is ignored, as it asks for.\n"
    ".PP\n"
    "\\fBcreate\\fR returns when the container stands and its process waits; \\fBstart\\fR lets "
    "it\n"
    "run the program. An ordinary user's engine calls it in a user namespace of its own;\n"
    "\\fBtare\\-oci\\fR makes none.\n";

constexpr std::string_view kEnd =
    ".SH EXIT STATUS\n"
    "\\fBrun\\fR and \\fBexec\\fR end with the status of the program: its exit code, or 128 and "
    "the\n"
    "number of the signal that ended it. Other commands end with 0. All end with 1 when\n"
    "something failed, and say what on standard error and, with \\fB\\-\\-log\\fR, in that file;\n"
    "but \\fBexec\\fR with 127 when its command is not there, 126 when it cannot be executed,\n"
    "and 255 when the process could not be made.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n\\fBXDG_RUNTIME_DIR\\fR\nWhere the state of an ordinary user's containers is.\n"
    ".TP\n\\fBLISTEN_FDS\\fR\nSo many descriptors are kept besides those of "
    "\\fB\\-\\-preserve\\-fds\\fR.\n"
    ".TP\n\\fBDBUS_SESSION_BUS_ADDRESS\\fR\nThe bus of an ordinary user's systemd.\n"
    ".SH FILES\n"
    ".TP\n\\fI/run/tare\\-oci\\fR\nThe state of containers, unless \\fB\\-\\-root\\fR names "
    "another "
    "directory.\n"
    ".SH EXAMPLES\n"
    ".nf\n"
    "tare\\-oci spec \\-b bundle\n"
    "tare\\-oci run \\-b bundle web\n"
    "podman \\-\\-runtime /usr/bin/tare\\-oci run debian true\n"
    ".fi\n"
    ".SH SEE ALSO\n\\fBtare\\fR(1)\n";

std::string man_page() {
  std::string out = ".TH TARE\\-OCI 8 \"\" \"tare " TARE_VERSION
                    "\" \"Tare\"\n"
                    ".SH NAME\ntare\\-oci \\- an OCI runtime\n"
                    ".SH SYNOPSIS\n\\fBtare\\-oci\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR "
                    "[\\fIARG\\fR...]\n";
  out += kDescription;
  out += ".SH OPTIONS\nThese stand before the command.\n" + option_entries(global_options());
  out += ".SH COMMANDS\n";
  std::vector<const Command*> sorted = all_commands();
  std::ranges::sort(sorted, {}, [](const Command* command) { return command->name; });
  for (const Command* command : sorted) {
    if (command->hidden) continue;
    out += ".SS \"tare\\-oci " + roff(command->synopsis) + "\"\n" + roff(command->help) + ".\n" +
           option_entries(command->options);
  }
  return out + std::string(kEnd);
}

Result<int> man(const Globals&, const Arguments&) {
  TRY(sys::write_all(STDOUT_FILENO, man_page()));
  return 0;
}

constexpr std::array<Command, 1> kCommands{{{.name = "man",
                                             .synopsis = "man",
                                             .help = "Print the manual page for man(1)",
                                             .options = {},
                                             .hidden = true,
                                             .run = man}}};

}  // namespace

std::span<const Command> manual_commands() { return kCommands; }

}  // namespace tare::front_oci
