// SPDX-License-Identifier: Apache-2.0
// What targets of bake have: texts, booleans, lists of texts, objects of texts, and lists of
// entries, which are objects of texts whichever way they were written.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "codec/json.h"

namespace tare::cli {

struct BakeMember {
  enum class Form : std::uint8_t { Text, Flag, Texts, Map, Entries, Missing };
  enum class Merge : std::uint8_t { Replace, Append, Keys };

  std::string_view name;
  Form form;
  Merge merge;
  std::string_view option;  // Of build, without the dashes; empty: it is dealt with elsewhere.
};
// In the order in which buildx prints them.
std::span<const BakeMember> bake_members();
const BakeMember* find_bake_member(std::string_view name);

// As `member` has it; null where there is nothing. Errors: Invalid, without a place.
Result<json::Value> bake_value(const BakeMember& member, const json::Value& value);
// What `from` says, over what is in `into`. Errors: none that values of bake_value() have.
void merge_bake(json::Value& into, const json::Value& from);
// Without what is there twice, and empty texts.
void normalize_bake(json::Value& target);
// In the order of bake_members().
json::Value ordered_bake(const json::Value& target);

// --set and --push: MEMBER[.KEY][+]=VALUE. Errors: Invalid.
struct BakeChange {
  std::string member;
  std::string key;
  bool appends = false;
  std::string value;
  bool is_first = true;  // Of several for the same member: replaces what was there.
};
Result<> change_bake(json::Value& target, const BakeChange& change);

// "type=local,dest=out", of an entry.
std::string entry_text(const BakeMember& member, const json::Value& entry);

}  // namespace tare::cli
