// SPDX-License-Identifier: Apache-2.0
// The values of HCL's expressions. Files are others' work: what one takes to compute is bounded.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "codec/hcl.h"

namespace tare::hcl {

// One that the file defines.
struct Function {
  std::vector<std::string> parameters;
  std::string rest;                    // The parameter that has all further ones as a list; or "".
  const Expression* result = nullptr;  // Borrowed.
};

// Names that hide others of the same name.
using Locals = std::vector<std::pair<std::string, json::Value>>;

// What functions know of the world, and what was computed so far, of all evaluations together.
struct Computing {
  UnixNanos now = 0;
  std::string home;
  std::uint64_t work = 0;
  int depth = 0;
};

// What names stand for. It may evaluate further expressions to tell, with the same Computing.
class Scope {
 public:
  virtual ~Scope() = default;
  struct Found {
    json::Value value;
    std::size_t used = 1;  // Of the path.
  };
  // What the first names of `path` stand for: "a" of a.b.c, or more of them. Nothing: unknown.
  virtual Result<std::optional<Found>> find(std::span<const std::string> path) = 0;
  virtual const Function* function(const std::string& name) = 0;
  virtual std::vector<std::string> names() const = 0;  // To say what may have been meant.
};

// Members of objects in the value are in the order of their names. Errors: Invalid, with the place;
// those of `scope`.
Result<json::Value> evaluate(const Expression& expression, Scope& scope, Computing& computing,
                             const Locals& locals = {});

// "string", "list(number)", "object({a = bool})". [HCL typeexpr extension]
struct Type {
  enum class Kind : std::uint8_t { Any, Text, Number, Bool, List, Set, Map, Tuple, Object };
  Kind kind = Kind::Any;
  std::vector<Type> parts;         // The element's, or one for each.
  std::vector<std::string> names;  // Of an object's members.

  std::string text() const;
};
// Errors: Invalid, with the place.
Result<Type> read_type(const Expression& expression);
// Null is of every type. Errors: Invalid, without a place.
Result<json::Value> convert(const json::Value& value, const Type& type);

}  // namespace tare::hcl
