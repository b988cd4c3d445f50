// SPDX-License-Identifier: Apache-2.0
// Nodes and a value to text.
#include <algorithm>
#include <array>
#include <deque>
#include <ranges>

#include "base/text.h"
#include "front/cli/template.h"

namespace tare::cli {
namespace {

using template_nodes::Command;
using template_nodes::Node;
using template_nodes::Operand;
using template_nodes::Pipeline;

constexpr std::size_t kMaxOutput = 64 << 20;
constexpr std::size_t kMaxSteps = 4 << 20;

// Objects whose members are somebody's own names. Asking for one that is not there gives
// "<no value>"; asking any other object for an unknown member is a mistake in the template.
bool has_free_names(std::string_view field) {
  constexpr std::array kNames = {"Labels",  "Networks", "Volumes",      "ExposedPorts", "Ports",
                                 "Options", "Tmpfs",    "PortBindings", "Sysctls"};
  return std::ranges::find(kNames, field) != kNames.end();
}

// A member whose name in Go's structures is `name`: "SchemaVersion" of "schemaVersion", "DiffIDs"
// of "diff_ids".
const json::Value* find_go_name(const json::Value& value, std::string_view name) {
  const auto plain = [](std::string_view text) {
    std::string letters = lower(text);
    std::erase_if(letters, [](char c) { return c == '_' || c == '.' || c == '-'; });
    return letters;
  };
  const std::string wanted = plain(name);
  for (const auto& [key, member] : value.as_object())
    if (plain(key) == wanted) return &member;
  return nullptr;
}

class Runner {
 public:
  Runner(const json::Value& dot, const json::Value& methods, Template::Manner manner)
      : root_(dot), methods_(methods), manner_(manner) {
    scope_.push_back({"", &dot});
  }

  Result<std::string> run(const std::vector<Node>& nodes) {
    TRY(list(nodes, root_));
    return std::move(output_);
  }

 private:
  struct Variable {
    std::string name;
    const json::Value* value;
  };

  // Values made on the way live as long as the runner.
  const json::Value& keep(json::Value value) { return made_.emplace_back(std::move(value)); }

  Result<> list(const std::vector<Node>& nodes, const json::Value& dot) {
    for (const Node& node : nodes) {
      if (++steps_ > kMaxSteps || output_.size() > kMaxOutput)
        return fail(Kind::Invalid, "the template makes too much of it");
      TRY(run_node(node, dot));
    }
    return {};
  }

  Result<> run_node(const Node& node, const json::Value& dot) {
    if (node.kind == Node::Kind::Text) {
      output_ += node.text;
      return {};
    }
    const std::size_t outer = scope_.size();
    const json::Value& value = *TRY(pipeline(node.pipeline, dot));
    if (node.kind == Node::Kind::Action) {
      if (node.pipeline.variables.empty()) output_ += go_text(value);
      return {};  // What it declared stays until the end of the list it is in.
    }
    if (node.kind == Node::Kind::Range)
      TRY(range(node, value, dot));
    else if (is_true(value))
      TRY(list(node.body, node.kind == Node::Kind::With ? value : dot));
    else
      TRY(list(node.otherwise, dot));
    scope_.resize(outer);
    return {};
  }

  Result<> range(const Node& node, const json::Value& value, const json::Value& dot) {
    const auto& variables = node.pipeline.variables;
    const std::size_t inner = scope_.size();
    const auto once = [&](const json::Value& key, const json::Value& element) -> Result<> {
      if (variables.size() == 2) scope_.push_back({variables[0], &keep(key)});
      if (!variables.empty()) scope_.push_back({variables.back(), &element});
      TRY(list(node.body, element));
      scope_.resize(inner);
      return {};
    };
    if (!is_true(value)) return list(node.otherwise, dot);
    if (value.is_array()) {
      std::int64_t index = 0;
      for (const json::Value& element : value.as_array()) TRY(once(index++, element));
      return {};
    }
    if (!value.is_object())
      return fail(Kind::Invalid, "range cannot go through " + quoted(go_text(value)));
    std::vector<const std::pair<std::string, json::Value>*> members;
    for (const auto& member : value.as_object()) members.push_back(&member);
    std::ranges::sort(members, {}, [](const auto* member) { return member->first; });
    for (const auto* member : members) TRY(once(member->first, member->second));
    return {};
  }

  Result<const json::Value*> pipeline(const Pipeline& pipeline, const json::Value& dot) {
    const json::Value* value = nullptr;
    for (const Command& one : pipeline.commands) value = TRY(command(one, dot, value));
    if (value == nullptr) return &dot;  // Not reached: a pipeline has a command.
    if (pipeline.variables.size() != 1) return value;
    if (!pipeline.assigns) {
      scope_.push_back({pipeline.variables[0], value});
      return value;
    }
    for (Variable& variable : std::views::reverse(scope_)) {
      if (variable.name != pipeline.variables[0]) continue;
      variable.value = value;
      return value;
    }
    return fail(Kind::Invalid, "there is no variable $" + pipeline.variables[0]);
  }

  // `piped` is what stood before the |, and becomes the last argument.
  Result<const json::Value*> command(const Command& command, const json::Value& dot,
                                     const json::Value* piped) {
    if (++steps_ > kMaxSteps) return fail(Kind::Invalid, "the template makes too much of it");
    const Operand& first = command.operands.front();
    if (first.kind == Operand::Kind::Function) return call(command, dot, piped);
    const json::Value& value = *TRY(operand(first, dot));
    if (command.operands.size() == 1 && piped == nullptr) return &value;
    // .Label "name"
    if (value.is_object() && !first.fields.empty() &&
        command.operands.size() + (piped != nullptr ? 1 : 0) == 2) {
      const json::Value& key = piped != nullptr ? *piped : *TRY(operand(command.operands[1], dot));
      const json::Value* member = value.find(go_text(key));
      return member != nullptr ? member : &keep("");
    }
    return fail(Kind::Invalid, "arguments go with functions only");
  }

  Result<const json::Value*> call(const Command& command, const json::Value& dot,
                                  const json::Value* piped) {
    const std::string& name = command.operands.front().name;
    std::vector<const json::Value*> arguments;
    const bool is_and = name == "and";
    const bool stops_early = is_and || name == "or";
    for (std::size_t i = 1; i < command.operands.size(); ++i) {
      arguments.push_back(TRY(operand(command.operands[i], dot)));
      if (stops_early && is_true(*arguments.back()) != is_and) return arguments.back();
    }
    if (piped != nullptr) arguments.push_back(piped);
    if (stops_early) {
      if (arguments.empty()) return fail(Kind::Invalid, name + " needs a value");
      return arguments.back();
    }
    if (name == "json" && manner_.indents_json && arguments.size() == 1)
      return &keep(json::print(*arguments[0], json::Style::Indented));
    return &keep(TRY(call_template_function(name, arguments)));
  }

  Result<const json::Value*> operand(const Operand& operand, const json::Value& dot) {
    const json::Value* value = &dot;
    switch (operand.kind) {
      case Operand::Kind::Dot:
        break;
      case Operand::Kind::Variable:
        value = TRY(variable(operand.name));
        break;
      case Operand::Kind::Literal:
        value = &operand.literal;
        break;
      case Operand::Kind::Function:
        value = &keep(TRY(call_template_function(operand.name, {})));
        break;
      case Operand::Kind::Nested:
        value = TRY(pipeline(*operand.nested, dot));
        break;
    }
    std::string_view parent;
    for (const std::string& name : operand.fields) {
      value = TRY(field(*value, name, parent));
      parent = name;
    }
    return value;
  }

  Result<const json::Value*> variable(const std::string& name) {
    for (const Variable& variable : std::views::reverse(scope_))
      if (variable.name == name) return variable.value;
    return fail(Kind::Invalid, "there is no variable $" + name);
  }

  Result<const json::Value*> field(const json::Value& value, const std::string& name,
                                   std::string_view parent) {
    static const json::Value none;
    if (const json::Value* member = value.find(name)) return member;
    if (&value == &root_)
      if (const json::Value* member = methods_.find(name)) return member;
    if (manner_.has_go_names) {
      const json::Value* member = find_go_name(value, name);
      return member != nullptr ? member : &none;
    }
    if (value.is_null() || has_free_names(parent)) return &none;
    if (!value.is_object())
      return fail(Kind::Invalid,
                  "there is no field " + quoted(name) + " in " + quoted(go_text(value)));
    std::vector<std::string> known;
    for (const auto& member : value.as_object()) known.push_back(member.first);
    for (const auto& member : methods_.as_object()) known.push_back(member.first);
    Error error(Kind::Invalid, "there is no field " + quoted("." + name) +
                                   (parent.empty() ? "" : " in ." + std::string(parent)));
    if (const auto close = nearest(name, known))
      return std::unexpected(std::move(error).hint("did you mean ." + *close + "?"));
    return std::unexpected(std::move(error).hint("'{{json .}}' shows all fields"));
  }

  const json::Value& root_;
  const json::Value& methods_;
  Template::Manner manner_;
  std::string output_;
  std::vector<Variable> scope_;
  std::deque<json::Value> made_;
  std::size_t steps_ = 0;
};

}  // namespace

Result<std::string> Template::run(const json::Value& dot, const json::Value& methods,
                                  Manner manner) const {
  return Runner(dot, methods, manner).run(nodes_);
}

}  // namespace tare::cli
