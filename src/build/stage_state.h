// SPDX-License-Identifier: Apache-2.0
// What a stage is at one of its instructions: its variables and its image config. Instructions are
// expanded and applied one after the other; what is done to files is the caller's.
// [BuildKit frontend 1.20; Docker image specification 1.3]
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "build/arguments.h"
#include "build/instruction.h"
#include "build/mount.h"
#include "oci/image_config.h"

namespace tare::build {

struct Expanded {
  Instruction instruction;      // Without variables where they are replaced.
  std::vector<Mount> mounts;    // Of RUN; targets of folders are absolute.
  std::set<std::string> unset;  // Variables that were used and are not set.
};

// What RUN executes.
struct RunCommand {
  std::vector<std::string> arguments;
  // A heredoc that starts with "#!" is a program: its text, to be put at `script_path` with mode
  // 0755, and arguments[0] is that path.
  std::optional<std::string> script;
  std::string script_path;
};

class StageState {
 public:
  // On an image. `globals` and `options` live as long as this. `escape` is that of the Dockerfile.
  StageState(const Variables& globals, const BuildOptions& options, char escape,
             oci::ImageConfig base);
  // On nothing: FROM scratch.
  static StageState scratch(const Variables& globals, const BuildOptions& options, char escape,
                            const oci::Platform& platform);
  // On a stage that is done: its config and its ARGs, without its triggers.
  static StageState on(const StageState& base);

  // With variables as they are here. ARG is expanded by apply, whose values may not be needed.
  // Errors: Invalid, with the place.
  Result<Expanded> expand(const Instruction& instruction) const;
  // Of the result of expand, in order: changes config and variables and adds an entry to the
  // history, as BuildKit writes them; without a time. `unset` gets variables that defaults of ARG
  // use and that are not set. Errors: Invalid, with the place.
  Result<> apply(const Instruction& instruction, std::set<std::string>* unset = nullptr);

  const oci::ImageConfig& config() const { return config_; }
  std::optional<std::string> variable(std::string_view name) const { return variables_.get(name); }
  const Variables& variables() const { return variables_; }
  // Names of ARGs seen here, also of those without a value.
  bool declares(std::string_view name) const;
  // ENV and ARG, "NAME=value": the environment of RUN, but for proxies.
  std::vector<std::string> environment() const;
  // With the shell of `tools` where another image's program runs.
  RunCommand command(const Run& run, const oci::ImageConfig* tools = nullptr) const;

 private:
  Result<Text> expanded(const Instruction& instruction, const Text& text, Expanded& out) const;
  Result<> expand_all(const Instruction& instruction, std::vector<Text>& texts,
                      Expanded& out) const;
  Result<> expand_pairs(const Instruction& instruction, std::vector<KeyValue>& pairs,
                        Expanded& out) const;
  Result<> expand_files(const Instruction& instruction, FileSources& files, Expanded& out) const;
  Result<> expand_ports(const Instruction& instruction, Expose& expose, Expanded& out) const;
  Result<> expand_mounts(const Instruction& instruction, const Run& run, Expanded& out) const;

  Result<> apply_arg(const Instruction& instruction, const Arg& arg, std::set<std::string>* unset);
  Result<> apply_body(const Instruction& instruction, const Expose& expose);
  Result<> apply_body(const Instruction& instruction, const StopSignal& signal);
  Result<> apply_body(const Instruction& instruction, const Volume& volume);
  void apply_command(const Cmd& cmd);
  void apply_command(const Entrypoint& entrypoint);
  void apply_pairs(const Env& env);
  void apply_pairs(const Label& label);
  void apply_healthcheck(const HealthcheckOptions& check);
  void apply_files(const FileSources& files, std::string_view keyword, bool parents);
  void apply_workdir(const Workdir& workdir);
  void apply_unset(const Unset& unset);
  void apply_run(const Run& run);
  std::vector<std::string> with_shell(const CommandLine& command,
                                      const oci::ImageConfig* tools = nullptr) const;
  void note(std::string created_by, bool layer = false);

  const Variables* globals_;
  const BuildOptions* options_;
  char escape_;
  oci::ImageConfig config_;
  Variables variables_;  // ENV and ARG: the later wins, whichever it is.
  std::vector<std::pair<std::string, std::string>> arguments_;  // ARGs in order, for the history.
  bool has_cmd_ = false;  // This stage has had a CMD, so ENTRYPOINT leaves it alone.
};

// Whether the instruction makes a layer, possibly an empty one: RUN, COPY, ADD, WORKDIR.
bool makes_layer(const Instruction& instruction);

// "80", "80-90/tcp", "127.0.0.1:8080:80/TCP" as "80/tcp" and so on: addresses and ports of the
// host are dropped. Errors: Invalid, without a place.
struct ExposedPorts {
  std::vector<std::string> ports;
  bool upper_case = false;  // The protocol is not written in lower case.
  bool has_host = false;    // It has an address or a port of the host.
};
Result<ExposedPorts> parse_exposed(std::string_view text);

// As Go's %q prints a string and its Duration prints itself, which is in the history of images.
std::string go_quoted(std::string_view text);
std::string go_duration(std::chrono::nanoseconds span);

}  // namespace tare::build
