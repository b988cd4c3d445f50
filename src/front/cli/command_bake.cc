// SPDX-License-Identifier: Apache-2.0
// buildx bake: several builds, as a file of JSON names them. Each becomes the command line of a
// build, so that there is one place that understands those. [docker buildx bake file reference]
#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "front/cli/command_builder.h"
#include "front/cli/handlers.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

constexpr std::size_t kMostDeep = 64;      // Targets that inherit, one behind the other.
constexpr std::size_t kMostGroups = 256;   // Of one call.
constexpr std::size_t kMostTargets = 256;  // Of one call.

constexpr std::string_view kMaps[] = {"args", "labels", "contexts"};

struct Member {
  std::string_view name;
  std::string_view option;  // Without the dashes; empty: it is dealt with elsewhere.
};
constexpr Member kMembers[] = {
    {"annotations", "annotation"},
    {"args", "build-arg"},
    {"attest", "attest"},
    {"cache-from", "cache-from"},
    {"cache-to", "cache-to"},
    {"context", ""},
    {"contexts", "build-context"},
    {"description", ""},
    {"dockerfile", ""},
    {"inherits", ""},
    {"labels", "label"},
    {"network", "network"},
    {"no-cache", "no-cache"},
    {"no-cache-filter", "no-cache-filter"},
    {"output", "output"},
    {"platforms", "platform"},
    {"pull", "pull"},
    {"secret", "secret"},
    {"ssh", "ssh"},
    {"tags", "tag"},
    {"target", "target"},
};

bool is_map(std::string_view member) { return std::ranges::find(kMaps, member) != std::end(kMaps); }

Result<json::Value> load(const Arguments& arguments) {
  std::string file = arguments.value_or("file", "docker-bake.json");
  auto text = read_user_file(file);
  if (!text)
    return std::unexpected(
        std::move(text).error().hint("another file of JSON is given with -f FILE"));
  auto value = json::parse(*text);
  if (value && value->is_object()) return value;
  const std::string why = value ? "it is no object" : value.error().message();
  return std::unexpected(Error(Kind::Invalid, quoted(file) + " is no file of JSON for bake: " + why)
                             .hint("HCL and compose files are not read; 'docker buildx bake "
                                   "--print' writes JSON of them"));
}

// What `name` stands for: itself, or of a group all members, each once. `groups`: those that were
// looked at.
Result<> collect(const json::Value& file, const std::string& name, std::set<std::string>& groups,
                 std::vector<std::string>& targets) {
  if (const json::Value* group = file["group"].find(name)) {
    if (!groups.insert(name).second) return {};
    if (groups.size() > kMostGroups) return fail(Kind::Invalid, "too many groups");
    for (const std::string& each : (*group)["targets"].as_strings())
      TRY(collect(file, each, groups, targets));
    return {};
  }
  if (file["target"].find(name) == nullptr)
    return fail(Kind::NotFound, "the file has no target and no group " + quoted(name));
  if (std::ranges::find(targets, name) == targets.end()) targets.push_back(name);
  if (targets.size() > kMostTargets) return fail(Kind::Invalid, "too many targets");
  return {};
}

// What `from` says, over what is in `into`.
void overlay(json::Value& into, const json::Value& from) {
  for (const auto& [name, value] : from.as_object()) {
    if (name == "inherits") continue;
    const json::Value* before = into.find(name);
    if (is_map(name) && before != nullptr) {
      json::Value merged = *before;
      for (const auto& [key, each] : value.as_object()) merged.set(key, each);
      into.set(name, std::move(merged));
    } else {
      into.set(name, value);
    }
  }
}

// Targets with what they inherit, each put together once.
using Resolved = std::map<std::string, json::Value>;

Result<json::Value> resolve(const json::Value& file, const std::string& name, std::size_t depth,
                            Resolved& known) {
  if (const auto found = known.find(name); found != known.end()) return found->second;
  if (depth > kMostDeep)
    return fail(Kind::Invalid, "target " + quoted(name) +
                                   " inherits itself, or from too many one behind the other");
  const json::Value* own = file["target"].find(name);
  if (own == nullptr) return fail(Kind::NotFound, "the file has no target " + quoted(name));
  json::Value target{json::Object()};
  for (const std::string& base : (*own)["inherits"].as_strings())
    overlay(target, TRY(resolve(file, base, depth + 1, known)));
  overlay(target, *own);
  known.emplace(name, target);
  return target;
}

// --set TARGET.MEMBER[.KEY]=VALUE; TARGET may be '*'.
Result<> set_members(json::Value& target, const std::string& name, const Arguments& arguments) {
  for (const std::string& text : arguments.list("set")) {
    const auto pair = split_once(text, '=');
    const auto path = pair ? split_once(pair->first, '.') : std::nullopt;
    if (!path) return bad_value("set", text, "write TARGET.MEMBER=VALUE");
    if (path->first != "*" && path->first != name) continue;
    const auto keys = split_once(path->second, '.');
    const std::string member(keys ? keys->first : path->second);
    json::Value value{std::string(pair->second)};
    if (!keys && (pair->second == "true" || pair->second == "false"))
      value = pair->second == "true";
    json::Value change{json::Object()};
    if (keys)
      change.set(member, json::Object()).set(std::string(keys->second), std::move(value));
    else
      change.set(member, std::move(value));
    overlay(target, change);
  }
  return {};
}

Result<> add_words(std::vector<std::string>& words, const Member& member,
                   const json::Value& value) {
  const std::string option = "--" + std::string(member.option);
  if (value.is_bool()) {
    words.push_back(option + "=" + (value.as_bool() ? "true" : "false"));
  } else if (value.is_string()) {
    words.push_back(option + "=" + value.as_string());
  } else if (value.is_object()) {
    for (const auto& [key, each] : value.as_object())
      words.push_back(option + "=" + key + (each.is_null() ? "" : "=" + each.as_string()));
  } else if (value.is_array()) {
    for (const json::Value& each : value.as_array()) {
      if (!each.is_string())
        return fail(Kind::Unsupported,
                    quoted(member.name) + " has something but texts in its list");
      words.push_back(option + "=" + each.as_string());
    }
  } else if (!value.is_null()) {
    return fail(Kind::Invalid, quoted(member.name) + " is neither text nor list");
  }
  return {};
}

// The words of a command line.
Result<std::vector<std::string>> words_of(const json::Value& target, const Arguments& arguments) {
  std::vector<std::string> words{"build"};
  for (const auto& [name, value] : target.as_object()) {
    const auto* member = std::ranges::find(kMembers, name, &Member::name);
    if (member == std::end(kMembers))
      return fail(Kind::Unsupported, quoted(name) + " of targets is not there yet");
    if (!member->option.empty()) TRY(add_words(words, *member, value));
  }
  std::string context = target["context"].as_string();
  if (context.empty()) context = ".";
  if (const std::string& file = target["dockerfile"].as_string(); !file.empty())
    words.push_back("--file=" + (file.starts_with('/') ? file : context + "/" + file));
  for (const char* option : {"no-cache", "pull", "push", "load"})
    if (arguments.given(option)) words.push_back(std::string("--") + option);
  if (const auto value = arguments.value("progress")) words.push_back("--progress=" + *value);
  // A file does not grant itself anything.
  for (const std::string& what : arguments.list("allow")) words.push_back("--allow=" + what);
  words.push_back("--");
  words.push_back(context);
  return words;
}

Result<CommandLine> parse(const std::vector<std::string>& words) {
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  auto line = parse_command_line(pointers);
  if (!line) return std::unexpected(std::move(line.error().error));
  return std::move(*line);
}

}  // namespace

Result<int> cmd_builder_bake(Context& context, const Arguments& arguments) {
  const json::Value file = TRY(load(arguments));
  std::vector<std::string> names;
  std::vector<std::string> wanted = arguments.operands;
  if (wanted.empty()) wanted.emplace_back("default");
  std::set<std::string> groups;
  for (const std::string& name : wanted) TRY(collect(file, name, groups, names));
  json::Value printed{json::Object()};
  printed.set("group", json::Object())
      .set("default", json::Object())
      .set("targets", json::Value(names));
  json::Value& targets = printed.set("target", json::Object());
  std::vector<CommandLine> lines;
  Resolved resolved;
  for (const std::string& name : names) {
    json::Value target = TRY(resolve(file, name, 0, resolved));
    TRY(set_members(target, name, arguments));
    const std::vector<std::string> words =
        TRY(words_of(target, arguments), "target " + quoted(name));
    lines.push_back(TRY(parse(words), "target " + quoted(name)));
    targets.set(name, std::move(target));
  }
  if (arguments.flag("print")) {
    context.print(json::print(printed, json::Style::Indented) + "\n");
    return 0;
  }
  for (const CommandLine& line : lines)
    if (const int status = TRY(cmd_build(context, line.arguments)); status != 0) return status;
  return 0;
}

}  // namespace tare::cli
