// SPDX-License-Identifier: Apache-2.0
#include "codec/hcl_evaluate.h"

#include <algorithm>
#include <ranges>

#include "codec/hcl_functions.h"
#include "codec/hcl_values.h"

namespace tare::hcl {
namespace {

// Reached by no file that people write; some seconds, and some hundred megabytes.
constexpr std::uint64_t kMostWork = 20'000'000;
constexpr std::size_t kMostWeight = 1'000'000;
constexpr int kMostDeep = 400;  // Expressions, also of other variables and functions.

// With the place.
template <typename T>
Result<T> at(const Place& place, Result<T> result) {
  if (result) return result;
  return std::unexpected(std::move(result).error().wrap(place.text()));
}

class DepthGuard {
 public:
  explicit DepthGuard(int& depth) : depth_(depth) { ++depth_; }
  ~DepthGuard() { --depth_; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  int& depth_;
};

class Evaluation {
 public:
  Evaluation(Scope& scope, Computing& computing, Locals locals)
      : scope_(scope), computing_(computing), locals_(std::move(locals)) {}

  Result<json::Value> run(const Expression& expression) {
    const DepthGuard guard(computing_.depth);
    if (computing_.depth > kMostDeep)
      return wrong(expression.place,
                   "too much in one another; does a function or variable need itself?");
    json::Value value = TRY(compute(expression));
    TRY(pay(expression.place, weight(value)));
    return value;
  }

 private:
  Result<> pay(const Place& place, std::size_t cost) {
    computing_.work += cost;
    if (cost > kMostWeight || computing_.work > kMostWork) {
      computing_.work = kMostWork + 1;
      return wrong(place, "the file has too much to compute");
    }
    return {};
  }

  Result<json::Value> compute(const Expression& expression) {
    const auto& parts = expression.parts;
    switch (expression.node) {
      case Node::Literal:
        return expression.value;
      case Node::Template:
        return text(expression);
      case Node::Variable:
      case Node::Attribute:
      case Node::Index:
        return path(expression);
      case Node::Splat:
        return splat(expression);
      case Node::Item:
        return items_.empty() ? json::Value() : items_.back();
      case Node::Call:
        return call(expression);
      case Node::List:
        return list(expression);
      case Node::Object:
        return object(expression);
      case Node::For:
        return go_through(expression);
      case Node::Unary:
        return unary(expression);
      case Node::Binary:
        return binary(expression);
      case Node::Conditional:
        return TRY(truth(parts[0])) ? run(parts[1]) : run(parts[2]);
    }
    return wrong(expression.place, "an unknown expression");
  }

  Result<bool> truth(const Expression& expression) {
    const json::Value value = TRY(run(expression));
    return at(expression.place, bool_of(value));
  }

  Result<json::Value> text(const Expression& expression) {
    std::string made;
    for (const Expression& part : expression.parts) {
      const json::Value value = TRY(run(part));
      const std::string more = TRY(at(part.place, text_of(value)));
      TRY(at(part.place, append(made, more)));
    }
    return json::Value(std::move(made));
  }

  Result<json::Value> list(const Expression& expression) {
    json::Array made;
    made.reserve(expression.parts.size());
    for (const Expression& part : expression.parts) made.push_back(TRY(run(part)));
    return json::Value(std::move(made));
  }

  Result<std::string> key(const Expression& expression) {
    const json::Value value = TRY(run(expression));
    return at(expression.place, text_of(value));
  }

  Result<json::Value> object(const Expression& expression) {
    std::map<std::string, json::Value> made;
    for (std::size_t i = 0; i + 1 < expression.parts.size(); i += 2) {
      std::string name = TRY(key(expression.parts[i]));
      made[std::move(name)] = TRY(run(expression.parts[i + 1]));
    }
    return json::Value(
        json::Object(std::make_move_iterator(made.begin()), std::make_move_iterator(made.end())));
  }

  // Its elements with their keys.
  Result<std::vector<std::pair<json::Value, json::Value>>> elements(const Expression& expression) {
    const json::Value collection = TRY(run(expression));
    std::vector<std::pair<json::Value, json::Value>> made;
    if (!collection.is_array() && !collection.is_object())
      return wrong(expression.place,
                   "a list or an object is needed, this is " + kind_of(collection));
    for (const json::Value& each : collection.as_array())
      made.emplace_back(static_cast<std::int64_t>(made.size()), each);
    for (const auto& [name, each] : collection.as_object()) made.emplace_back(name, each);
    return made;
  }

  Result<json::Value> go_through(const Expression& expression) {
    const auto all = TRY(elements(expression.parts[0]));
    json::Array values;
    std::map<std::string, json::Value> members;
    const std::size_t locals = locals_.size();
    for (const auto& [name, value] : all) {
      locals_.resize(locals);
      if (!expression.name.empty()) locals_.emplace_back(expression.name, name);
      locals_.emplace_back(expression.second, value);
      if (expression.parts.size() > 3 && !TRY(truth(expression.parts[3]))) continue;
      if (!expression.makes_object) {
        values.push_back(TRY(run(expression.parts[2])));
        continue;
      }
      const std::string made = TRY(key(expression.parts[1]));
      json::Value member = TRY(run(expression.parts[2]));
      if (expression.is_expanded)
        members[made].push(std::move(member));
      else if (!members.emplace(made, std::move(member)).second)
        return std::unexpected(
            wrong(expression.parts[1].place, "two elements have the key " + quoted(made))
                .error()
                .hint("'...' behind the value makes a list of those with the same key"));
    }
    locals_.resize(locals);
    if (!expression.makes_object) return json::Value(std::move(values));
    return json::Value(json::Object(std::make_move_iterator(members.begin()),
                                    std::make_move_iterator(members.end())));
  }

  Result<json::Value> splat(const Expression& expression) {
    json::Value collection = TRY(run(expression.parts[0]));
    // What is no list is one of itself. [HCL native syntax specification, "Splat Operators"]
    if (collection.is_null()) return json::Value(json::Array());
    if (!collection.is_array()) collection = json::Array{std::move(collection)};
    json::Array made;
    for (const json::Value& each : collection.as_array()) {
      items_.push_back(each);
      auto value = run(expression.parts[1]);
      items_.pop_back();
      made.push_back(TRY(std::move(value)));
    }
    return json::Value(std::move(made));
  }

  const json::Value* local(const std::string& name) const {
    for (const auto& [each, value] : std::views::reverse(locals_))
      if (each == name) return &value;
    return nullptr;
  }

  // a.b["c"], the names at once: what the first stand for depends on the others.
  Result<json::Value> path(const Expression& expression) {
    std::vector<const Expression*> steps;
    const Expression* root = &expression;
    while (root->node == Node::Attribute || root->node == Node::Index) {
      steps.push_back(root);
      root = &root->parts[0];
    }
    std::ranges::reverse(steps);
    json::Value value;
    std::size_t used = 0;
    if (root->node != Node::Variable) {
      value = TRY(run(*root));
    } else if (const json::Value* found = local(root->name)) {
      value = *found;
    } else {
      auto [global, names] = TRY(find(*root, steps));
      value = std::move(global);
      used = names - 1;
    }
    for (const Expression* step : std::span(steps).subspan(std::min(used, steps.size()))) {
      json::Value name = step->name;
      if (step->node == Node::Index) name = TRY(run(step->parts[1]));
      value = TRY(member(value, name, step->place));
    }
    return value;
  }

  Result<Scope::Found> find(const Expression& root, const std::vector<const Expression*>& steps) {
    std::vector<std::string> names{root.name};
    for (const Expression* step : steps) {
      if (step->node == Node::Attribute) {
        names.push_back(step->name);
        continue;
      }
      const json::Value key = TRY(run(step->parts[1]));
      if (!key.is_string()) break;
      names.push_back(key.as_string());
    }
    auto found = scope_.find(names);
    if (!found) return std::unexpected(std::move(found).error());
    if (*found) return std::move(**found);
    std::vector<std::string> known = scope_.names();
    for (const auto& [name, value] : locals_) known.push_back(name);
    return std::unexpected(like(
        wrong(root.place, "there is no variable " + quoted(root.name)).error(), root.name, known));
  }

  static Error like(Error error, const std::string& name, const std::vector<std::string>& known) {
    const auto meant = nearest(name, known);
    return meant ? std::move(error).hint("is " + quoted(*meant) + " meant?") : std::move(error);
  }

  static Result<json::Value> member(const json::Value& value, const json::Value& name,
                                    const Place& place) {
    if (value.is_object()) {
      const std::string key = TRY(at(place, text_of(name)));
      const json::Value* found = value.find(key);
      if (found != nullptr) return *found;
      std::vector<std::string> known;
      for (const auto& [each, member] : value.as_object()) known.push_back(each);
      return std::unexpected(
          like(wrong(place, "the object has no " + quoted(key)).error(), key, known));
    }
    if (!value.is_array()) return wrong(place, kind_of(value) + " has no elements to take one of");
    const std::int64_t index = TRY(at(place, whole_of(name)));
    if (index < 0 || static_cast<std::size_t>(index) >= value.as_array().size())
      return wrong(place, "the list has " + std::to_string(value.as_array().size()) +
                              " elements, and none at " + std::to_string(index));
    return value.as_array()[static_cast<std::size_t>(index)];
  }

  Result<json::Value> unary(const Expression& expression) {
    if (expression.name == "!") return json::Value(!TRY(truth(expression.parts[0])));
    const json::Value value = TRY(run(expression.parts[0]));
    const json::Value number = TRY(at(expression.place, number_of(value)));
    return at(expression.place, calculate('-', json::Value(0), number));
  }

  Result<json::Value> binary(const Expression& expression) {
    const std::string& name = expression.name;
    const auto& parts = expression.parts;
    if (name == "&&") return json::Value(TRY(truth(parts[0])) && TRY(truth(parts[1])));
    if (name == "||") return json::Value(TRY(truth(parts[0])) || TRY(truth(parts[1])));
    const json::Value left = TRY(run(parts[0]));
    const json::Value right = TRY(run(parts[1]));
    if (name == "==") return json::Value(left == right);
    if (name == "!=") return json::Value(left != right);
    const json::Value a = TRY(at(parts[0].place, number_of(left)));
    const json::Value b = TRY(at(parts[1].place, number_of(right)));
    if (name == "<") return json::Value(compare(a, b) < 0);
    if (name == ">") return json::Value(compare(a, b) > 0);
    if (name == "<=") return json::Value(compare(a, b) <= 0);
    if (name == ">=") return json::Value(compare(a, b) >= 0);
    return at(expression.place, calculate(name[0], a, b));
  }

  Result<Values> arguments(const Expression& expression) {
    Values made;
    for (const Expression& part : expression.parts) made.push_back(TRY(run(part)));
    if (!expression.is_expanded) return made;
    const json::Value last = std::move(made.back());
    made.pop_back();
    if (!last.is_array())
      return wrong(expression.parts.back().place, "'...' needs a list, not " + kind_of(last));
    made.insert(made.end(), last.as_array().begin(), last.as_array().end());
    return made;
  }

  Result<json::Value> call(const Expression& expression) {
    const std::string& name = expression.name;
    if (const Function* own = scope_.function(name)) return call_own(expression, *own);
    if (name == "try" || name == "can") return attempt(expression);
    if (name == "convert" && expression.parts.size() == 2) {
      const Type type = TRY(read_type(expression.parts[1]));
      const json::Value value = TRY(run(expression.parts[0]));
      return at(expression.place, convert(value, type));
    }
    const Builtin* builtin = find_builtin(name);
    if (builtin == nullptr) return unknown(expression);
    Values values = TRY(arguments(expression));
    auto made = call_builtin(*builtin, std::move(values), computing_);
    if (made) return made;
    return std::unexpected(
        std::move(made).error().wrap(expression.place.text() + ": " + name + "()"));
  }

  static std::unexpected<Error> unknown(const Expression& expression) {
    if (is_missing_builtin(expression.name))
      return std::unexpected(Error(Kind::Unsupported, expression.place.text() + ": the function " +
                                                          quoted(expression.name) +
                                                          " of buildx is not there")
                                 .hint("'docker buildx bake --print' writes JSON without it"));
    return std::unexpected(
        like(wrong(expression.place, "there is no function " + quoted(expression.name)).error(),
             expression.name, builtin_names()));
  }

  // The first that can be computed, or whether it can.
  Result<json::Value> attempt(const Expression& expression) {
    const bool only_asks = expression.name == "can";
    for (const Expression& part : expression.parts) {
      auto value = run(part);
      if (computing_.work > kMostWork) return value;
      if (only_asks) return json::Value(value.has_value());
      if (value || &part == &expression.parts.back()) return value;
    }
    return wrong(expression.place, expression.name + "() needs an argument");
  }

  Result<json::Value> call_own(const Expression& expression, const Function& function) {
    Values values = TRY(arguments(expression));
    const std::size_t count = function.parameters.size();
    if (values.size() < count || (values.size() > count && function.rest.empty()))
      return wrong(expression.place, expression.name + "() takes " + std::to_string(count) +
                                         (function.rest.empty() ? "" : " or more") +
                                         " arguments, not " + std::to_string(values.size()));
    Locals locals;
    for (std::size_t i = 0; i < count; ++i)
      locals.emplace_back(function.parameters[i], std::move(values[i]));
    values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count));
    if (!function.rest.empty()) locals.emplace_back(function.rest, json::Array(std::move(values)));
    return Evaluation(scope_, computing_, std::move(locals)).run(*function.result);
  }

  Scope& scope_;
  Computing& computing_;
  Locals locals_;
  std::vector<json::Value> items_;
};

}  // namespace

Result<json::Value> evaluate(const Expression& expression, Scope& scope, Computing& computing,
                             const Locals& locals) {
  return Evaluation(scope, computing, locals).run(expression);
}

}  // namespace tare::hcl
