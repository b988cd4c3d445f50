// SPDX-License-Identifier: Apache-2.0
// PRIVATE to the codec room: the functions that bake files have, beside their own. What they do is
// what those of the same name in go-cty do. [docker buildx, "Bake standard library functions"]
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "codec/hcl_evaluate.h"

namespace tare::hcl {

using Values = std::vector<json::Value>;

struct Builtin {
  std::string_view name;
  // A letter for each argument: 's' text, 'n' number, 'i' whole number, 'b' boolean, 'l' list,
  // 'm' object, 'v' anything but null, 'a' anything; a '*' behind it: any number of such.
  std::string_view parameters;
  // Arguments are as the letters say. Errors have no place yet.
  Result<json::Value> (*call)(Values& arguments, Computing& computing);
};

std::span<const Builtin> text_functions();    // hcl_functions_text.cc
std::span<const Builtin> list_functions();    // hcl_functions_lists.cc
std::span<const Builtin> number_functions();  // hcl_functions_numbers.cc
std::span<const Builtin> time_functions();    // hcl_functions_time.cc
const Builtin* find_builtin(std::string_view name);
std::vector<std::string> builtin_names();
// Those of buildx that are not there.
bool is_missing_builtin(std::string_view name);
// The arguments are as `builtin` takes them, and what it makes of them.
Result<json::Value> call_builtin(const Builtin& builtin, Values arguments, Computing& computing);

// format("%s is %d", ...). [go-cty, stdlib format]
Result<std::string> format_values(std::string_view form, std::span<const json::Value> values);

}  // namespace tare::hcl
