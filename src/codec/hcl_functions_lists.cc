// SPDX-License-Identifier: Apache-2.0
// Functions of lists and objects. Sets are lists without the same twice.
#include <algorithm>

#include "base/text.h"
#include "codec/hcl_functions.h"
#include "codec/hcl_values.h"

namespace tare::hcl {
namespace {

using Made = Result<json::Value>;

bool has(const json::Array& list, const json::Value& value) {
  return std::ranges::find(list, value) != list.end();
}

// SECURITY: what looks for each in all, is for so many.
constexpr std::size_t kMostCompared = 4096;

Result<json::Array> distinct(const json::Array& list, Computing& computing) {
  computing.work += list.size() * list.size() / 64;
  if (list.size() > kMostCompared)
    return fail(Kind::Invalid, "the list has more than 4096 elements");
  json::Array made;
  for (const json::Value& each : list)
    if (!has(made, each)) made.push_back(each);
  return made;
}

// Texts by their order, as sets of such are.
Made set_of(const json::Array& list, Computing& computing) {
  json::Array made = TRY(distinct(list, computing));
  if (std::ranges::all_of(made, &json::Value::is_string))
    std::ranges::sort(made, {}, &json::Value::as_string);
  return json::Value(std::move(made));
}

void flatten_into(json::Array& into, const json::Array& list) {
  for (const json::Value& each : list)
    if (each.is_array())
      flatten_into(into, each.as_array());
    else
      into.push_back(each);
}

Made concat(Values& values, Computing&) {
  json::Array made;
  for (const json::Value& list : values)
    made.insert(made.end(), list.as_array().begin(), list.as_array().end());
  return json::Value(std::move(made));
}

Made coalesce(Values& values, Computing&) {
  for (const json::Value& each : values)
    if (!each.is_null()) return each;
  return fail(Kind::Invalid, "all arguments are null");
}

Made first_list(Values& values, Computing&) {
  for (const json::Value& each : values)
    if (!each.as_array().empty()) return each;
  return fail(Kind::Invalid, "all lists are empty");
}

Made chunks(Values& values, Computing&) {
  const std::int64_t size = values[1].as_int();
  if (size < 0) return fail(Kind::Invalid, "the size is less than 0");
  json::Array made;
  for (const json::Value& each : values[0].as_array()) {
    if (made.empty() ||
        (size > 0 && made.back().as_array().size() >= static_cast<std::size_t>(size)))
      made.emplace_back(json::Array());
    made.back().push(each);
  }
  return json::Value(std::move(made));
}

Made compact(Values& values, Computing&) {
  json::Array made;
  for (const json::Value& each : values[0].as_array())
    if (!each.is_null() && each != json::Value("")) made.push_back(each);
  return json::Value(std::move(made));
}

Made element(Values& values, Computing&) {
  const auto& list = values[0].as_array();
  if (list.empty()) return fail(Kind::Invalid, "the list is empty");
  const auto count = static_cast<std::int64_t>(list.size());
  std::int64_t index = values[1].as_int() % count;
  if (index < 0) index += count;
  return list[static_cast<std::size_t>(index)];
}

Result<const json::Value*> at_key(const json::Value& all, const json::Value& key) {
  if (all.is_object()) {
    const std::string name = TRY(text_of(key));
    return all.find(name);
  }
  if (!all.is_array()) return fail(Kind::Invalid, kind_of(all) + " is neither list nor object");
  const std::int64_t index = TRY(whole_of(key));
  const bool is_there = index >= 0 && static_cast<std::size_t>(index) < all.as_array().size();
  return is_there ? &all.as_array()[static_cast<std::size_t>(index)] : nullptr;
}

Made index(Values& values, Computing&) {
  const json::Value* found = TRY(at_key(values[0], values[1]));
  if (found == nullptr) return fail(Kind::Invalid, "there is no such element");
  return *found;
}

Made index_of(Values& values, Computing&) {
  const auto& list = values[0].as_array();
  const auto found = std::ranges::find(list, values[1]);
  if (found == list.end()) return fail(Kind::Invalid, "the list has no such element");
  return json::Value(static_cast<std::int64_t>(found - list.begin()));
}

Made keys(Values& values, Computing&) {
  json::Array made;
  for (const auto& [name, value] : values[0].as_object()) made.emplace_back(name);
  return json::Value(std::move(made));
}

Made values_of(Values& values, Computing&) {
  if (values[0].is_array()) return values[0];
  if (!values[0].is_object()) return fail(Kind::Invalid, kind_of(values[0]) + " is no object");
  json::Array made;
  for (const auto& [name, value] : values[0].as_object()) made.push_back(value);
  return json::Value(std::move(made));
}

Made length(Values& values, Computing&) {
  if (values[0].is_array()) return json::Value(values[0].as_array().size());
  if (values[0].is_object()) return json::Value(values[0].as_object().size());
  return fail(Kind::Invalid, kind_of(values[0]) + " is neither list nor object (of texts: strlen)");
}

Made lookup(Values& values, Computing&) {
  const json::Value* found = values[0].find(values[1].as_string());
  return found != nullptr ? *found : values[2];
}

Made merge(Values& values, Computing&) {
  std::map<std::string, json::Value> made;
  for (const json::Value& each : values) {
    if (each.is_null()) continue;
    if (!each.is_object()) return fail(Kind::Invalid, kind_of(each) + " is no object");
    for (const auto& [name, value] : each.as_object()) made[name] = value;
  }
  return json::Value(json::Object(made.begin(), made.end()));
}

Made slice(Values& values, Computing&) {
  const auto& list = values[0].as_array();
  const std::int64_t begin = values[1].as_int();
  const std::int64_t end = values[2].as_int();
  if (begin < 0 || end < begin || static_cast<std::size_t>(end) > list.size())
    return fail(Kind::Invalid, "the list has " + std::to_string(list.size()) +
                                   " elements, which those are not among");
  return json::Value(json::Array(list.begin() + begin, list.begin() + end));
}

Made sort_texts(Values& values, Computing&) {
  std::vector<std::string> texts;
  for (const json::Value& each : values[0].as_array()) texts.push_back(TRY(text_of(each)));
  std::ranges::sort(texts);
  return json::Value(texts);
}

Made zip_map(Values& values, Computing&) {
  const auto& names = values[0].as_array();
  const auto& all = values[1].as_array();
  if (names.size() != all.size()) return fail(Kind::Invalid, "the lists are not equally long");
  std::map<std::string, json::Value> made;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name = TRY(text_of(names[i]));
    made[name] = all[i];
  }
  return json::Value(json::Object(made.begin(), made.end()));
}

// For each element of the lists among the arguments.
Made format_list(Values& values, Computing&) {
  std::size_t count = 1;
  bool has_list = false;
  for (const json::Value& each : values) {
    if (!each.is_array()) continue;
    if (has_list && each.as_array().size() != count)
      return fail(Kind::Invalid, "the lists are not equally long");
    has_list = true;
    count = each.as_array().size();
  }
  json::Array made;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Values row;
    for (const json::Value& each : values)
      row.push_back(each.is_array() ? each.as_array()[i] : each);
    const std::string form = TRY(text_of(row[0]));
    std::string text = TRY(format_values(form, std::span(row).subspan(1)));
    bytes += text.size();
    if (bytes > kMaxText) return fail(Kind::Invalid, "the texts are larger than 1 MiB");
    made.emplace_back(std::move(text));
  }
  return json::Value(std::move(made));
}

Made union_of(Values& values, Computing& computing) {
  const json::Value all = TRY(concat(values, computing));
  return set_of(all.as_array(), computing);
}

// The elements of the first list that are in all others, or in none.
Made chosen(const Values& values, bool in_all, Computing& computing) {
  json::Array made = TRY(distinct(values[0].as_array(), computing));
  for (const json::Value& each : std::span(values).subspan(1)) {
    const json::Array other = TRY(distinct(each.as_array(), computing));
    std::erase_if(made, [&](const json::Value& value) { return has(other, value) != in_all; });
  }
  return set_of(made, computing);
}

constexpr Builtin kLists[] = {
    {"chunklist", "li", chunks},
    {"coalesce", "aa*", coalesce},
    {"coalescelist", "ll*", first_list},
    {"compact", "l", compact},
    {"concat", "ll*", concat},
    {"contains", "la",
     [](Values& v, Computing&) -> Made { return json::Value(has(v[0].as_array(), v[1])); }},
    {"distinct", "l",
     [](Values& v, Computing& computing) -> Made {
       json::Array made = TRY(distinct(v[0].as_array(), computing));
       return json::Value(std::move(made));
     }},
    {"element", "li", element},
    {"flatten", "l",
     [](Values& v, Computing&) -> Made {
       json::Array made;
       flatten_into(made, v[0].as_array());
       return json::Value(std::move(made));
     }},
    {"formatlist", "vv*", format_list},
    {"hasindex", "vv",
     [](Values& v, Computing&) -> Made {
       const auto found = at_key(v[0], v[1]);
       return json::Value(found && *found != nullptr);
     }},
    {"index", "vv", index},
    {"indexof", "la", index_of},
    {"keys", "m", keys},
    {"length", "v", length},
    {"lookup", "msa", lookup},
    {"merge", "aa*", merge},
    {"reverselist", "l",
     [](Values& v, Computing&) -> Made {
       return json::Value(json::Array(v[0].as_array().rbegin(), v[0].as_array().rend()));
     }},
    {"sethaselement", "la",
     [](Values& v, Computing&) -> Made { return json::Value(has(v[0].as_array(), v[1])); }},
    {"setintersection", "ll*",
     [](Values& v, Computing& computing) -> Made { return chosen(v, true, computing); }},
    {"setsubtract", "ll",
     [](Values& v, Computing& computing) -> Made { return chosen(v, false, computing); }},
    {"setunion", "ll*", union_of},
    {"slice", "lii", slice},
    {"sort", "l", sort_texts},
    {"values", "v", values_of},
    {"zipmap", "ll", zip_map},
};

}  // namespace

std::span<const Builtin> list_functions() { return kLists; }

}  // namespace tare::hcl
