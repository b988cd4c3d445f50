// SPDX-License-Identifier: Apache-2.0
#include "front/oci/program.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/text.h"
#include "front/oci/log.h"
#include "oci/runtime_config.h"
#include "sys/files.h"

namespace tare::front_oci {
namespace {

using K = Option::Kind;

constexpr std::array<Option, 9> kGlobals{
    {{"root", 0, K::Value, "directory for the state of containers"},
     {"log", 0, K::Value, "file that errors and warnings are appended to, too"},
     {"log-format", 0, K::Value, "text or json"},
     {"log-level", 0, K::Value, "accepted; warnings and errors are always written"},
     {"debug", 0, K::Flag, "accepted; has no meaning"},
     {"systemd-cgroup", 0, K::Flag, "let systemd make the control groups"},
     {"cgroup-manager", 0, K::Value, "cgroupfs or systemd"},
     {"help", 'h', K::Flag, "show this help"},
     {"version", 'v', K::Flag, "show the version"}}};

void print(std::string_view text) { (void)sys::write_all(STDOUT_FILENO, text); }

void add_options(std::string& text, std::span<const Option> options) {
  for (const Option& option : options) {
    std::string left = option.letter != 0 ? std::string("  -") + option.letter + ", " : "      ";
    left += "--" + std::string(option.name) + (option.kind == K::Value ? " VALUE" : "");
    left.resize(std::max<std::size_t>(left.size() + 2, 32), ' ');
    text += left + std::string(option.help) + "\n";
  }
}

std::string program_help() {
  std::string text = "usage: tare-oci [OPTIONS] COMMAND ...\n\nAn OCI runtime.\n\nCommands:\n";
  for (const Command* command : all_commands()) {
    if (command->hidden) continue;
    std::string left = "  " + std::string(command->name);
    left.resize(12, ' ');
    text += left + std::string(command->help) + "\n";
  }
  text += "\nOptions:\n";
  add_options(text, kGlobals);
  return text;
}

std::string command_help(const Command& command) {
  std::string text = "usage: tare-oci " + std::string(command.synopsis) + "\n\n" +
                     std::string(command.help) + "\n";
  if (command.options.empty()) return text;
  text += "\nOptions:\n";
  add_options(text, command.options);
  return text;
}

Result<const Command*> find_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command* command : all_commands()) {
    if (command->name == name) return command;
    if (!command->hidden) names.emplace_back(command->name);
  }
  Error error(Kind::Invalid, quoted(name) + " is not a command");
  if (const auto close = nearest(name, names))
    return std::unexpected(std::move(error).hint("did you mean " + *close + "?"));
  return std::unexpected(std::move(error).hint("tare-oci --help lists them"));
}

Result<Globals> read_globals(const Arguments& arguments) {
  const std::string format = arguments.value("log-format");
  if (!format.empty() && format != "text" && format != "json")
    return fail(Kind::Invalid, "--log-format is text or json, not " + quoted(format));
  TRY(log().open(arguments.value("log"), format == "json" ? Log::Format::Json : Log::Format::Text));
  const std::string manager = arguments.value("cgroup-manager");
  if (!manager.empty() && manager != "cgroupfs" && manager != "systemd")
    return fail(Kind::Invalid, "--cgroup-manager is cgroupfs or systemd, not " + quoted(manager));
  const std::string root = arguments.value("root");
  return Globals{.root = root.empty() ? default_root() : root,
                 .systemd_cgroup = arguments.flag("systemd-cgroup") || manager == "systemd"};
}

Result<int> run_command(std::span<const char* const> words, const Globals& globals,
                        const std::string& name) {
  const Command* const command = TRY(find_command(name));
  std::vector<Option> options(command->options.begin(), command->options.end());
  options.push_back({"help", 'h', K::Flag, ""});
  const Arguments arguments =
      TRY(Arguments::parse(words, options, command->stop_at_first), std::string(command->name));
  if (arguments.flag("help")) {
    print(command_help(*command));
    return 0;
  }
  return command->run(globals, arguments);
}

Result<int> run(std::span<const char* const> words) {
  const Arguments arguments = TRY(Arguments::parse(words, kGlobals, true));
  if (arguments.flag("version")) {
    print("tare-oci version " TARE_VERSION "\nspec: " + std::string(oci::kRuntimeSpecVersion) +
          "\n");
    return 0;
  }
  if (arguments.flag("help")) {
    print(program_help());
    return 0;
  }
  const Globals globals = TRY(read_globals(arguments));
  if (arguments.rest().empty())
    return std::unexpected(
        Error(Kind::Invalid, "no command given").hint("tare-oci --help lists them"));
  const std::size_t at = words.size() - arguments.rest().size();
  return run_command(words.subspan(at + 1), globals, arguments.rest().front());
}

}  // namespace

std::vector<const Command*> all_commands() {
  std::vector<const Command*> all;
  for (const std::span<const Command> group :
       {create_commands(), lifecycle_commands(), exec_commands(), resource_commands(),
        inspect_commands(), manual_commands()})
    for (const Command& command : group) all.push_back(&command);
  return all;
}

std::span<const Option> global_options() { return kGlobals; }

Result<std::string> one_container(const Arguments& arguments) {
  if (arguments.rest().size() == 1) return arguments.rest().front();
  if (arguments.rest().empty()) return fail(Kind::Invalid, "no container id given");
  return fail(Kind::Invalid, "more than one container id given: " + quoted(arguments.rest()[1]));
}

Result<> write_pid_file(const std::string& path, int pid) {
  if (path.empty()) return {};
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const sys::Fd directory = TRY(sys::open_path(parent, O_RDONLY | O_DIRECTORY));
  return sys::replace_file(directory.get(),
                           slash == std::string::npos ? path : path.substr(slash + 1),
                           std::to_string(pid), sys::Durability::Lazy);
}

Result<std::uint32_t> kept_fds(const Arguments& arguments) {
  std::uint64_t count = 0;
  if (arguments.has("preserve-fds"))
    count = TRY(parse_u64(arguments.value("preserve-fds")), "--preserve-fds");
  if (const char* const listen = std::getenv("LISTEN_FDS"); listen != nullptr)
    count += TRY(parse_u64(listen), "LISTEN_FDS");
  constexpr std::uint64_t kMost = 4096;
  if (count > kMost) return fail(Kind::Invalid, "more than 4096 descriptors to preserve");
  for (std::uint64_t i = 0; i < count; ++i)
    if (::fcntl(static_cast<int>(3 + i), F_GETFD) < 0)
      return fail(Kind::Invalid,
                  "descriptor " + std::to_string(3 + i) + " is to be preserved but not open");
  return static_cast<std::uint32_t>(count);
}

int run_program(std::span<const char* const> words) {
  ::signal(SIGPIPE, SIG_IGN);
  // Were it ignored, as who called us may have left it, ends of our children would be lost, and
  // their numbers be others' before we know. [wait(2), NOTES]
  ::signal(SIGCHLD, SIG_DFL);
  // A limit on the size of files (RLIMIT_FSIZE) is an error like others, and hooks have it as it
  // was.
  ::signal(SIGXFSZ, [](int) {});
  const auto opened = sys::open_standard_streams();
  const auto status = opened ? run(words) : std::unexpected(opened.error());
  if (status) return *status;
  log().error(status.error());
  return 1;
}

}  // namespace tare::front_oci
