// SPDX-License-Identifier: Apache-2.0
// Variables, functions and targets of bake's files: each is evaluated when it is first asked for.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "front/cli/bake_file.h"
#include "front/cli/bake_members.h"
#include "front/cli/options.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

constexpr std::size_t kMostInstances = 1024;  // Of all matrices of the files.

// A block of a target, and with which variables of its matrix.
struct Instance {
  const hcl::Block* block;
  std::string name;
  hcl::Locals locals;
};

// What a variable is set to from outside.
Result<json::Value> value_from(const std::string& name, const std::string& text,
                               const hcl::Type& type) {
  using TypeKind = hcl::Type::Kind;
  switch (type.kind) {
    case TypeKind::Any:
    case TypeKind::Text:
      return json::Value(text);
    case TypeKind::Bool: {
      const bool is_true = TRY(parse_bool(text), "variable " + quoted(name));
      return json::Value(is_true);
    }
    case TypeKind::Number:
      return hcl::convert(json::Value(text), type);
    case TypeKind::List:
    case TypeKind::Set:
    case TypeKind::Tuple: {
      const std::vector<std::string> fields = TRY(csv_fields(name, text));
      return hcl::convert(json::Value(fields), type);
    }
    case TypeKind::Map: {
      json::Value map{json::Object()};
      for (const std::string& field : TRY(csv_fields(name, text))) {
        const auto pair = split_once(field, ':');
        if (!pair) return fail(Kind::Invalid, quoted(field) + ": write KEY:VALUE,...");
        map.set(pair->first, std::string(pair->second));
      }
      return hcl::convert(map, type);
    }
    case TypeKind::Object:
      break;
  }
  return fail(Kind::Invalid, "an object is given as JSON, in " + name + "_JSON");
}

// The type of what has none of its own: that of its default.
hcl::Type implied_type(const json::Value& value) {
  hcl::Type type;
  if (value.is_bool()) type.kind = hcl::Type::Kind::Bool;
  if (value.is_number()) type.kind = hcl::Type::Kind::Number;
  return type;
}

bool is_target_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

Result<> check_name(const hcl::Place& place, const std::string& name) {
  if (is_target_name(name)) return {};
  return std::unexpected(
      hcl::wrong(place, quoted(name) + " is no name of a target or group")
          .error()
          .hint("letters, digits, '_' and '-'; sanitize() makes such of others"));
}

class BakeScope final : public hcl::Scope {
 public:
  explicit BakeScope(BakeInputs inputs) : inputs_(std::move(inputs)) {}

  Result<> add(const hcl::Body& body);
  Result<BakeConfig> run();

  Result<std::optional<Found>> find(std::span<const std::string> path) override;
  const hcl::Function* function(const std::string& name) override {
    const auto found = functions_.find(name);
    return found == functions_.end() ? nullptr : &found->second;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, block] : variables_) names.push_back(name);
    for (const auto& [name, attribute] : attributes_) names.push_back(name);
    for (const auto& [name, value] : inputs_.constants) names.push_back(name);
    return names;
  }

 private:
  Result<json::Value> evaluate(const hcl::Expression& expression, const hcl::Locals& locals = {}) {
    return hcl::evaluate(expression, *this, inputs_.computing, locals);
  }
  Result<std::string> text_in(const hcl::Body& body, std::string_view name);
  Result<> add_function(const hcl::Block& block);
  Result<json::Value> named_value(const std::string& name);
  Result<json::Value> variable(const hcl::Block& block);
  std::optional<std::pair<std::string, bool>> given(const std::string& name, bool has_type) const;
  Result<> validate(const hcl::Block& block);
  Result<std::optional<Found>> member_of(const std::vector<Instance>& all,
                                         std::span<const std::string> path);
  Result<json::Value> members(const Instance& instance);
  Result<> add_instances(const hcl::Block& block);
  Result<std::vector<hcl::Locals>> matrix(const hcl::Block& block);
  Result<BakeGroup> group(const Instance& instance);
  Result<BakeVariable> listed(const std::string& name, const hcl::Block& block);

  BakeInputs inputs_;
  std::map<std::string, const hcl::Block*> variables_;
  std::map<std::string, const hcl::Attribute*> attributes_;
  std::map<std::string, hcl::Function> functions_;
  std::map<std::string, json::Value> known_;
  std::vector<std::string> active_;  // What is evaluated just now.
  std::vector<Instance> targets_;
  std::vector<Instance> groups_;
  std::vector<BakeGroup> renamed_;  // What a matrix is called as a whole.
};

Result<> BakeScope::add(const hcl::Body& body) {
  for (const hcl::Attribute& attribute : body.attributes) attributes_[attribute.name] = &attribute;
  for (const hcl::Block& block : body.blocks) {
    if (block.labels.size() != 1)
      return hcl::wrong(block.place, "a block of bake has one name: " + block.type + " \"NAME\" {");
    if (block.type == "variable")
      variables_[block.labels[0]] = &block;
    else if (block.type == "function")
      TRY(add_function(block));
    else if (block.type != "target" && block.type != "group")
      return std::unexpected(hcl::wrong(block.place, "there are no blocks " + quoted(block.type))
                                 .error()
                                 .hint("blocks are target, group, variable and function"));
  }
  // What they say may need any of the others.
  for (const hcl::Block& block : body.blocks) {
    if (block.type == "target") TRY(add_instances(block));
    if (block.type == "group") {
      TRY(check_name(block.place, block.labels[0]));
      groups_.push_back({&block, block.labels[0], {}});
    }
  }
  return {};
}

// A list of names, or one. JSON has them as texts.
std::optional<std::string> name_in(const hcl::Expression& expression) {
  if (expression.node == hcl::Node::Variable) return expression.name;
  if (expression.node == hcl::Node::Literal && expression.value.is_string())
    return expression.value.as_string();
  return std::nullopt;
}

Result<> BakeScope::add_function(const hcl::Block& block) {
  hcl::Function made;
  const hcl::Attribute* result = block.body.find("result");
  const hcl::Attribute* parameters = block.body.find("params");
  if (result == nullptr || parameters == nullptr || parameters->value.node != hcl::Node::List)
    return hcl::wrong(block.place, "a function has 'params', a list of names, and 'result'");
  made.result = &result->value;
  for (const hcl::Expression& each : parameters->value.parts) {
    auto name = name_in(each);
    if (!name) return hcl::wrong(each.place, "a parameter is a name");
    made.parameters.push_back(std::move(*name));
  }
  if (const hcl::Attribute* rest = block.body.find("variadic_params")) {
    auto name = name_in(rest->value);
    if (!name) return hcl::wrong(rest->place, "a parameter is a name");
    made.rest = std::move(*name);
  }
  functions_[block.labels[0]] = std::move(made);
  return {};
}

Result<std::optional<hcl::Scope::Found>> BakeScope::find(std::span<const std::string> path) {
  for (const auto& [name, value] : inputs_.constants)
    if (name == path[0]) return Found{json::Value(value), 1};
  if (path[0] == "target") return member_of(targets_, path);
  if (path[0] == "group") return member_of(groups_, path);
  if (!attributes_.contains(path[0]) && !variables_.contains(path[0])) return std::nullopt;
  json::Value value = TRY(named_value(path[0]));
  return Found{std::move(value), 1};
}

Result<json::Value> BakeScope::named_value(const std::string& name) {
  if (const auto found = known_.find(name); found != known_.end()) return found->second;
  const auto attribute = attributes_.find(name);
  const hcl::Place& place =
      attribute != attributes_.end() ? attribute->second->place : variables_.at(name)->place;
  if (std::ranges::find(active_, name) != active_.end())
    return hcl::wrong(place, "variable " + quoted(name) + " needs itself");
  active_.push_back(name);
  auto value = attribute != attributes_.end() ? evaluate(attribute->second->value)
                                              : variable(*variables_.at(name));
  active_.pop_back();
  if (value) known_[name] = *value;
  return value;
}

// What was given for it, and whether as JSON.
std::optional<std::pair<std::string, bool>> BakeScope::given(const std::string& name,
                                                             bool has_type) const {
  auto text = inputs_.given(name);
  const std::string other = name + "_JSON";
  if (has_type && !variables_.contains(other))
    if (auto json = inputs_.given(other)) return std::pair(std::move(*json), true);
  if (!text) return std::nullopt;
  return std::pair(std::move(*text), false);
}

Result<json::Value> BakeScope::variable(const hcl::Block& block) {
  const std::string& name = block.labels[0];
  for (const hcl::Attribute& each : block.body.attributes)
    if (each.name != "default" && each.name != "type" && each.name != "description")
      return hcl::wrong(each.place, "variables have no " + quoted(each.name));
  const hcl::Attribute* written = block.body.find("type");
  const hcl::Attribute* otherwise = block.body.find("default");
  hcl::Type type;
  if (written != nullptr) type = TRY(hcl::read_type(written->value));
  json::Value value;
  if (otherwise != nullptr) {
    const json::Value found = TRY(evaluate(otherwise->value));
    value = TRY(hcl::convert(found, type), otherwise->place.text());
  } else if (written == nullptr) {
    value = "";
  }
  const auto text = given(name, written != nullptr);
  if (!text) return value;
  const std::string where = block.place.text() + ": variable " + quoted(name) + " as it is given";
  if (text->second) {
    const json::Value read = TRY(json::parse(text->first), where);
    return TRY(hcl::convert(read, type), where);
  }
  if (written == nullptr && (value.is_array() || value.is_object()))
    return std::unexpected(Error(Kind::Invalid, where + ": its default is no text")
                               .hint("with a 'type' it can be given"));
  return TRY(value_from(name, text->first, written != nullptr ? type : implied_type(value)), where);
}

Result<std::string> BakeScope::text_in(const hcl::Body& body, std::string_view name) {
  const hcl::Attribute* attribute = body.find(name);
  if (attribute == nullptr) return std::string();
  const json::Value value = TRY(evaluate(attribute->value));
  return value.as_string();
}

Result<> BakeScope::validate(const hcl::Block& block) {
  for (const hcl::Block& rule : block.body.blocks) {
    const hcl::Attribute* condition = rule.body.find("condition");
    if (rule.type != "validation" || condition == nullptr)
      return hcl::wrong(rule.place, "a variable has blocks 'validation' with a 'condition'");
    const json::Value holds = TRY(evaluate(condition->value));
    if (holds == json::Value(true) || holds == json::Value("true")) continue;
    const std::string why = TRY(text_in(rule.body, "error_message"));
    return hcl::wrong(condition->place, "variable " + quoted(block.labels[0]) + ": " +
                                            (why.empty() ? "its validation fails" : why));
  }
  return {};
}

// target.NAME.MEMBER: what the last block of that name says that says it.
Result<std::optional<hcl::Scope::Found>> BakeScope::member_of(const std::vector<Instance>& all,
                                                              std::span<const std::string> path) {
  if (path.size() < 3) return std::nullopt;
  const Instance* found = nullptr;
  bool is_known = false;
  for (const Instance& each : all) {
    if (each.name != path[1]) continue;
    is_known = true;
    if (each.block->body.find(path[2]) != nullptr) found = &each;
  }
  if (!is_known) return fail(Kind::Invalid, "there is no " + path[0] + " " + quoted(path[1]));
  if (found == nullptr) return Found{json::Value(), 3};
  const hcl::Attribute& attribute = *found->block->body.find(path[2]);
  const std::string name = path[0] + "." + path[1] + "." + path[2];
  if (std::ranges::find(active_, name) != active_.end())
    return hcl::wrong(attribute.place, name + " needs itself");
  active_.push_back(name);
  auto value = evaluate(attribute.value, found->locals);
  active_.pop_back();
  const BakeMember* member = find_bake_member(path[2]);
  if (value && member != nullptr)
    return Found{TRY(bake_value(*member, *value), attribute.place.text()), 3};
  return Found{TRY(std::move(value)), 3};
}

// All combinations; one without a matrix.
Result<std::vector<hcl::Locals>> BakeScope::matrix(const hcl::Block& block) {
  std::vector<hcl::Locals> all(1);
  const hcl::Attribute* attribute = block.body.find("matrix");
  if (attribute == nullptr) return all;
  const json::Value value = TRY(evaluate(attribute->value));
  if (!value.is_object()) return hcl::wrong(attribute->place, "a matrix is an object of lists");
  for (const auto& [name, values] : value.as_object()) {
    if (!values.is_array())
      return hcl::wrong(attribute->place, quoted(name) + " of the matrix is no list");
    if (all.size() * values.as_array().size() > kMostInstances)
      return hcl::wrong(attribute->place, "the matrix makes more than 1024 targets");
    std::vector<hcl::Locals> more;
    for (const json::Value& each : values.as_array())
      for (const hcl::Locals& before : all) {
        more.push_back(before);
        more.back().emplace_back(name, each);
      }
    all = std::move(more);
  }
  return all;
}

Result<> BakeScope::add_instances(const hcl::Block& block) {
  const std::string& label = block.labels[0];
  TRY(check_name(block.place, label));
  const hcl::Attribute* name = block.body.find("name");
  if (name != nullptr && block.body.find("matrix") == nullptr)
    return hcl::wrong(name->place, "'name' is for targets with a 'matrix'");
  BakeGroup whole{.name = label, .description = "", .targets = {}};
  for (hcl::Locals& locals : TRY(matrix(block))) {
    std::string made = label;
    if (name != nullptr) {
      const json::Value value = TRY(evaluate(name->value, locals));
      made = value.is_number() ? json::print(value) : value.as_string();
      TRY(check_name(name->place, made));
    }
    if (std::ranges::find(whole.targets, made) != whole.targets.end())
      return std::unexpected(
          hcl::wrong(block.place, "the matrix makes two targets " + quoted(made))
              .error()
              .hint("'name' has all variables of the matrix in it, as \"app-${version}\""));
    if (targets_.size() >= kMostInstances)
      return hcl::wrong(block.place, "there are more than 1024 targets");
    whole.targets.push_back(made);
    targets_.push_back({&block, std::move(made), std::move(locals)});
  }
  if (whole.targets != std::vector{label}) renamed_.push_back(std::move(whole));
  return {};
}

Result<json::Value> BakeScope::members(const Instance& instance) {
  json::Value made{json::Object()};
  for (const hcl::Block& block : instance.block->body.blocks)
    return hcl::wrong(block.place, "targets have no blocks; write " + quoted(block.type + " = {"));
  std::vector<std::string> names;
  for (const BakeMember& member : bake_members()) names.emplace_back(member.name);
  for (const hcl::Attribute& attribute : instance.block->body.attributes) {
    if (attribute.name == "matrix" || attribute.name == "name") continue;
    const BakeMember* member = find_bake_member(attribute.name);
    if (member == nullptr) {
      Error error =
          hcl::wrong(attribute.place, "targets have no " + quoted(attribute.name)).error();
      const auto meant = nearest(attribute.name, names);
      return std::unexpected(meant ? std::move(error).hint("is " + quoted(*meant) + " meant?")
                                   : std::move(error));
    }
    const json::Value value = TRY(evaluate(attribute.value, instance.locals));
    json::Value taken =
        TRY(bake_value(*member, value), attribute.place.text() + ": " + attribute.name);
    if (!taken.is_null()) made.set(attribute.name, std::move(taken));
  }
  return made;
}

Result<BakeGroup> BakeScope::group(const Instance& instance) {
  const hcl::Body& body = instance.block->body;
  BakeGroup made{.name = instance.name, .description = "", .targets = {}};
  for (const hcl::Attribute& attribute : body.attributes)
    if (attribute.name != "targets" && attribute.name != "description")
      return hcl::wrong(attribute.place, "groups have no " + quoted(attribute.name));
  made.description = TRY(text_in(body, "description"));
  const hcl::Attribute* targets = body.find("targets");
  if (targets == nullptr) return hcl::wrong(instance.block->place, "the group has no 'targets'");
  const json::Value value = TRY(evaluate(targets->value));
  for (const json::Value& each : value.as_array()) {
    if (!each.is_string()) return hcl::wrong(targets->place, "'targets' is a list of names");
    if (std::ranges::find(made.targets, each.as_string()) == made.targets.end())
      made.targets.push_back(each.as_string());
  }
  if (!value.is_array()) return hcl::wrong(targets->place, "'targets' is a list of names");
  return made;
}

Result<BakeVariable> BakeScope::listed(const std::string& name, const hcl::Block& block) {
  BakeVariable made{.name = name, .type = "", .description = "", .value = {}};
  made.value = TRY(named_value(name));
  TRY(validate(block));
  made.description = TRY(text_in(block.body, "description"));
  if (const hcl::Attribute* written = block.body.find("type"))
    made.type = TRY(hcl::read_type(written->value)).text();
  return made;
}

Result<BakeConfig> BakeScope::run() {
  BakeConfig config;
  for (const auto& [name, block] : variables_)
    config.variables.push_back(TRY(listed(name, *block)));
  for (const auto& [name, attribute] : attributes_) TRY(named_value(name));
  std::map<std::string, std::size_t> places;
  for (const Instance& instance : targets_) {
    json::Value made = TRY(members(instance));
    const auto [place, is_new] = places.emplace(instance.name, config.targets.size());
    if (is_new)
      config.targets.push_back({instance.name, std::move(made)});
    else
      merge_bake(config.targets[place->second].members, made);
  }
  places.clear();
  // A later group of the same name is said instead.
  for (const Instance& instance : groups_) {
    BakeGroup made = TRY(group(instance));
    const auto [place, is_new] = places.emplace(instance.name, config.groups.size());
    if (is_new)
      config.groups.push_back(std::move(made));
    else
      config.groups[place->second] = std::move(made);
  }
  std::ranges::move(renamed_, std::back_inserter(config.groups));
  return config;
}

}  // namespace

Result<BakeConfig> evaluate_bake(const hcl::Body& body, BakeInputs inputs) {
  BakeScope scope(std::move(inputs));
  TRY(scope.add(body));
  return scope.run();
}

}  // namespace tare::cli
