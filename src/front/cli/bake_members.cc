// SPDX-License-Identifier: Apache-2.0
#include "front/cli/bake_members.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "front/cli/options.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

using Form = BakeMember::Form;
using Merge = BakeMember::Merge;

constexpr BakeMember kMembers[] = {
    {"description", Form::Text, Merge::Replace, ""},
    {"inherits", Form::Texts, Merge::Append, ""},
    {"annotations", Form::Texts, Merge::Append, "annotation"},
    {"attest", Form::Entries, Merge::Append, "attest"},
    {"context", Form::Text, Merge::Replace, ""},
    {"contexts", Form::Map, Merge::Keys, ""},
    {"dockerfile", Form::Text, Merge::Replace, ""},
    {"dockerfile-inline", Form::Text, Merge::Replace, ""},
    {"args", Form::Map, Merge::Keys, "build-arg"},
    {"labels", Form::Map, Merge::Keys, "label"},
    {"tags", Form::Texts, Merge::Replace, "tag"},
    {"cache-from", Form::Entries, Merge::Append, "cache-from"},
    {"cache-to", Form::Entries, Merge::Replace, "cache-to"},
    {"target", Form::Text, Merge::Replace, "target"},
    {"secret", Form::Entries, Merge::Append, "secret"},
    {"ssh", Form::Entries, Merge::Append, "ssh"},
    {"platforms", Form::Texts, Merge::Replace, "platform"},
    {"output", Form::Entries, Merge::Replace, "output"},
    {"pull", Form::Flag, Merge::Replace, "pull"},
    {"no-cache", Form::Flag, Merge::Replace, "no-cache"},
    {"network", Form::Text, Merge::Replace, "network"},
    {"no-cache-filter", Form::Texts, Merge::Append, "no-cache-filter"},
    {"shm-size", Form::Text, Merge::Replace, "shm-size"},
    {"ulimits", Form::Texts, Merge::Append, "ulimit"},
    {"resources", Form::Missing, Merge::Replace, ""},
    {"call", Form::Text, Merge::Replace, ""},
    {"entitlements", Form::Texts, Merge::Append, ""},
    {"extra-hosts", Form::Map, Merge::Keys, "add-host"},
    {"policy", Form::Missing, Merge::Replace, ""},
};

Result<std::string> text_of(const json::Value& value) {
  if (value.is_string()) return value.as_string();
  if (value.is_bool()) return std::string(value.as_bool() ? "true" : "false");
  if (value.is_number()) return json::print(value);
  return fail(Kind::Invalid, value.is_array()    ? "a list is no text"
                             : value.is_object() ? "an object is no text"
                                                 : "null is no text");
}

json::Value sorted(std::map<std::string, json::Value> members) {
  return json::Object(std::make_move_iterator(members.begin()),
                      std::make_move_iterator(members.end()));
}

std::unexpected<Error> no_field(std::string_view text) {
  return fail(Kind::Invalid, quoted(text) + ": write NAME=VALUE,...");
}

Result<json::Value> ssh_entry(const std::string& text) {
  const auto pair = split_once(text, '=');
  json::Value entry{json::Object()};
  entry.set("id", std::string(pair ? pair->first : text));
  if (pair) entry.set("paths", json::Value(split(pair->second, ',')));
  return entry;
}

// What stands alone means.
std::optional<json::Value> short_entry(std::string_view member, const std::string& text) {
  json::Value entry{json::Object()};
  if (member.starts_with("cache-") && text.find('=') == std::string::npos) {
    entry.set("ref", text);
    entry.set("type", "registry");
    return entry;
  }
  if (member == "output" && text.find(',') == std::string::npos && !text.starts_with("type=")) {
    entry.set("dest", text);
    entry.set("type", text == "-" ? "tar" : "local");
    return entry;
  }
  return std::nullopt;
}

// Names and values are as buildx prints them again.
Result<> set_field(std::map<std::string, json::Value>& entry, std::string_view member,
                   std::string name, std::string value) {
  name = lower(trim(name));
  if (member == "secret" && name == "source") name = "src";
  if (member == "secret" && name != "id" && name != "src" && name != "env" && name != "type")
    return fail(Kind::Invalid, "secrets have no " + quoted(name));
  if (member == "attest" && name == "disabled") {
    const bool is_disabled = TRY(parse_bool(value));
    if (is_disabled) entry[name] = true;
    return {};
  }
  entry[name] = std::move(value);
  return {};
}

Result<json::Value> checked_entry(std::string_view member,
                                  std::map<std::string, json::Value> entry) {
  if (member == "secret") {
    const bool is_variable = entry["type"] == json::Value("env") && !entry.contains("env");
    entry.erase("type");
    if (is_variable && entry.contains("src")) {
      entry["env"] = entry["src"];
      entry.erase("src");
    }
  } else if (member != "ssh" && entry["type"].as_string().empty()) {
    return fail(Kind::Invalid, "an entry has no type");
  }
  return sorted(std::move(entry));
}

Result<> add_entries(json::Array& into, std::string_view member, const std::string& text) {
  if (text.empty()) return {};
  if (member == "ssh") {
    into.push_back(TRY(ssh_entry(text)));
    return {};
  }
  const std::vector<std::string> fields = TRY(csv_fields(member, text));
  if (member.starts_with("cache-") && text.find('=') == std::string::npos) {
    for (const std::string& field : fields)
      if (auto entry = short_entry(member, field)) into.push_back(std::move(*entry));
    return {};
  }
  if (auto entry = short_entry(member, text)) {
    into.push_back(std::move(*entry));
    return {};
  }
  std::map<std::string, json::Value> entry;
  for (const std::string& field : fields) {
    const auto pair = split_once(field, '=');
    if (!pair) return no_field(text);
    TRY(set_field(entry, member, std::string(pair->first), std::string(pair->second)));
  }
  into.push_back(TRY(checked_entry(member, std::move(entry))));
  return {};
}

Result<json::Value> entry_of(std::string_view member, const json::Value& object) {
  std::map<std::string, json::Value> entry;
  for (const auto& [name, value] : object.as_object()) {
    if (value.is_null()) continue;
    if (member == "ssh" && name == "paths") {
      entry[name] = json::Value(value.as_strings());
      continue;
    }
    std::string text = TRY(text_of(value), name);
    TRY(set_field(entry, member, name, std::move(text)));
  }
  return checked_entry(member, std::move(entry));
}

Result<json::Value> list_of(const BakeMember& member, const json::Value& value) {
  if (!value.is_array()) return fail(Kind::Invalid, "a list is needed");
  json::Array made;
  for (const json::Value& each : value.as_array()) {
    if (each.is_object() && member.form == Form::Entries) {
      made.push_back(TRY(entry_of(member.name, each)));
      continue;
    }
    std::string text = TRY(text_of(each));
    if (member.form == Form::Entries)
      TRY(add_entries(made, member.name, text));
    else
      made.emplace_back(std::move(text));
  }
  return json::Value(std::move(made));
}

Result<json::Value> map_of(const json::Value& value) {
  if (!value.is_object()) return fail(Kind::Invalid, "an object is needed");
  json::Object made;
  for (const auto& [name, each] : value.as_object()) {
    if (each.is_null()) continue;
    std::string text = TRY(text_of(each), quoted(name));
    made.emplace_back(name, std::move(text));
  }
  return json::Value(std::move(made));
}

// By which there is one of a kind, the last; null: by all that it has.
json::Value identity(std::string_view member, const json::Value& entry) {
  if (member == "secret" || member == "ssh") return entry["id"];
  return member == "attest" ? entry["type"] : json::Value();
}

json::Value without_twice(const BakeMember& member, const json::Value& list) {
  json::Array made;
  for (const json::Value& each : list.as_array()) {
    if (each == json::Value("")) continue;
    const json::Value id = identity(member.name, each);
    const auto same = std::ranges::find_if(made, [&](const json::Value& other) {
      return id.is_null() ? other == each : identity(member.name, other) == id;
    });
    if (same == made.end())
      made.push_back(each);
    else
      *same = each;
  }
  return made;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted_text = "\"";
  for (const char c : text) quoted_text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted_text + "\"";
}

}  // namespace

std::span<const BakeMember> bake_members() { return kMembers; }

const BakeMember* find_bake_member(std::string_view name) {
  const auto* found = std::ranges::find(kMembers, name, &BakeMember::name);
  return found == std::end(kMembers) ? nullptr : found;
}

Result<json::Value> bake_value(const BakeMember& member, const json::Value& value) {
  if (value.is_null()) return value;
  switch (member.form) {
    case Form::Text: {
      std::string text = TRY(text_of(value));
      return json::Value(std::move(text));
    }
    case Form::Flag: {
      const std::string text = TRY(text_of(value));
      const bool is_true = TRY(parse_bool(text));
      return json::Value(is_true);
    }
    case Form::Texts:
    case Form::Entries:
      return list_of(member, value);
    case Form::Map:
      return map_of(value);
    case Form::Missing:
      return fail(Kind::Unsupported, quoted(member.name) + " of targets is not there");
  }
  return fail(Kind::Internal, "an unknown member");
}

void merge_bake(json::Value& into, const json::Value& from) {
  for (const auto& [name, value] : from.as_object()) {
    const BakeMember* member = find_bake_member(name);
    const json::Value* before = into.find(name);
    if (before == nullptr || member == nullptr || member->merge == Merge::Replace) {
      into.set(name, value);
      continue;
    }
    json::Value merged = *before;
    for (const json::Value& each : value.as_array()) merged.push(each);
    for (const auto& [key, each] : value.as_object()) merged.set(key, each);
    into.set(name, std::move(merged));
  }
}

void normalize_bake(json::Value& target) {
  if (target["network"] == json::Value("host")) {
    json::Value allowed = target["entitlements"];
    allowed.push("network.host");
    target.set("entitlements", std::move(allowed));
  }
  json::Object made;
  for (const auto& [name, value] : target.as_object()) {
    json::Value clean = value;
    const BakeMember* member = find_bake_member(name);
    if (member != nullptr && value.is_array()) clean = without_twice(*member, value);
    if (name == "contexts") {
      json::Object kept;
      for (const auto& [key, place] : value.as_object())
        if (place != json::Value("")) kept.emplace_back(key, place);
      clean = std::move(kept);
    }
    const bool is_empty = (clean.is_array() && clean.as_array().empty()) ||
                          (clean.is_object() && clean.as_object().empty());
    if (!is_empty) made.emplace_back(name, std::move(clean));
  }
  target = std::move(made);
}

json::Value ordered_bake(const json::Value& target) {
  json::Value made{json::Object()};
  for (const BakeMember& member : kMembers) {
    const json::Value* value = target.find(member.name);
    if (value == nullptr || value->is_null()) continue;
    if (!value->is_object()) {
      made.set(member.name, *value);
      continue;
    }
    std::map<std::string, json::Value> members;
    for (const auto& [name, each] : value->as_object()) members[name] = each;
    made.set(member.name, sorted(std::move(members)));
  }
  return made;
}

namespace {

// What goes elsewhere than to an image is not pushed. [docker buildx bake, --push]
void change_push(json::Value& target, bool is_on) {
  json::Array made;
  bool adds = is_on;
  for (json::Value output : target["output"].as_array()) {
    const std::string& type = output["type"].as_string();
    adds = adds && type == "docker";
    if (!is_on && type == "registry") continue;
    if (type == "image") output.set("push", is_on ? "true" : "false");
    made.push_back(std::move(output));
  }
  if (adds)
    made.emplace_back(json::Object{{"push", json::Value("true")}, {"type", json::Value("image")}});
  target.set("output", std::move(made));
}

// [docker buildx bake, --load]
void change_load(json::Value& target, bool is_on) {
  json::Value outputs = target["output"];
  if (!is_on) return;
  for (const json::Value& output : outputs.as_array()) {
    const std::string& type = output["type"].as_string();
    const bool is_image = type == "image" || type == "registry" || type == "oci";
    const bool is_file = type == "docker" && output.find("dest") != nullptr;
    if (!is_image && !is_file) return;
  }
  outputs.push(json::Object{{"type", json::Value("docker")}});
  target.set("output", std::move(outputs));
}

Result<> change_list(json::Value& target, const BakeMember& member, const BakeChange& change) {
  const json::Value added =
      TRY(bake_value(member, json::Value(json::Array{json::Value(change.value)})));
  // These are added to in any case. [docker buildx, bake --set]
  const bool always =
      member.name == "annotations" || member.name == "attest" || member.name == "entitlements";
  json::Value list = change.is_first && !change.appends && !always ? json::Value(json::Array())
                                                                   : target[member.name];
  for (const json::Value& each : added.as_array()) list.push(each);
  target.set(member.name, std::move(list));
  return {};
}

}  // namespace

Result<> change_bake(json::Value& target, const BakeChange& change) {
  if (change.member == "push" || change.member == "load") {
    const bool is_on = TRY(parse_bool(change.value));
    change.member == "push" ? change_push(target, is_on) : change_load(target, is_on);
    return {};
  }
  std::string name = change.member;
  if (name == "platform") name = "platforms";
  if (name == "secrets") name = "secret";
  const BakeMember* member = find_bake_member(name);
  if (member == nullptr || name == "inherits")
    return fail(Kind::Invalid,
                "--set: targets have no " + quoted(change.member) + " that can be set");
  if (member->form == Form::Map) {
    if (change.key.empty())
      return fail(Kind::Invalid, "--set: write TARGET." + name + ".NAME=VALUE");
    json::Value map = target[name];
    map.set(change.key, change.value);
    target.set(name, std::move(map));
    return {};
  }
  if (name == "secret" && !change.key.empty()) {
    const auto& all = target[name].as_array();
    if (std::ranges::none_of(all, [&](const auto& each) { return each["id"] == change.key; }))
      return fail(Kind::NotFound, "--set: there is no secret " + quoted(change.key));
    BakeChange whole{"secret", "", true, "id=" + change.key + "," + change.value};
    return change_list(target, *member, whole);
  }
  if (!change.key.empty())
    return fail(Kind::Invalid,
                "--set: " + quoted(name) + " has nothing named " + quoted(change.key));
  if (member->form == Form::Texts || member->form == Form::Entries)
    return change_list(target, *member, change);
  json::Value value = TRY(bake_value(*member, json::Value(change.value)), "--set " + name);
  target.set(name, std::move(value));
  return {};
}

std::string entry_text(const BakeMember& member, const json::Value& entry) {
  if (member.name == "ssh") {
    const std::vector<std::string> paths = entry["paths"].as_strings();
    return entry["id"].as_string() + (paths.empty() ? "" : "=" + join(paths, ","));
  }
  std::vector<std::string> fields;
  const auto add = [&](const std::string& name, const json::Value& value) {
    fields.push_back(csv_field(name + "=" + (value.is_bool() ? "true" : value.as_string())));
  };
  if (const json::Value* type = entry.find("type")) add("type", *type);
  for (const auto& [name, value] : entry.as_object())
    if (name != "type") add(name, value);
  return join(fields, ",");
}

}  // namespace tare::cli
