// SPDX-License-Identifier: Apache-2.0
// HCL, which bake's files are written in, read into a tree; hcl_evaluate.h gives its expressions
// values. Directives of templates, "%{if ...}", are refused by name. [HCL native syntax
// specification; HCL JSON syntax specification]
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"

namespace tare::hcl {

// Where something is written. Lines and columns (bytes) count from 1.
struct Place {
  std::shared_ptr<const std::string> file;
  std::uint32_t line = 1;
  std::uint32_t column = 1;

  std::string text() const;  // "docker-bake.hcl:3:7"
};

// Invalid: "FILE:LINE:COLUMN: WHY".
std::unexpected<Error> wrong(const Place& place, const std::string& why);

enum class Node : std::uint8_t {
  Literal,      // `value`.
  Template,     // The texts of `parts`, one behind the other.
  Variable,     // `name`.
  Attribute,    // parts[0].name
  Index,        // parts[0][parts[1]]
  Splat,        // parts[0][*], of each element parts[1], in which it is an Item.
  Item,         // See Splat.
  Call,         // name(parts...); `is_expanded`: the last one is a list of arguments.
  List,         // [parts...]
  Object,       // {parts[0] = parts[1], parts[2] = parts[3], ...}
  For,          // See For below.
  Unary,        // `name` is "!" or "-".
  Binary,       // `name` is the operator.
  Conditional,  // parts[0] ? parts[1] : parts[2]
};

// A For has in `parts` what it goes through, the key, the value and maybe the condition; its key is
// without meaning unless it `makes_object`. `name` and `second` are its variables, `name` may be
// empty. `is_expanded`: values with the same key are collected in a list.
struct Expression {
  Node node = Node::Literal;
  bool is_expanded = false;
  bool makes_object = false;
  std::uint16_t height = 1;  // Of the tree below; at most kMaxHeight.
  Place place;
  std::string name;
  std::string second;
  json::Value value;
  std::vector<Expression> parts;
};

inline constexpr std::uint16_t kMaxHeight = 200;
inline constexpr std::size_t kMaxBytes = 1 << 20;  // Of a file.
inline constexpr std::size_t kMaxNodes = 100'000;  // Of a file.
inline constexpr std::size_t kMaxNested = 64;      // Brackets, blocks and texts in one another.

struct Attribute {
  std::string name;
  Place place;
  Expression value;
};

struct Block;
// Names of attributes are unique.
struct Body {
  std::vector<Attribute> attributes;
  std::vector<Block> blocks;

  const Attribute* find(std::string_view name) const;  // nullptr when absent.
};

struct Block {
  std::string type;
  std::vector<std::string> labels;
  Place place;
  Body body;
};

// `name` is for messages. Errors: Invalid, with the place.
Result<Body> parse(const std::string& name, std::string_view text);
// A document of JSON as an expression: its texts, also of keys, are templates. Errors: as above.
Result<Expression> parse_json(const std::string& name, std::string_view text);
// An expression alone, which is written at `place`: errors have that.
Result<Expression> parse_expression(const Place& place, std::string_view text);

}  // namespace tare::hcl
