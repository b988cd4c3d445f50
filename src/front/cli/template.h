// SPDX-License-Identifier: Apache-2.0
// --format: the part of Go's template language that people use, on JSON values.
// [Go text/template, "Actions", "Pipelines", "Functions"; Docker's formatting reference]
//
// {{.Name}} {{.Config.Image}} {{json .}} {{range .X}}{{else}}{{end}} {{range $k, $v := .X}}
// {{if}}{{else if}}{{else}}{{end}} {{with}} {{$x := .Y}} {{- trim -}} {{/* comment */}} pipelines,
// parentheses, and the functions of template_functions.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/json.h"

namespace tare::cli {

namespace template_nodes {

struct Pipeline;

// One operand of a command, with the fields taken of it: ".A.B", "$x.A", "(...).A", "\"text\"".
struct Operand {
  enum class Kind : std::uint8_t { Dot, Variable, Literal, Function, Nested } kind = Kind::Dot;
  std::string name;  // Of a variable (without $) or function.
  json::Value literal;
  std::shared_ptr<Pipeline> nested;
  std::vector<std::string> fields;
};
struct Command {
  std::vector<Operand> operands;
};
struct Pipeline {
  std::vector<std::string> variables;  // "$x :=" or "$i, $x :=".
  bool assigns = false;                // "=" instead of ":=".
  std::vector<Command> commands;
};
struct Node {
  enum class Kind : std::uint8_t { Text, Action, If, Range, With } kind = Kind::Text;
  std::string text;
  Pipeline pipeline;
  std::vector<Node> body;
  std::vector<Node> otherwise;
};

}  // namespace template_nodes

class Template {
 public:
  // Errors: Invalid, with the place.
  static Result<Template> parse(std::string_view text);

  // How templates that were written for another program's values run.
  struct Manner {
    // Names are those of its structures: .Manifest.MediaType is "mediaType" of "manifest". What is
    // not there is nothing, and no mistake.
    bool has_go_names = false;
    bool indents_json = false;  // What "json" makes.
  };
  // `dot` is what {{.}} stands for. `methods` are further members that {{json .}} does not show;
  // one that is an object can be asked with an argument, as {{.Label "name"}}. Errors: Invalid
  // (an unknown field, with the nearest name; a function with wrong arguments).
  Result<std::string> run(const json::Value& dot, const json::Value& methods, Manner manner) const;
  Result<std::string> run(const json::Value& dot, const json::Value& methods = {}) const {
    return run(dot, methods, Manner());
  }

 private:
  std::vector<template_nodes::Node> nodes_;
};

// As Go prints a value with %v: arrays as [a b], objects as map[k:v], null as <no value>.
std::string go_text(const json::Value& value);
// As Go's strconv.Quote.
std::string go_quote(std::string_view text);

// A function of the language. Errors: Invalid.
Result<json::Value> call_template_function(const std::string& name,
                                           const std::vector<const json::Value*>& arguments);
bool is_template_function(std::string_view name);
bool is_true(const json::Value& value);  // As {{if}} sees it.

}  // namespace tare::cli
