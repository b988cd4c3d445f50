// SPDX-License-Identifier: Apache-2.0
// Types as variables have them.
#include <algorithm>

#include "codec/hcl_evaluate.h"
#include "codec/hcl_values.h"

namespace tare::hcl {
namespace {

using TypeKind = Type::Kind;

struct Named {
  const char* name;
  TypeKind kind;
};
constexpr Named kPrimitive[] = {{"any", TypeKind::Any},
                                {"string", TypeKind::Text},
                                {"number", TypeKind::Number},
                                {"bool", TypeKind::Bool}};
constexpr Named kWithParts[] = {{"list", TypeKind::List},
                                {"set", TypeKind::Set},
                                {"map", TypeKind::Map},
                                {"tuple", TypeKind::Tuple},
                                {"object", TypeKind::Object}};

std::string name_of(TypeKind kind) {
  for (const auto& table : {std::span<const Named>(kPrimitive), std::span<const Named>(kWithParts)})
    for (const Named& each : table)
      if (each.kind == kind) return each.name;
  return "";
}

std::unexpected<Error> no_type(const Expression& expression) {
  return std::unexpected(wrong(expression.place, "this is no type")
                             .error()
                             .hint("types are string, number, bool, any, list(T), set(T), map(T), "
                                   "tuple([T, T]) and object({name = T})"));
}

Result<json::Value> convert_list(const json::Value& value, const Type& type) {
  if (!value.is_array()) return fail(Kind::Invalid, kind_of(value) + " is no " + type.text());
  if (type.kind == TypeKind::Tuple && value.as_array().size() != type.parts.size())
    return fail(Kind::Invalid, "the list has " + std::to_string(value.as_array().size()) +
                                   " elements; " + type.text() + " has " +
                                   std::to_string(type.parts.size()));
  // SECURITY: each of a set is looked for in all.
  if (type.kind == TypeKind::Set && value.as_array().size() > 4096)
    return fail(Kind::Invalid, "the set has more than 4096 elements");
  json::Array made;
  for (std::size_t i = 0; i < value.as_array().size(); ++i) {
    json::Value each =
        TRY(convert(value.as_array()[i], type.parts[type.kind == TypeKind::Tuple ? i : 0]));
    if (type.kind != TypeKind::Set || std::ranges::find(made, each) == made.end())
      made.push_back(std::move(each));
  }
  if (type.kind == TypeKind::Set && std::ranges::all_of(made, &json::Value::is_string))
    std::ranges::sort(made, {}, &json::Value::as_string);
  return json::Value(std::move(made));
}

Result<json::Value> convert_object(const json::Value& value, const Type& type) {
  if (!value.is_object()) return fail(Kind::Invalid, kind_of(value) + " is no " + type.text());
  json::Object made;
  if (type.kind == TypeKind::Map) {
    for (const auto& [name, each] : value.as_object()) {
      json::Value member = TRY(convert(each, type.parts[0]));
      made.emplace_back(name, std::move(member));
    }
    return json::Value(std::move(made));
  }
  for (std::size_t i = 0; i < type.names.size(); ++i) {
    const json::Value* each = value.find(type.names[i]);
    if (each == nullptr) return fail(Kind::Invalid, "the object has no " + quoted(type.names[i]));
    json::Value member = TRY(convert(*each, type.parts[i]));
    made.emplace_back(type.names[i], std::move(member));
  }
  return sorted(std::move(made));
}

}  // namespace

std::string Type::text() const {
  std::string inner;
  for (std::size_t i = 0; i < parts.size(); ++i)
    inner += (i > 0 ? ", " : "") + (names.empty() ? "" : names[i] + " = ") + parts[i].text();
  const std::string name = name_of(kind);
  if (kind == Kind::Tuple) return name + "([" + inner + "])";
  if (kind == Kind::Object) return name + "({" + inner + "})";
  return parts.empty() ? name : name + "(" + inner + ")";
}

Result<Type> read_type(const Expression& expression) {
  // JSON has it as a text.
  if (expression.node == Node::Literal && expression.value.is_string()) {
    const Expression inner = TRY(parse_expression(expression.place, expression.value.as_string()));
    return inner.node == Node::Literal ? Result<Type>(no_type(expression)) : read_type(inner);
  }
  Type type;
  const bool is_call = expression.node == Node::Call && expression.parts.size() == 1;
  const std::span<const Named> table =
      is_call ? std::span<const Named>(kWithParts) : std::span<const Named>(kPrimitive);
  const auto found = std::ranges::find(table, expression.name, &Named::name);
  if (found == table.end() || (!is_call && expression.node != Node::Variable))
    return no_type(expression);
  type.kind = found->kind;
  if (!is_call) return type;
  const Expression& inner = expression.parts[0];
  if (type.kind == TypeKind::Tuple) {
    if (inner.node != Node::List) return no_type(inner);
    for (const Expression& part : inner.parts) type.parts.push_back(TRY(read_type(part)));
  } else if (type.kind == TypeKind::Object) {
    if (inner.node != Node::Object) return no_type(inner);
    for (std::size_t i = 0; i + 1 < inner.parts.size(); i += 2) {
      if (inner.parts[i].node != Node::Literal) return no_type(inner.parts[i]);
      type.names.push_back(inner.parts[i].value.as_string());
      type.parts.push_back(TRY(read_type(inner.parts[i + 1])));
    }
  } else {
    type.parts.push_back(TRY(read_type(inner)));
  }
  return type;
}

Result<json::Value> convert(const json::Value& value, const Type& type) {
  if (value.is_null()) return value;
  switch (type.kind) {
    case TypeKind::Any:
      return value;
    case TypeKind::Text: {
      std::string text = TRY(text_of(value));
      return json::Value(std::move(text));
    }
    case TypeKind::Number:
      return number_of(value);
    case TypeKind::Bool: {
      const bool is_true = TRY(bool_of(value));
      return json::Value(is_true);
    }
    case TypeKind::List:
    case TypeKind::Set:
    case TypeKind::Tuple:
      return convert_list(value, type);
    case TypeKind::Map:
    case TypeKind::Object:
      return convert_object(value, type);
  }
  return fail(Kind::Internal, "an unknown type");
}

}  // namespace tare::hcl
