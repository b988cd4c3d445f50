// SPDX-License-Identifier: Apache-2.0
#include "build/outline.h"

#include <algorithm>
#include <map>
#include <set>

#include "build/expansion.h"
#include "build/stage_state.h"

namespace tare::build {
namespace {

class Maker {
 public:
  Maker(const StageGraph& graph, const BuildOptions& options, const BaseConfig& base_config)
      : graph_(graph),
        options_(options),
        base_config_(base_config),
        states_(graph.stages().size()) {}

  Result<Outline> run() {
    // Each stage behind those that it needs.
    for (const std::size_t index : TRY(graph_.needed())) TRY(add_stage(graph_.stages()[index]));
    add_globals();
    Outline outline;
    outline.name = graph_.target().name;
    if (const From* from = graph_.target().from.as<From>()) outline.description = from->description;
    outline.arguments = sorted(arguments_);
    outline.secrets = sorted(secrets_);
    outline.agents = sorted(agents_);
    return outline;
  }

 private:
  using Items = std::map<std::string, OutlineItem>;

  static std::vector<OutlineItem> sorted(const Items& items) {
    std::vector<OutlineItem> all;
    for (const auto& [name, item] : items) all.push_back(item);
    std::ranges::stable_sort(all, {}, [](const OutlineItem& item) { return item.range.begin; });
    return all;
  }

  Result<> add_stage(const Stage& stage) {
    if (stage.is_context) return {};
    use_in_from(stage);
    StageState state = state_of(stage);
    for (const Instruction& instruction : stage.instructions) {
      const Expanded expanded = TRY(state.expand(instruction));
      for (const Mount& mount : expanded.mounts) add_mount(instruction, mount);
      TRY(state.apply(expanded.instruction));
      if (const Arg* arg = instruction.as<Arg>())
        for (const ArgDefinition& definition : arg->arguments)
          add_argument(instruction, definition, state);
    }
    states_[stage.index] = std::move(state);
    return {};
  }

  StageState state_of(const Stage& stage) const {
    if (stage.base_stage && states_[*stage.base_stage])
      return StageState::on(*states_[*stage.base_stage]);
    const oci::Platform platform = stage.platform.value_or(options_.target_platform);
    if (stage.base == "scratch")
      return StageState::scratch(graph_.globals(), options_, graph_.escape(), platform);
    std::optional<oci::ImageConfig> config;
    if (base_config_) config = base_config_(stage);
    return {graph_.globals(), options_, graph_.escape(), config.value_or(oci::ImageConfig())};
  }

  void use_in_from(const Stage& stage) {
    const From* from = stage.from.as<From>();
    if (from == nullptr) return;
    use(from->image.text);
    if (from->platform) use(from->platform->text);
  }
  // What a text above the first stage, or in FROM, is made of.
  void use(const std::string& text) {
    if (const auto expansion =
            expand(text, graph_.globals().lookup(), {.escape = graph_.escape()})) {
      used_.insert(expansion->found.begin(), expansion->found.end());
      used_.insert(expansion->unset.begin(), expansion->unset.end());
    }
  }

  void add_argument(const Instruction& instruction, const ArgDefinition& definition,
                    const StageState& state) {
    const std::string& name = definition.key.text;
    const bool is_inherited = !definition.value && !options_.arguments.contains(name) &&
                              graph_.globals().get(name).has_value();
    if (is_inherited) {
      used_.insert(name);
      return;
    }
    OutlineItem item = item_of(instruction, name);
    item.value = state.variable(name).value_or("");
    item.description = definition.description;
    arguments_.insert_or_assign(name, std::move(item));
  }

  // From the last one: the default of each may use those above it.
  void add_globals() {
    const std::vector<Instruction>& preamble = graph_.preamble();
    for (std::size_t i = preamble.size(); i-- > 0;) {
      const Arg* arg = preamble[i].as<Arg>();
      if (arg == nullptr) continue;
      for (std::size_t j = arg->arguments.size(); j-- > 0;) {
        const ArgDefinition& definition = arg->arguments[j];
        const std::string& name = definition.key.text;
        if (!used_.contains(name)) continue;
        if (definition.value) use(definition.value->text);
        OutlineItem item = item_of(preamble[i], name);
        item.value = graph_.globals().get(name).value_or("");
        item.description = definition.description;
        arguments_.emplace(name, std::move(item));
      }
    }
  }

  void add_mount(const Instruction& instruction, const Mount& mount) {
    const bool is_secret = mount.type == Mount::Type::Secret;
    if (!is_secret && mount.type != Mount::Type::Ssh) return;
    const std::string id = is_secret ? secret_id(mount) : mount.id.empty() ? "default" : mount.id;
    Items& items = is_secret ? secrets_ : agents_;
    const auto found = items.emplace(id, item_of(instruction, id)).first;
    found->second.required = found->second.required || mount.required;
  }

  static OutlineItem item_of(const Instruction& instruction, std::string name) {
    OutlineItem item;
    item.name = std::move(name);
    item.source = instruction.source;
    item.range = instruction.range;
    return item;
  }

  const StageGraph& graph_;
  const BuildOptions& options_;
  const BaseConfig& base_config_;
  std::vector<std::optional<StageState>> states_;
  std::set<std::string> used_;  // Variables from above the first stage.
  Items arguments_;
  Items secrets_;
  Items agents_;
};

}  // namespace

Result<Outline> outline_of(const Dockerfile& file, const BuildOptions& options,
                           const BaseConfig& base_config) {
  const StageGraph graph = TRY(StageGraph::resolve(file, options));
  return Maker(graph, options, base_config).run();
}

}  // namespace tare::build
