// SPDX-License-Identifier: Apache-2.0
#include "build/checks.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "build/stage_state.h"
#include "image/image.h"
#include "image/remote_image.h"

namespace tare::build {
namespace {

bool is_lower(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}
bool is_upper(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
}

// Whether a variable's name says that its value is a secret.
bool sounds_secret(std::string_view name) {
  constexpr std::array<std::string_view, 10> kSecret = {
      "apikey",   "auth",  "credential", "credentials", "key",
      "password", "pword", "passwd",     "secret",      "token"};
  constexpr std::array<std::string_view, 3> kPublic = {"public", "file", "version"};
  bool secret = false;
  for (const std::string& part : split(lower(name), '_')) {
    if (std::ranges::find(kPublic, part) != kPublic.end()) return false;
    secret = secret || std::ranges::find(kSecret, part) != kSecret.end();
  }
  return secret;
}

// The keyword alone, which is what most findings are about.
Range keyword_range(const Instruction& instruction) {
  Range range = instruction.range;
  range.end = range.begin;
  range.end.column += static_cast<std::uint32_t>(instruction.keyword.size());
  return range;
}

class Checker {
 public:
  Checker(const Dockerfile& file, const BuildOptions& options, const CheckInputs& inputs)
      : file_(file), options_(options), inputs_(inputs) {}

  CheckReport run() {
    if (Result<> done = check_all(); !done) report_.error = std::move(done).error();
    std::ranges::stable_sort(report_.findings, {},
                             [](const Finding& finding) { return finding.range.begin; });
    report_.fails = settings_.error && !report_.findings.empty();
    return std::move(report_);
  }

 private:
  Result<> check_all() {
    TRY(read_settings());
    for (const Range& range : file_.empty_continuations)
      add("NoEmptyContinuation", file_.source, range, settings_,
          "this blank line is within an instruction and ought to go");
    check_casing();
    check_names();
    for (const Instruction& instruction : file_.instructions) check_line(instruction);
    check_bases();
    const StageGraph graph = TRY(StageGraph::resolve(file_, options_));
    std::vector<std::optional<StageState>> states(graph.stages().size());
    for (const Stage& stage : graph.stages()) TRY(check_stage(graph, stage, states));
    return {};
  }

  Result<> read_settings() {
    if (inputs_.settings) {
      settings_ = *inputs_.settings;
    } else if (const std::optional<Text>& check = file_.directives.check) {
      Result<CheckSettings> settings = parse_check_settings(check->text);
      if (!settings)
        return std::unexpected(file_.source->error(check->range, settings.error().message()));
      settings_ = std::move(*settings);
    }
    return {};
  }

  void add(std::string_view rule_name, const SourcePtr& source, const Range& range,
           const CheckSettings& settings, std::string message) {
    const std::span<const CheckRule> rules = check_rules();
    const auto rule = std::ranges::find(rules, rule_name, &CheckRule::name);
    if (settings.wants(*rule))
      report_.findings.push_back({&*rule, source, range, std::move(message)});
  }
  // With what a comment "# check=skip=..." above the instruction says.
  void add(std::string_view rule, const Instruction& instruction, const Range& range,
           std::string message) {
    CheckSettings settings = settings_;
    for (const std::string& comment : instruction.comments) {
      const auto pair = split_once(comment, '=');
      if (!pair || lower(trim(pair->first)) != "check") continue;
      if (const auto more = parse_check_settings(pair->second)) settings.merge(*more);
    }
    add(rule, instruction.source, range, settings, std::move(message));
  }

  void check_casing() {
    int small = 0;
    int large = 0;
    bool in_stage = false;
    for (const Instruction& instruction : file_.instructions) {
      in_stage = in_stage || instruction.as<From>() != nullptr;
      if (!in_stage) continue;
      if (is_lower(instruction.keyword))
        ++small;
      else if (is_upper(instruction.keyword))
        ++large;
    }
    in_stage = false;
    for (const Instruction& instruction : file_.instructions) {
      in_stage = in_stage || instruction.as<From>() != nullptr;
      const std::string& keyword = instruction.keyword;
      if (!in_stage || (small > large ? is_lower(keyword) : is_upper(keyword))) continue;
      add("ConsistentInstructionCasing", instruction, keyword_range(instruction),
          quoted(keyword) + " is not written in " + (small > large ? "small letters" : "capitals") +
              " like most others");
    }
  }

  void check_names() {
    std::set<std::string> names;
    for (const Instruction& instruction : file_.instructions) {
      const From* from = instruction.as<From>();
      if (from == nullptr || !from->name) continue;
      const std::string& name = from->name->text;
      if (name == "scratch" || name == "context")
        add("ReservedStageName", instruction, from->name->range,
            "the name " + quoted(name) + " has a meaning already");
      if (!names.insert(name).second)
        add("DuplicateStageName", instruction, from->name->range,
            "a stage above is called " + quoted(name) + " as well; the last one is meant");
      if (from->written_name != name)
        add("StageNameCasing", instruction, from->name->range,
            quoted(from->written_name) + " ought to be " + quoted(name));
      if ((is_lower(instruction.keyword) && !is_lower(from->as)) ||
          (is_upper(instruction.keyword) && !is_upper(from->as)))
        add("FromAsCasing", instruction, instruction.range,
            quoted(from->as) + " is not written like " + quoted(instruction.keyword));
    }
  }

  void check_description(const Instruction& instruction, const std::vector<std::string>& keys) {
    if (instruction.comments.empty() || keys.empty()) return;
    const std::string& comment = instruction.comments.back();
    const std::string first = comment.substr(0, comment.find(' '));
    if (std::ranges::find(keys, first) != keys.end()) return;
    add("InvalidDefinitionDescription", instruction, keyword_range(instruction),
        "the comment above ought to start with " + quoted(keys[0]) +
            ", or be apart from it by an empty comment");
  }

  // What one instruction shows by itself.
  void check_line(const Instruction& instruction) {
    if (const From* from = instruction.as<From>(); from != nullptr && from->name)
      check_description(instruction, {from->name->text});
    if (const Arg* arg = instruction.as<Arg>()) {
      std::vector<std::string> keys;
      for (const ArgDefinition& definition : arg->arguments) keys.push_back(definition.key.text);
      check_description(instruction, keys);
    }
    if (instruction.as<Maintainer>() != nullptr)
      add("MaintainerDeprecated", instruction, keyword_range(instruction),
          "MAINTAINER is out of use: write LABEL org.opencontainers.image.authors=NAME");
  }

  // What FROM sees with these options; nullopt when a default of an ARG is wrong, which is said
  // later.
  std::optional<Variables> globals_with(const BuildOptions& options) const {
    Variables globals = platform_variables(options, options.target);
    for (const Instruction& instruction : file_.instructions) {
      if (instruction.as<From>() != nullptr) break;
      if (instruction.as<Arg>() != nullptr &&
          !define_global(globals, instruction, options, file_.directives.escape))
        return std::nullopt;
    }
    return globals;
  }

  void check_bases() {
    const std::optional<Variables> globals = globals_with(options_);
    BuildOptions plain = options_;
    plain.arguments.clear();
    const std::optional<Variables> defaults = globals_with(plain);
    for (const Instruction& instruction : file_.instructions) {
      const From* from = instruction.as<From>();
      if (from == nullptr) continue;
      if (defaults) check_default_base(*defaults, instruction, *from);
      if (globals) check_from(*globals, instruction, *from);
    }
  }

  void check_default_base(const Variables& defaults, const Instruction& instruction,
                          const From& from) {
    const Result<Expansion> base =
        expand(from.image.text, defaults.lookup(), {.escape = file_.directives.escape});
    if (base && !image::Reference::parse(base->text))
      add("InvalidDefaultArgInFrom", instruction, from.image.range,
          "without --build-arg " + quoted(from.image.text) + " is " + quoted(base->text) +
              ", which is no image");
  }

  void check_unset_in_from(const Variables& globals, const Instruction& instruction,
                           const Text& text, const std::set<std::string>& unset) {
    std::vector<std::string> names = globals.names();
    for (const Instruction& above : file_.instructions) {
      if (above.as<From>() != nullptr) break;
      if (const Arg* arg = above.as<Arg>())
        for (const ArgDefinition& definition : arg->arguments) names.push_back(definition.key.text);
    }
    for (const std::string& name : unset) {
      if (std::ranges::find(names, name) != names.end()) continue;
      const auto near = nearest(name, names);
      add("UndefinedArgInFrom", instruction, text.range,
          "no ARG above FROM defines " + quoted("$" + name) +
              (near ? "; is $" + *near + " meant?" : ""));
    }
  }

  void check_from(const Variables& globals, const Instruction& instruction, const From& from) {
    const ExpandOptions how{.escape = file_.directives.escape};
    if (const auto base = expand(from.image.text, globals.lookup(), how))
      check_unset_in_from(globals, instruction, from.image, base->unset);
    if (!from.platform) return;
    const auto platform = expand(from.platform->text, globals.lookup(), how);
    if (!platform) return;
    check_unset_in_from(globals, instruction, *from.platform, platform->unset);
    if (platform->unset.empty() && platform->found == std::set<std::string>{"TARGETPLATFORM"} &&
        platform->text == globals.get("TARGETPLATFORM"))
      add("RedundantTargetPlatform", instruction, from.platform->range,
          "the target platform is what FROM takes without --platform");
    const auto parsed = image::parse_platform(platform->text);
    const std::string name = from.name ? from.name->text : "";
    if (!platform->unset.empty() || !platform->found.empty() || !parsed ||
        name.contains(parsed->os) || name.contains(parsed->architecture))
      return;
    add("FromPlatformFlagConstDisallowed", instruction, from.platform->range,
        "the stage is bound to " + quoted(platform->text) +
            " whatever is built for; its name ought to say so");
  }

  Result<> check_stage(const StageGraph& graph, const Stage& stage,
                       std::vector<std::optional<StageState>>& states) {
    if (stage.is_context) return {};
    StageState state = base_state(graph, stage, states);
    has_workdir_ = stage.base_stage && workdir_stages_.contains(*stage.base_stage);
    seen_.clear();
    for (const Instruction& instruction : stage.instructions) {
      const Expanded expanded = TRY(state.expand(instruction));
      check_variables(state, instruction, expanded.unset);
      check_values(state, instruction, expanded);
      std::set<std::string> unset;
      TRY(state.apply(expanded.instruction, &unset));
      check_variables(state, instruction, unset);
    }
    if (has_workdir_) workdir_stages_.insert(stage.index);
    if (!variables_known_) unknown_stages_.insert(stage.index);
    states[stage.index] = std::move(state);
    return {};
  }

  StageState base_state(const StageGraph& graph, const Stage& stage,
                        const std::vector<std::optional<StageState>>& states) {
    variables_known_ = true;
    if (stage.base_stage && states[*stage.base_stage]) {
      variables_known_ = !unknown_stages_.contains(*stage.base_stage);
      return StageState::on(*states[*stage.base_stage]);
    }
    const oci::Platform platform = stage.platform.value_or(options_.target_platform);
    if (stage.base == "scratch")
      return StageState::scratch(graph.globals(), options_, graph.escape(), platform);
    std::optional<oci::ImageConfig> config;
    if (inputs_.base_config) config = inputs_.base_config(stage);
    variables_known_ = config.has_value();
    if (config && (config->os != platform.os || config->architecture != platform.architecture))
      add("InvalidBaseImagePlatform", stage.from, stage.from.as<From>()->image.range,
          quoted(stage.base) + " is for " + config->os + "/" + config->architecture +
              ", and it is built for " + platform.text());
    return {graph.globals(), options_, graph.escape(), config.value_or(oci::ImageConfig())};
  }

  void check_variables(const StageState& state, const Instruction& instruction,
                       const std::set<std::string>& unset) {
    if (!variables_known_) return;
    const std::vector<std::string> names = state.variables().names();
    for (const std::string& name : unset) {
      if (state.declares(name) || name.starts_with("BUILDKIT_SBOM_SCAN_")) continue;
      const auto near = nearest(name, names);
      add("UndefinedVar", instruction, keyword_range(instruction),
          quoted("$" + name) + " is not set here" + (near ? "; is $" + *near + " meant?" : ""));
    }
  }

  void check_values(const StageState& state, const Instruction& instruction,
                    const Expanded& expanded) {
    const Instruction& values = expanded.instruction;
    if (const Env* env = values.as<Env>()) check_pairs(instruction, env->variables, true);
    if (const Label* label = values.as<Label>()) check_pairs(instruction, label->labels, false);
    if (const Arg* arg = values.as<Arg>())
      for (const ArgDefinition& definition : arg->arguments)
        check_secret(instruction, definition.key);
    if (const Cmd* cmd = values.as<Cmd>()) check_form(state, instruction, cmd->command);
    if (const auto* entrypoint = values.as<Entrypoint>())
      check_form(state, instruction, entrypoint->command);
    if (values.as<Cmd>() != nullptr || values.as<Entrypoint>() != nullptr ||
        values.as<HealthcheckOptions>() != nullptr)
      check_repeated(instruction);
    if (const Expose* expose = values.as<Expose>()) check_ports(instruction, *expose);
    if (const Workdir* workdir = values.as<Workdir>()) check_workdir(instruction, *workdir);
    if (const Copy* copy = values.as<Copy>(); copy != nullptr && !copy->from)
      check_ignored(instruction, copy->files);
    if (const Add* add = values.as<Add>()) check_ignored(instruction, add->files);
  }

  void check_pairs(const Instruction& instruction, const std::vector<KeyValue>& pairs,
                   bool environment) {
    for (const KeyValue& pair : pairs) {
      if (pair.legacy)
        add("LegacyKeyValueFormat", instruction, keyword_range(instruction),
            "write " + pair.key.text + "=VALUE: without '=' only one can be given");
      if (environment) check_secret(instruction, pair.key);
    }
  }

  void check_secret(const Instruction& instruction, const Text& key) {
    if (sounds_secret(key.text))
      add("SecretsUsedInArgOrEnv", instruction, key.range,
          quoted(key.text) +
              " sounds like a secret, and the image would keep it: use RUN "
              "--mount=type=secret");
  }

  void check_form(const StageState& state, const Instruction& instruction,
                  const CommandLine& command) {
    if (command.json || !state.config().shell.empty()) return;
    const bool nearly = !command.words.empty() && command.words[0].starts_with('[');
    add("JSONArgsRecommended", instruction, keyword_range(instruction),
        nearly ? "this looks like JSON and is none, so a shell gets it as it stands: JSON has "
                 "double quotes and no comma at the end"
               : "a shell runs this and keeps signals from it: write it as [\"PROGRAM\", \"ARG\"]");
  }

  void check_repeated(const Instruction& instruction) {
    const auto [before, first] = seen_.emplace(instruction.body.index(), &instruction);
    if (!first)
      add("MultipleInstructionsDisallowed", *before->second, keyword_range(*before->second),
          "this has no effect, since line " + std::to_string(instruction.range.begin.line) +
              " replaces it");
    before->second = &instruction;
  }

  void check_ports(const Instruction& instruction, const Expose& expose) {
    for (const Text& text : expose.ports) {
      const Result<ExposedPorts> exposed = parse_exposed(text.text);
      if (!exposed) continue;  // Applying it says what is wrong.
      if (exposed->upper_case)
        add("ExposeProtoCasing", instruction, text.range,
            "the protocol of " + quoted(text.text) + " ought to be in small letters");
      if (exposed->has_host)
        add("ExposeInvalidFormat", instruction, text.range,
            quoted(text.text) + " names an address or a port of the host, which an image cannot");
    }
  }

  void check_workdir(const Instruction& instruction, const Workdir& workdir) {
    if (!has_workdir_ && !workdir.path.text.starts_with('/'))
      add("WorkdirRelativePath", instruction, workdir.path.range,
          quoted(workdir.path.text) + " lies below whatever the base image has as WORKDIR");
    has_workdir_ = true;
  }

  void check_ignored(const Instruction& instruction, const FileSources& files) {
    const IgnoreRules* const rules = inputs_.ignore;
    // With exceptions there is no telling from the patterns alone what is left of a folder.
    if (rules == nullptr || rules->empty() || rules->has_exceptions()) return;
    for (const Text& path : files.paths) {
      if (path.text.contains("://") || path.text.starts_with("git@")) continue;
      std::string clean = clean_path(path.text);
      if (clean.size() > 1 && clean[0] == '/') clean.erase(0, 1);
      const bool top = clean == "." || clean == "/";
      if (top ? rules->ignores_all() : rules->ignores(clean))
        add("CopyIgnoredFile", instruction, path.range,
            quoted(path.text) + " is excluded by .dockerignore");
    }
  }

  const Dockerfile& file_;
  const BuildOptions& options_;
  const CheckInputs& inputs_;
  CheckSettings settings_;
  CheckReport report_;
  // Of the stage that is looked at.
  bool variables_known_ = true;
  bool has_workdir_ = false;
  std::map<std::size_t, const Instruction*> seen_;  // By what they are.
  // Stages that others may start from.
  std::set<std::size_t> workdir_stages_;
  std::set<std::size_t> unknown_stages_;
};

}  // namespace

CheckReport check_dockerfile(const Dockerfile& file, const BuildOptions& options,
                             const CheckInputs& inputs) {
  return Checker(file, options, inputs).run();
}

}  // namespace tare::build
