// SPDX-License-Identifier: Apache-2.0
#include "build/stage_state.h"

#include <algorithm>

#include "base/text.h"
#include "build/glob.h"
#include "build/remote_source.h"

namespace tare::build {
namespace {

constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr const char* kScriptFolder = "/dev/pipes/";

}  // namespace

StageState::StageState(const Variables& globals, const BuildOptions& options, char escape,
                       oci::ImageConfig base)
    : globals_(&globals), options_(&options), escape_(escape), config_(std::move(base)) {
  config_.on_build.clear();
  for (const std::string& variable : config_.env)
    if (const auto pair = split_once(variable, '='))
      variables_.set(std::string(pair->first), std::string(pair->second));
  if (!variables_.get("PATH")) {
    config_.env.push_back("PATH=" + std::string(kPath));
    variables_.set("PATH", kPath);
  }
}

StageState StageState::scratch(const Variables& globals, const BuildOptions& options, char escape,
                               const oci::Platform& platform) {
  oci::ImageConfig config;
  config.os = platform.os;
  config.architecture = platform.architecture;
  config.variant = platform.variant;
  config.working_dir = "/";
  return {globals, options, escape, std::move(config)};
}

StageState StageState::on(const StageState& base) {
  StageState state = base;
  state.config_.on_build.clear();
  state.has_cmd_ = false;
  return state;
}

bool StageState::declares(std::string_view name) const {
  return std::ranges::find(arguments_, name, &std::pair<std::string, std::string>::first) !=
         arguments_.end();
}

std::vector<std::string> StageState::environment() const {
  std::vector<std::string> environment;
  for (const auto& [name, value] : variables_.all()) environment.push_back(name + "=" + value);
  return environment;
}

Result<Text> StageState::expanded(const Instruction& instruction, const Text& text,
                                  Expanded& out) const {
  Result<Expansion> expansion = build::expand(text.text, variables_.lookup(), {.escape = escape_});
  if (!expansion) {
    Error error = instruction.error(expansion.error().message(), text.range);
    if (!expansion.error().hint().empty()) error = std::move(error).hint(expansion.error().hint());
    return std::unexpected(std::move(error));
  }
  out.unset.merge(expansion->unset);
  return Text{std::move(expansion->text), text.range};
}

Result<> StageState::expand_all(const Instruction& instruction, std::vector<Text>& texts,
                                Expanded& out) const {
  for (Text& text : texts) text = TRY(expanded(instruction, text, out));
  return {};
}

Result<> StageState::expand_pairs(const Instruction& instruction, std::vector<KeyValue>& pairs,
                                  Expanded& out) const {
  // All with the variables from before the instruction: "ENV a=1 b=$a" does not see the new a.
  for (KeyValue& pair : pairs) {
    pair.key = TRY(expanded(instruction, pair.key, out));
    pair.value = TRY(expanded(instruction, pair.value, out));
  }
  return {};
}

Result<> StageState::expand_files(const Instruction& instruction, FileSources& files,
                                  Expanded& out) const {
  TRY(expand_all(instruction, files.paths, out));
  files.destination = TRY(expanded(instruction, files.destination, out));
  files.chown = TRY(expanded(instruction, files.chown, out));
  files.chmod = TRY(expanded(instruction, files.chmod, out));
  for (Heredoc& heredoc : files.contents) {
    heredoc.content = heredoc_text(heredoc);
    heredoc.strip_tabs = false;
    if (!heredoc.expand) continue;
    Result<Expansion> text =
        build::expand(heredoc.content, variables_.lookup(), {.quotes_are_text = true});
    if (!text) return std::unexpected(instruction.error(text.error().message(), heredoc.range));
    heredoc.content = std::move(text->text);
    heredoc.expand = false;
    out.unset.merge(text->unset);
  }
  return {};
}

Result<> StageState::expand_ports(const Instruction& instruction, Expose& expose,
                                  Expanded& out) const {
  std::vector<Text> ports;
  for (const Text& port : expose.ports) {
    const Result<Expansion> words =
        build::expand(port.text, variables_.lookup(), {.escape = escape_});
    if (!words) return std::unexpected(instruction.error(words.error().message(), port.range));
    for (const std::string& word : words->words) ports.push_back({word, port.range});
    out.unset.insert(words->unset.begin(), words->unset.end());
  }
  expose.ports = std::move(ports);
  return {};
}

Result<> StageState::expand_mounts(const Instruction& instruction, const Run& run,
                                   Expanded& out) const {
  const Lookup lookup = [&](std::string_view name) {
    std::optional<std::string> value = variables_.get(name);
    if (!value) out.unset.emplace(name);
    return value;
  };
  for (const Text& text : run.mounts) {
    Result<Mount> mount = parse_mount(text.text, lookup, escape_);
    if (!mount) {
      Error error = instruction.error(mount.error().message(), text.range);
      if (!mount.error().hint().empty()) error = std::move(error).hint(mount.error().hint());
      return std::unexpected(std::move(error));
    }
    if (mount->type != Mount::Type::Secret && mount->type != Mount::Type::Ssh) {
      const std::string root = run.tools ? kToolsTarget : "";
      mount->target = join_path(root + "/" + config_.working_dir, mount->target);
      if (mount->target == "/")
        return std::unexpected(instruction.error("nothing can be mounted over '/'", text.range)
                                   .hint("write target=/PATH"));
    }
    out.mounts.push_back(std::move(*mount));
  }
  return {};
}

Result<Expanded> StageState::expand(const Instruction& original) const {
  Expanded out{.instruction = original};
  Body& body = out.instruction.body;
  if (auto* env = std::get_if<Env>(&body)) TRY(expand_pairs(original, env->variables, out));
  if (auto* label = std::get_if<Label>(&body)) TRY(expand_pairs(original, label->labels, out));
  if (auto* volume = std::get_if<Volume>(&body)) TRY(expand_all(original, volume->paths, out));
  if (auto* expose = std::get_if<Expose>(&body)) TRY(expand_ports(original, *expose, out));
  if (auto* run = std::get_if<Run>(&body)) TRY(expand_mounts(original, *run, out));
  if (auto* user = std::get_if<User>(&body)) user->user = TRY(expanded(original, user->user, out));
  if (auto* workdir = std::get_if<Workdir>(&body))
    workdir->path = TRY(expanded(original, workdir->path, out));
  if (auto* signal = std::get_if<StopSignal>(&body))
    signal->signal = TRY(expanded(original, signal->signal, out));
  if (auto* copy = std::get_if<Copy>(&body)) {
    TRY(expand_files(original, copy->files, out));
    if (copy->mtime) copy->mtime = TRY(expanded(original, *copy->mtime, out));
  }
  if (auto* add = std::get_if<Add>(&body)) {
    TRY(expand_files(original, add->files, out));
    add->checksum = TRY(expanded(original, add->checksum, out));
  }
  TRY(check_sources(out.instruction));
  if (auto* unset = std::get_if<Unset>(&body)) TRY(expand_all(original, unset->names, out));
  if (auto* package = std::get_if<Package>(&body))
    for (auto* texts : {&package->names, &package->repositories, &package->keys})
      TRY(expand_all(original, *texts, out));
  return out;
}

std::vector<std::string> StageState::with_shell(const CommandLine& command,
                                                const oci::ImageConfig* tools) const {
  if (command.json) return command.words;
  std::vector<std::string> words = (tools == nullptr ? config_ : *tools).shell;
  if (words.empty()) words = {"/bin/sh", "-c"};
  words.push_back(join(command.words, " "));
  return words;
}

RunCommand StageState::command(const Run& run, const oci::ImageConfig* tools) const {
  RunCommand out;
  if (run.ansible) {
    out.arguments = {"ansible-playbook", run.ansible->text};
    return out;
  }
  const CommandLine& command = run.command;
  if (command.heredocs.empty() || command.json) {
    out.arguments = with_shell(command, tools);
    return out;
  }
  CommandLine line{.words = {command.words[0]}};
  if (parse_heredoc_mark(command.words[0])) {
    // Nothing but a heredoc: its text is the command, or the program if it says which reads it.
    const Heredoc& heredoc = command.heredocs[0];
    std::string text = heredoc_text(heredoc);
    if (text.starts_with("#!")) {
      out.script_path = kScriptFolder + heredoc.name;
      out.script = std::move(text);
      out.arguments = {out.script_path};
      return out;
    }
    line.words[0] = std::move(text);
  } else {
    for (const Heredoc& heredoc : command.heredocs)
      line.words[0] += "\n" + heredoc.content + heredoc.name;
  }
  out.arguments = with_shell(line, tools);
  return out;
}

bool makes_layer(const Instruction& instruction) {
  return instruction.as<Run>() != nullptr || instruction.as<Copy>() != nullptr ||
         instruction.as<Add>() != nullptr || instruction.as<Workdir>() != nullptr ||
         instruction.as<Package>() != nullptr;
}

}  // namespace tare::build
