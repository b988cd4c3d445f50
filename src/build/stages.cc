// SPDX-License-Identifier: Apache-2.0
#include "build/stages.h"

#include <algorithm>

#include "base/text.h"
#include "image/image.h"
#include "image/remote_image.h"

namespace tare::build {
namespace {

std::unexpected<Error> failed(const Instruction& instruction, const Range& where,
                              std::string_view what, std::string hint = "") {
  Error error = instruction.error(what, where);
  return std::unexpected(hint.empty() ? std::move(error) : std::move(error).hint(std::move(hint)));
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<std::string> triggers_of(const Stage& stage) {
  std::vector<std::string> triggers;
  for (const Instruction& instruction : stage.instructions)
    if (const OnBuild* onbuild = instruction.as<OnBuild>()) triggers.push_back(onbuild->trigger);
  return triggers;
}

// A hint that names the variable nearest to one that is not set.
std::string nearest_variable(const std::set<std::string>& unset, const Variables& variables,
                             const std::vector<Instruction>& preamble) {
  std::vector<std::string> names = variables.names();
  for (const Instruction& arg : preamble)
    for (const ArgDefinition& definition : arg.as<Arg>()->arguments)
      if (!unset.contains(definition.key.text)) names.push_back(definition.key.text);
  for (const std::string& name : unset) {
    if (const auto near = nearest(name, names)) return "is $" + *near + " meant?";
    return "write ARG " + name + "=DEFAULT before the first FROM, or give --build-arg " + name +
           "=VALUE";
  }
  return "";
}

Result<std::size_t> find_target(const std::vector<Stage>& stages, const std::string& target) {
  if (target.empty()) return stages.size() - 1;
  std::vector<std::string> names;
  for (std::size_t i = stages.size(); i-- > 0;) {
    if (!stages[i].name.empty() && stages[i].name == lower(target)) return i;
    if (!stages[i].name.empty()) names.push_back(stages[i].name);
  }
  Error error(Kind::NotFound, "no stage is called " + quoted(target));
  if (const auto near = nearest(target, names))
    error = std::move(error).hint("is " + *near + " meant?");
  else if (!names.empty())
    error = std::move(error).hint("there are " + join(names, ", "));
  return std::unexpected(std::move(error));
}

}  // namespace

std::string Stage::label() const { return name.empty() ? "stage-" + std::to_string(index) : name; }

const Dependency* Stage::dependency(std::size_t instruction, std::size_t mount) const {
  for (const Dependency& dependency : dependencies)
    if (dependency.instruction == instruction && dependency.mount == mount) return &dependency;
  return nullptr;
}

Result<StageGraph> StageGraph::resolve(const Dockerfile& file, const BuildOptions& options) {
  StageGraph graph;
  graph.escape_ = file.directives.escape;
  std::string last_name;
  for (const Instruction& instruction : file.instructions)
    if (const From* from = instruction.as<From>()) last_name = from->name ? from->name->text : "";
  graph.globals_ = platform_variables(options, options.target.empty() ? last_name : options.target);
  for (const Instruction& instruction : file.instructions) {
    if (instruction.as<From>() != nullptr) {
      TRY(graph.add_stage(instruction, options));
    } else if (!graph.stages_.empty()) {
      graph.stages_.back().instructions.push_back(instruction);
    } else if (instruction.as<Arg>() != nullptr) {
      TRY(define_global(graph.globals_, instruction, options, graph.escape_));
      graph.preamble_.push_back(instruction);
    } else {
      return std::unexpected(
          instruction.error(quoted(instruction.keyword) + " stands before the first FROM")
              .hint("only ARG may stand there"));
    }
  }
  if (graph.stages_.empty())
    return std::unexpected(file.source->error({}, "there is no FROM, so nothing is to be built")
                               .hint("start with FROM IMAGE, or FROM scratch for an empty one"));
  graph.target_ = TRY(find_target(graph.stages_, options.target));
  for (Stage& stage : graph.stages_) {
    if (stage.base_stage) {
      const Stage& base = graph.stages_[*stage.base_stage];
      TRY(graph.insert_triggers(stage, base.label(), triggers_of(base)));
    }
    TRY(graph.find_dependencies(stage));
  }
  TRY(graph.refuse_cycles());
  return graph;
}

Result<> StageGraph::add_stage(const Instruction& instruction, const BuildOptions& options) {
  Stage stage{.index = stages_.size(), .from = instruction};
  if (const From* from = instruction.as<From>(); from->name) stage.name = from->name->text;
  TRY(read_base(stage));
  const auto is_this = [&](const std::string& name) { return lower(name) == stage.name; };
  stage.is_context = !stage.name.empty() && std::ranges::any_of(options.contexts, is_this);
  if (stage.is_context) stage.base_stage.reset();
  stages_.push_back(std::move(stage));
  return {};
}

Result<> StageGraph::read_base(Stage& stage) const {
  const From& from = *stage.from.as<From>();
  const Result<Expansion> base = expand(from.image.text, globals_.lookup(), {.escape = escape_});
  if (!base) return failed(stage.from, from.image.range, base.error().message());
  if (base->text.empty())
    return failed(stage.from, from.image.range,
                  "the base image has no name: " + quoted(from.image.text) + " is empty",
                  nearest_variable(base->unset, globals_, preamble_));
  stage.base = base->text;
  for (std::size_t i = stages_.size(); i-- > 0 && !stage.base_stage;)
    if (!stages_[i].name.empty() && stages_[i].name == stage.base) stage.base_stage = i;
  if (!stage.base_stage && stage.base != "scratch" && !image::Reference::parse(stage.base))
    return failed(stage.from, from.image.range, quoted(stage.base) + " is no name of an image",
                  find(stage.base) ? "the stage is called " + lower(stage.base)
                                   : "write it like debian:12, in small letters");
  if (!from.platform) return {};
  const Result<Expansion> text =
      expand(from.platform->text, globals_.lookup(), {.escape = escape_});
  if (!text) return failed(stage.from, from.platform->range, text.error().message());
  if (text->text.empty())
    return failed(stage.from, from.platform->range,
                  "the platform is empty: " + quoted(from.platform->text),
                  nearest_variable(text->unset, globals_, preamble_));
  Result<oci::Platform> platform = image::parse_platform(text->text);
  if (!platform)
    return failed(stage.from, from.platform->range, platform.error().message(),
                  platform.error().hint());
  stage.platform = std::move(*platform);
  return {};
}

Result<> StageGraph::aim_at(const std::string& source, std::uint32_t line) {
  bool found = false;
  for (const Stage& stage : stages_) {
    if (stage.is_context || stage.from.source->name() != source) continue;
    if (stage.from.range.begin.line > line) continue;
    target_ = stage.index;
    found = true;
  }
  if (found) return {};
  return std::unexpected(
      Error(Kind::NotFound, "no stage has begun at line " + std::to_string(line) + " of " + source)
          .hint("give the line of an instruction behind the first FROM"));
}

std::optional<std::size_t> StageGraph::find(std::string_view name) const {
  for (std::size_t i = stages_.size(); i-- > 0;)
    if (!stages_[i].name.empty() && stages_[i].name == lower(name)) return i;
  return std::nullopt;
}

Result<Dependency> StageGraph::source_of(const Stage& stage, const Instruction& instruction,
                                         std::string_view flag, const Text& from) const {
  const std::string what = quoted(flag);
  Dependency dependency;
  // Docker refuses variables here. Those of before the first FROM cannot change, so they may stand.
  const Result<Expansion> name = expand(from.text, globals_.lookup(), {.escape = escape_});
  if (!name) return failed(instruction, from.range, name.error().message());
  if (!name->unset.empty())
    return failed(instruction, from.range,
                  what + " may have variables of before the first FROM, and " +
                      quoted("$" + *name->unset.begin()) + " is none",
                  "write ARG " + *name->unset.begin() + " before the first FROM");
  if (name->text.empty()) return failed(instruction, from.range, what + " is empty");
  if (!is_number(name->text)) {
    dependency.stage = find(name->text);
    dependency.image = name->text;
    return dependency;
  }
  const Result<std::uint64_t> number = parse_u64(name->text);
  if (!number || *number >= stages_.size())
    return failed(instruction, from.range,
                  "there is no stage " + name->text + ": the last is stage " +
                      std::to_string(stages_.size() - 1));
  if (*number == stage.index)
    return failed(
        instruction, from.range,
        "stage " + name->text + (instruction.as<Copy>() ? " copies from itself" : " needs itself"));
  dependency.stage = static_cast<std::size_t>(*number);
  return dependency;
}

Result<> StageGraph::find_dependencies(Stage& stage) const {
  stage.dependencies.clear();
  for (std::size_t i = 0; i < stage.instructions.size() && !stage.is_context; ++i) {
    const Instruction& instruction = stage.instructions[i];
    if (const Copy* copy = instruction.as<Copy>(); copy != nullptr && copy->from) {
      Dependency dependency = TRY(source_of(stage, instruction, "--from", *copy->from));
      dependency.instruction = i;
      stage.dependencies.push_back(std::move(dependency));
    }
    const Run* run = instruction.as<Run>();
    if (run != nullptr && run->tools) {
      Dependency dependency = TRY(source_of(stage, instruction, "--tools", *run->tools));
      dependency.kind = Dependency::Kind::Tools;
      dependency.instruction = i;
      dependency.mount = Dependency::kTools;
      stage.dependencies.push_back(std::move(dependency));
    }
    for (std::size_t m = 0; run != nullptr && m < run->mounts_from.size(); ++m) {
      const std::string& from = run->mounts_from[m];
      if (from.empty()) continue;
      stage.dependencies.push_back({.kind = Dependency::Kind::Mount,
                                    .instruction = i,
                                    .mount = m,
                                    .stage = find(from),
                                    .image = from});
    }
  }
  return {};
}

Result<> StageGraph::insert_triggers(Stage& stage, std::string_view base,
                                     std::span<const std::string> triggers) const {
  std::vector<Instruction> instructions;
  for (const std::string& trigger : triggers)
    instructions.push_back(TRY(parse_trigger(base, trigger)));
  stage.instructions.insert(stage.instructions.begin(), instructions.begin(), instructions.end());
  return {};
}

Result<> StageGraph::add_triggers(std::size_t index, std::span<const std::string> triggers) {
  if (triggers.empty()) return {};
  Stage& stage = stages_[index];
  TRY(insert_triggers(stage, stage.base, triggers));
  TRY(find_dependencies(stage));
  return refuse_cycles();
}

namespace {

// Its base first, then what its instructions take.
std::vector<std::size_t> stages_under(const Stage& stage) {
  std::vector<std::size_t> under;
  if (stage.base_stage) under.push_back(*stage.base_stage);
  for (const Dependency& dependency : stage.dependencies)
    if (dependency.stage) under.push_back(*dependency.stage);
  return under;
}

}  // namespace

// Stages are taken off that need nothing but what was taken off before; what is left goes round.
Result<> StageGraph::refuse_cycles() const {
  std::vector<char> done(stages_.size());
  const auto is_ready = [&](const Stage& stage) {
    return std::ranges::all_of(stages_under(stage), [&](std::size_t i) { return done[i] != 0; });
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (const Stage& stage : stages_) {
      if (done[stage.index] != 0 || !is_ready(stage)) continue;
      done[stage.index] = 1;
      changed = true;
    }
  }
  const auto left = std::ranges::find(done, 0);
  if (left == done.end()) return {};
  // From any of them the way leads round.
  std::vector<std::size_t> way = {static_cast<std::size_t>(left - done.begin())};
  for (;;) {
    const std::vector<std::size_t> under = stages_under(stages_[way.back()]);
    const auto next = std::ranges::find_if(under, [&](std::size_t i) { return done[i] == 0; });
    const auto seen = std::ranges::find(way, *next);
    if (seen != way.end()) {
      way.erase(way.begin(), seen);
      break;
    }
    way.push_back(*next);
  }
  std::vector<std::string> names;
  for (const std::size_t i : way) names.push_back("'" + stages_[i].label() + "'");
  const Instruction& from = stages_[way.front()].from;
  if (way.size() == 1)
    return std::unexpected(from.error("the stage " + names[0] + " needs itself"));
  return std::unexpected(
      from.error("the stages " + join(names, ", ") + " need each other, each the next"));
}

std::vector<std::string> StageGraph::unused_arguments(const BuildOptions& options) const {
  std::set<std::string> known = {"SOURCE_DATE_EPOCH"};
  const auto note = [&](const Instruction& instruction) {
    if (const Arg* arg = instruction.as<Arg>())
      for (const ArgDefinition& definition : arg->arguments) known.insert(definition.key.text);
  };
  std::ranges::for_each(preamble_, note);
  for (const Stage& stage : stages_) std::ranges::for_each(stage.instructions, note);
  for (const std::string& name : platform_variables(options, "").names()) known.insert(name);
  std::vector<std::string> unused;
  for (const auto& [name, value] : options.arguments)
    if (!known.contains(name) && !is_proxy_variable(name) && !name.starts_with("BUILDKIT_"))
      unused.push_back(name);
  return unused;
}

Result<std::vector<std::size_t>> StageGraph::needed() const {
  std::vector<std::size_t> wanted = {target_};
  std::set<std::size_t> seen = {target_};
  while (!wanted.empty()) {
    const Stage& stage = stages_[wanted.back()];
    wanted.pop_back();
    for (const Dependency& dependency : stage.dependencies) {
      if (!dependency.stage || *dependency.stage < stage.index) continue;
      const Instruction& user = stage.instructions[dependency.instruction];
      const Stage& later = stages_[*dependency.stage];
      return std::unexpected(user.error("the stage '" + later.label() +
                                        "' is defined only below, on line " +
                                        std::to_string(later.from.range.begin.line))
                                 .hint("move it above the stage '" + stage.label() + "'"));
    }
    for (const std::size_t under : stages_under(stage))
      if (seen.insert(under).second) wanted.push_back(under);
  }
  return std::vector<std::size_t>(seen.begin(), seen.end());
}

}  // namespace tare::build
