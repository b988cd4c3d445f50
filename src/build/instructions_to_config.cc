// SPDX-License-Identifier: Apache-2.0
// What instructions do to the image config and what the history says of them.
#include <algorithm>

#include "base/text.h"
#include "build/glob.h"
#include "build/remote_source.h"
#include "build/stage_state.h"
#include "sys/signals.h"

namespace tare::build {
namespace {

constexpr const char* kComment = "buildkit.dockerfile.v0";

// As Go's %v prints a list: "[a b]".
std::string go_list(const std::vector<std::string>& words) { return "[" + join(words, " ") + "]"; }

// As Go's %q prints a list: ["a" "b"].
std::string go_quoted_list(const std::vector<std::string>& words) {
  std::vector<std::string> quoted_words;
  for (const std::string& word : words) quoted_words.push_back(go_quoted(word));
  return go_list(quoted_words);
}

std::vector<std::string> strings(const std::vector<Text>& texts) {
  std::vector<std::string> all;
  for (const Text& text : texts) all.push_back(text.text);
  return all;
}

void set_environment(std::vector<std::string>& environment, const std::string& name,
                     const std::string& value) {
  const auto found = std::ranges::find_if(
      environment, [&](const std::string& variable) { return variable.starts_with(name + "="); });
  if (found != environment.end())
    *found = name + "=" + value;
  else
    environment.push_back(name + "=" + value);
}

void add_sorted(std::vector<std::string>& set, const std::string& member) {
  const auto place = std::ranges::lower_bound(set, member);
  if (place == set.end() || *place != member) set.insert(place, member);
}

}  // namespace

void StageState::note(std::string created_by, bool layer) {
  config_.history.push_back(
      {.created_by = std::move(created_by), .comment = kComment, .empty_layer = !layer});
}

Result<> StageState::apply(const Instruction& instruction, std::set<std::string>* unset_variables) {
  if (const Arg* arg = instruction.as<Arg>()) return apply_arg(instruction, *arg, unset_variables);
  if (const Expose* expose = instruction.as<Expose>()) return apply_body(instruction, *expose);
  if (const auto* signal = instruction.as<StopSignal>()) return apply_body(instruction, *signal);
  if (const Volume* volume = instruction.as<Volume>()) return apply_body(instruction, *volume);
  if (const Env* env = instruction.as<Env>()) apply_pairs(*env);
  if (const Label* label = instruction.as<Label>()) apply_pairs(*label);
  if (const Cmd* cmd = instruction.as<Cmd>()) apply_command(*cmd);
  if (const auto* entrypoint = instruction.as<Entrypoint>()) apply_command(*entrypoint);
  if (const auto* check = instruction.as<HealthcheckOptions>()) apply_healthcheck(*check);
  if (const Copy* copy = instruction.as<Copy>()) apply_files(copy->files, "COPY", copy->parents);
  if (const Add* add = instruction.as<Add>()) apply_files(add->files, "ADD", false);
  if (const Run* run = instruction.as<Run>()) apply_run(*run);
  if (const Workdir* workdir = instruction.as<Workdir>()) apply_workdir(*workdir);
  if (const Unset* unset = instruction.as<Unset>()) apply_unset(*unset);
  if (const User* user = instruction.as<User>()) {
    config_.user = user->user.text;
    note("USER " + config_.user);
  }
  if (const Shell* shell = instruction.as<Shell>()) {
    config_.shell = shell->words;
    note("SHELL " + go_list(shell->words));
  }
  if (const Maintainer* maintainer = instruction.as<Maintainer>()) {
    config_.author = maintainer->name;
    note("MAINTAINER " + maintainer->name);
  }
  if (const Package* package = instruction.as<Package>()) {
    std::string said = "PKG " + package->format + ":";
    for (const Text& name : package->names) said += " " + name.text;
    note(std::move(said), true);
  }
  if (const OnBuild* onbuild = instruction.as<OnBuild>())
    config_.on_build.push_back(onbuild->trigger);
  return {};
}

Result<> StageState::apply_arg(const Instruction& instruction, const Arg& arg,
                               std::set<std::string>* unset) {
  std::vector<std::string> said;
  for (const ArgDefinition& definition : arg.arguments) {
    const std::string& name = definition.key.text;
    std::optional<std::string> value;
    const auto given = options_->arguments.find(name);
    if (given != options_->arguments.end()) {
      value = given->second;
    } else if (definition.value) {
      Expanded used;
      const Text text = TRY(expanded(instruction, *definition.value, used));
      value = text.text;
      if (unset != nullptr) unset->merge(used.unset);
    } else {
      value = globals_->get(name);
    }
    // These two steer the scan for an SBOM, and are in no environment. [BuildKit]
    const bool hidden = name == "BUILDKIT_SBOM_SCAN_CONTEXT" || name == "BUILDKIT_SBOM_SCAN_STAGE";
    if (value && !hidden) variables_.set(name, *value);
    arguments_.emplace_back(name, value.value_or(""));
    said.push_back(value ? name + "=" + *value : name);
  }
  note("ARG " + join(said, " "));
  return {};
}

Result<> StageState::apply_body(const Instruction& instruction, const Expose& expose) {
  std::vector<std::string> all;
  for (const Text& text : expose.ports) {
    const Result<ExposedPorts> exposed = parse_exposed(text.text);
    if (!exposed) return std::unexpected(instruction.error(exposed.error().message(), text.range));
    all.insert(all.end(), exposed->ports.begin(), exposed->ports.end());
  }
  for (const std::string& port : all) add_sorted(config_.exposed_ports, port);
  note("EXPOSE " + go_list(all));
  return {};
}

Result<> StageState::apply_body(const Instruction& instruction, const StopSignal& signal) {
  if (const Result<int> number = sys::parse_signal(signal.signal.text); !number) {
    Error error = instruction.error(number.error().message(), signal.signal.range);
    if (!number.error().hint().empty()) error = std::move(error).hint(number.error().hint());
    return std::unexpected(std::move(error));
  }
  config_.stop_signal = signal.signal.text;
  note("STOPSIGNAL " + signal.signal.text);
  return {};
}

void StageState::apply_pairs(const Env& env) {
  std::string said = "ENV";
  for (const KeyValue& pair : env.variables) {
    variables_.set(pair.key.text, pair.value.text);
    set_environment(config_.env, pair.key.text, pair.value.text);
    said += " " + pair.key.text + "=" + pair.value.text;
  }
  note(std::move(said));
}

void StageState::apply_pairs(const Label& label) {
  std::string said = "LABEL";
  for (const KeyValue& pair : label.labels) {
    config_.labels[pair.key.text] = pair.value.text;
    said += " " + pair.key.text + "=" + pair.value.text;
  }
  note(std::move(said));
}

void StageState::apply_command(const Cmd& cmd) {
  config_.cmd = with_shell(cmd.command);
  has_cmd_ = true;
  note("CMD " + go_quoted_list(config_.cmd));
}

void StageState::apply_command(const Entrypoint& entrypoint) {
  config_.entrypoint = with_shell(entrypoint.command);
  // What the base has as CMD were arguments for its own entry point.
  if (!has_cmd_) config_.cmd.clear();
  note("ENTRYPOINT " + go_quoted_list(config_.entrypoint));
}

void StageState::apply_healthcheck(const HealthcheckOptions& options) {
  oci::Healthcheck check;
  if (options.none) {
    check.test = {"NONE"};
  } else {
    check.test = {options.command.json ? "CMD" : "CMD-SHELL"};
    check.test.insert(check.test.end(), options.command.words.begin(), options.command.words.end());
  }
  check.interval_ns = options.interval.count();
  check.timeout_ns = options.timeout.count();
  check.start_period_ns = options.start_period.count();
  check.start_interval_ns = options.start_interval.count();
  check.retries = options.retries;
  note("HEALTHCHECK {Test:" + go_list(check.test) + " Interval:" + go_duration(options.interval) +
       " Timeout:" + go_duration(options.timeout) + " StartPeriod:" +
       go_duration(options.start_period) + " StartInterval:" + go_duration(options.start_interval) +
       " Retries:" + std::to_string(options.retries) + "}");
  config_.healthcheck = std::move(check);
  config_.has_healthcheck = true;
}

void StageState::apply_files(const FileSources& files, std::string_view keyword, bool parents) {
  std::string said(keyword);
  if (parents) said += " --parents";
  if (!files.chown.empty()) said += " --chown=" + files.chown.text;
  if (!files.chmod.empty()) said += " --chmod=" + files.chmod.text;
  for (const Text& path : files.paths) said += " " + hide_users(path.text);
  for (const Heredoc& heredoc : files.contents) said += " <<" + heredoc.name;
  note(said + " " + files.destination.text + " # buildkit", true);
}

void StageState::apply_run(const Run& run) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const auto& [name, given] : arguments_) {
    const std::string value = variables_.get(name).value_or(given);
    const auto found = std::ranges::find(values, name, &decltype(values)::value_type::first);
    if (found == values.end())
      values.emplace_back(name, value);
    else
      found->second = value;
  }
  std::string said = "RUN";
  if (!values.empty()) said += " |" + std::to_string(values.size());
  for (const auto& [name, value] : values) said += " " + name + "=" + value;
  note(said + " " + join(command(run).arguments, " ") + " # buildkit", true);
}

void StageState::apply_workdir(const Workdir& workdir) {
  const std::string& path = workdir.path.text;
  const std::string above = config_.working_dir.empty() ? "/" : config_.working_dir;
  // An absolute path stays as it is written. [BuildKit system.NormalizeWorkdir]
  if (!path.starts_with('/'))
    config_.working_dir = join_path("/" + above, path);
  else
    config_.working_dir = path;
  note("WORKDIR " + config_.working_dir, config_.working_dir != "/");
}

Result<> StageState::apply_body(const Instruction& instruction, const Volume& volume) {
  for (const Text& path : volume.paths) {
    if (path.empty())
      return std::unexpected(instruction.error("the path of the volume is empty", path.range));
    add_sorted(config_.volumes, path.text);
  }
  note("VOLUME " + go_list(strings(volume.paths)));
  return {};
}

void StageState::apply_unset(const Unset& unset) {
  const std::vector<std::string> names = strings(unset.names);
  for (const std::string& name : names) {
    switch (unset.what) {
      case Unset::What::Env:
        variables_.remove(name);
        std::erase_if(config_.env, [&](const auto& pair) { return pair.starts_with(name + "="); });
        break;
      case Unset::What::Label:
        config_.labels.erase(name);
        break;
      case Unset::What::Expose:
        std::erase(config_.exposed_ports, name.contains('/') ? name : name + "/tcp");
        break;
      case Unset::What::Volume:
        std::erase(config_.volumes, name);
        break;
    }
  }
  constexpr const char* kNames[] = {"ENV", "LABEL", "EXPOSE", "VOLUME"};
  note(std::string("UNSET ") + kNames[static_cast<int>(unset.what)] + " " + join(names, " "));
}

}  // namespace tare::build
