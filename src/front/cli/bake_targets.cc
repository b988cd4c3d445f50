// SPDX-License-Identifier: Apache-2.0
#include "front/cli/bake_targets.h"

#include <fnmatch.h>

#include <algorithm>
#include <map>

#include "base/path.h"
#include "base/text.h"
#include "front/cli/bake_members.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

constexpr std::size_t kMostDeep = 64;      // Targets that inherit, one behind the other.
constexpr std::size_t kMostGroups = 256;   // Of one call.
constexpr std::size_t kMostTargets = 256;  // Of one call.

class Planner {
 public:
  explicit Planner(const BakeConfig& config) : config_(config) {}

  Result<> set(const std::vector<std::string>& changes);
  Result<BakePlan> run(const std::vector<std::string>& names);

 private:
  const BakeTarget* target(std::string_view name) const {
    const auto found = std::ranges::find(config_.targets, name, &BakeTarget::name);
    return found == config_.targets.end() ? nullptr : &*found;
  }
  const BakeGroup* group(std::string_view name) const {
    const auto found = std::ranges::find(config_.groups, name, &BakeGroup::name);
    return found == config_.groups.end() ? nullptr : &*found;
  }
  Result<std::vector<std::string>> matching(const std::string& pattern, bool with_groups) const;
  std::unexpected<Error> unknown(const std::string& name) const;
  Result<> set_one(const std::string& text);
  Result<> collect(const std::string& name, std::set<std::string>& groups,
                   std::vector<std::string>& targets) const;
  Result<json::Value> resolve(const std::string& name, std::size_t depth);
  Result<json::Value> finished(const std::string& name);
  Result<> add(const std::string& name, bool is_linked, std::vector<std::string> way);
  void add_groups(const std::vector<std::string>& names, const std::set<std::string>& groups);

  const BakeConfig& config_;
  std::map<std::string, std::vector<BakeChange>> changes_;
  std::map<std::string, json::Value> known_;  // Put together once.
  std::vector<std::string> wanted_;
  std::set<std::string> planned_;
  BakePlan plan_;
};

std::unexpected<Error> Planner::unknown(const std::string& name) const {
  std::vector<std::string> known;
  for (const BakeGroup& each : config_.groups) known.push_back(each.name);
  for (const BakeTarget& each : config_.targets) known.push_back(each.name);
  Error error(Kind::NotFound, "the file has no target and no group " + quoted(name));
  const auto meant = nearest(name, known);
  if (meant) return std::unexpected(std::move(error).hint("is " + quoted(*meant) + " meant?"));
  return std::unexpected(std::move(error).hint("'tare buildx bake --list targets' shows them"));
}

Result<std::vector<std::string>> Planner::matching(const std::string& pattern,
                                                   bool with_groups) const {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (::fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME) == 0) names.push_back(name);
  };
  if (with_groups)
    for (const BakeGroup& each : config_.groups) add(each.name);
  for (const BakeTarget& each : config_.targets) add(each.name);
  if (names.empty()) return fail(Kind::NotFound, "no target is like " + quoted(pattern));
  return names;
}

Result<> Planner::set_one(const std::string& text) {
  const auto pair = split_once(text, '=');
  std::string path(pair ? pair->first : text);
  BakeChange change;
  change.appends = path.ends_with('+');
  if (change.appends) path.pop_back();
  const auto names = split_once(path, '.');
  if (!names) return bad_value("set", text, "write TARGET.MEMBER=VALUE");
  const auto keys = split_once(names->second, '.');
  change.member = keys ? keys->first : names->second;
  change.key = keys ? keys->second : "";
  if (pair) {
    change.value = pair->second;
  } else if (change.member == "args" && !change.key.empty()) {
    const auto value = process_environment(change.key);
    if (!value) return {};
    change.value = *value;
  } else {
    return bad_value("set", text, "write TARGET.MEMBER=VALUE");
  }
  for (const std::string& name : TRY(matching(std::string(names->first), false), "--set")) {
    auto& all = changes_[name];
    change.is_first = std::ranges::find(all, change.member, &BakeChange::member) == all.end();
    all.push_back(change);
  }
  return {};
}

Result<> Planner::set(const std::vector<std::string>& changes) {
  for (const std::string& each : changes) TRY(set_one(each));
  return {};
}

// What `name` stands for: itself, or of a group all members, each once. `groups`: those that were
// looked at.
Result<> Planner::collect(const std::string& name, std::set<std::string>& groups,
                          std::vector<std::string>& targets) const {
  const BakeGroup* found = group(name);
  // A group has itself for a target of the same name.
  if (found != nullptr && groups.insert(name).second) {
    if (groups.size() > kMostGroups) return fail(Kind::Invalid, "too many groups");
    for (const std::string& each : found->targets) TRY(collect(each, groups, targets));
    return {};
  }
  if (found != nullptr && target(name) == nullptr) return {};
  if (target(name) == nullptr) return unknown(name);
  if (std::ranges::find(targets, name) == targets.end()) targets.push_back(name);
  if (targets.size() > kMostTargets) return fail(Kind::Invalid, "too many targets");
  return {};
}

Result<json::Value> Planner::resolve(const std::string& name, std::size_t depth) {
  if (const auto found = known_.find(name); found != known_.end()) return found->second;
  if (depth > kMostDeep)
    return fail(Kind::Invalid, "target " + quoted(name) +
                                   " inherits itself, or from too many one behind the other");
  const BakeTarget* own = target(name);
  if (own == nullptr) return unknown(name);
  json::Value made{json::Object()};
  for (const std::string& base : own->members["inherits"].as_strings())
    merge_bake(made, TRY(resolve(base, depth + 1)));
  merge_bake(made, own->members);
  made.set("inherits", nullptr);
  for (const BakeChange& change : changes_[name])
    TRY(change_bake(made, change), "target " + quoted(name));
  normalize_bake(made);
  known_.emplace(name, made);
  return made;
}

// "./a/../b/" is "b". Of another machine's it is as it is.
std::string clean_place(std::string place) {
  if (place.starts_with("cwd://")) place.erase(0, 6);
  if (place.find("://") != std::string::npos || place.starts_with("git@")) return place;
  return clean_path(place);
}

Result<json::Value> Planner::finished(const std::string& name) {
  json::Value made = TRY(resolve(name, 0));
  if (made["context"].as_string() == "-" || made["dockerfile"].as_string() == "-")
    return fail(Kind::Invalid, "target " + quoted(name) + ": bake takes nothing from its input");
  made.set("context", clean_place(made["context"].as_string()));
  if (made["dockerfile"].as_string().empty()) made.set("dockerfile", "Dockerfile");
  // [reproducible-builds.org, SOURCE_DATE_EPOCH]
  const auto epoch = process_environment("SOURCE_DATE_EPOCH");
  if (epoch && !epoch->empty() && made["args"].find("SOURCE_DATE_EPOCH") == nullptr) {
    json::Value arguments = made["args"];
    arguments.set("SOURCE_DATE_EPOCH", *epoch);
    made.set("args", std::move(arguments));
  }
  return made;
}

Result<> Planner::add(const std::string& name, bool is_linked, std::vector<std::string> way) {
  if (std::ranges::find(way, name) != way.end())
    return fail(Kind::Invalid, "target " + quoted(name) + " needs itself: " + join(way, " -> ") +
                                   " -> " + escaped(name));
  if (planned_.contains(name)) return {};
  if (way.size() > kMostDeep || planned_.size() > kMostTargets)
    return fail(Kind::Invalid, "too many targets");
  way.push_back(name);
  json::Value made = TRY(finished(name));
  if (is_linked) {
    made.set("output", json::Array{json::Object{{"type", json::Value("cacheonly")}}});
    plan_.linked.insert(name);
  }
  json::Value allowed = made["entitlements"];
  for (const auto& [key, place] : made["contexts"].as_object()) {
    if (!place.as_string().starts_with(kTargetContext)) continue;
    const std::string other = place.as_string().substr(kTargetContext.size());
    const bool only_here = std::ranges::find(wanted_, other) == wanted_.end();
    TRY(add(other, only_here, way), "context " + quoted(key) + " of target " + quoted(name));
    // What it needs its user needs.
    const auto its = std::ranges::find(plan_.targets, other, &BakeTarget::name);
    for (const json::Value& each : its->members["entitlements"].as_array()) allowed.push(each);
  }
  if (!allowed.is_null()) made.set("entitlements", std::move(allowed));
  normalize_bake(made);
  planned_.insert(name);
  plan_.targets.push_back({name, ordered_bake(made)});
  return {};
}

// Those that were asked for, and "default", which then is what was.
void Planner::add_groups(const std::vector<std::string>& names,
                         const std::set<std::string>& groups) {
  for (const std::string& name : groups) plan_.groups.push_back(*group(name));
  const auto find_default = [this] {
    return std::ranges::find(plan_.groups, std::string("default"), &BakeGroup::name);
  };
  for (const std::string& name : names) {
    if (name == "default" && find_default() != plan_.groups.end()) continue;
    if (find_default() == plan_.groups.end()) plan_.groups.push_back({"default", "", {}});
    auto& targets = find_default()->targets;
    if (std::ranges::find(targets, name) == targets.end()) targets.push_back(name);
  }
  if (const auto found = find_default(); found != plan_.groups.end())
    std::ranges::sort(found->targets);
}

Result<BakePlan> Planner::run(const std::vector<std::string>& names) {
  std::vector<std::string> asked;
  for (std::string name : names) {
    std::ranges::replace(name, '.', '_');  // As names of services of compose have it.
    const bool is_pattern = name.find_first_of("*?[]") != std::string::npos;
    const std::vector<std::string> found =
        is_pattern ? TRY(matching(name, true)) : std::vector{name};
    for (const std::string& each : found)
      if (std::ranges::find(asked, each) == asked.end()) asked.push_back(each);
  }
  std::set<std::string> groups;
  for (const std::string& name : asked) TRY(collect(name, groups, wanted_));
  for (const std::string& name : wanted_) TRY(add(name, false, {}));
  add_groups(asked, groups);
  return std::move(plan_);
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows[0].size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += row[i] + std::string(widths[i] - row[i].size() + 3, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string value_text(const json::Value& value) {
  return value.is_string() ? value.as_string() : json::print(value);
}

std::string listed_variables(const BakeConfig& config, bool is_json) {
  json::Array list;
  std::vector<std::vector<std::string>> rows{{"VARIABLE", "TYPE", "VALUE", "DESCRIPTION"}};
  for (const BakeVariable& each : config.variables) {
    json::Value row{json::Object()};
    row.set("name", each.name);
    if (!each.description.empty()) row.set("description", each.description);
    if (!each.type.empty()) row.set("type", each.type);
    if (!each.value.is_null()) row.set("value", value_text(each.value));
    list.push_back(std::move(row));
    rows.push_back({each.name, each.type,
                    each.value.is_null() ? "<null>" : escaped(value_text(each.value)),
                    escaped(each.description)});
  }
  return is_json ? json::print(list, json::Style::Indented) + "\n" : table(rows);
}

std::string listed_targets(const BakeConfig& config, bool is_json) {
  struct Row {
    std::string name;
    std::string description;
    bool is_group;
  };
  std::vector<Row> all;
  for (const BakeTarget& each : config.targets)
    all.push_back({each.name, each.members["description"].as_string(), false});
  for (const BakeGroup& each : config.groups) {
    std::vector<std::string> targets = each.targets;
    std::ranges::sort(targets);
    const std::string names = join(targets, ", ");
    all.push_back({each.name,
                   each.description.empty() ? names : each.description + " (" + names + ")", true});
  }
  std::ranges::stable_sort(all, {}, &Row::name);
  json::Array list;
  std::vector<std::vector<std::string>> rows{{"TARGET", "DESCRIPTION"}};
  for (const Row& each : all) {
    if (each.name.starts_with('_')) continue;  // By convention for others to inherit.
    json::Value row{json::Object()};
    row.set("name", each.name);
    if (!each.description.empty()) row.set("description", each.description);
    if (each.is_group) row.set("group", true);
    list.push_back(std::move(row));
    rows.push_back({each.name, escaped(each.description)});
  }
  return is_json ? json::print(list, json::Style::Indented) + "\n" : table(rows);
}

// So that reading it again gives the same.
std::string escaped_template(const std::string& text) {
  std::string made;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = i + 1 < text.size() && text[i + 1] == '{';
    if (begins && (text[i] == '$' || text[i] == '%')) made += text[i];
    made += text[i];
  }
  return made;
}

json::Value escaped_texts(const json::Value& value) {
  if (value.is_string()) return escaped_template(value.as_string());
  json::Value made = value;
  if (value.is_array()) {
    made = json::Array();
    for (const json::Value& each : value.as_array()) made.push(escaped_texts(each));
  }
  for (const auto& [name, each] : value.as_object()) made.set(name, escaped_texts(each));
  return made;
}

}  // namespace

Result<BakePlan> plan_bake(const BakeConfig& config, const std::vector<std::string>& names,
                           const std::vector<std::string>& changes) {
  Planner planner(config);
  TRY(planner.set(changes));
  return planner.run(names);
}

json::Value printed_bake(const BakePlan& plan) {
  std::map<std::string, json::Value> groups;
  for (const BakeGroup& each : plan.groups) {
    json::Value group{json::Object()};
    if (!each.description.empty()) group.set("description", each.description);
    group.set("targets", json::Value(each.targets));
    groups.emplace(each.name, std::move(group));
  }
  std::map<std::string, json::Value> targets;
  for (const BakeTarget& each : plan.targets) {
    json::Value target{json::Object()};
    for (const auto& [name, value] : each.members.as_object()) {
      // [docker buildx 0.29, bake --print]
      const bool is_escaped = name == "args" || name == "labels" || name == "annotations" ||
                              name == "dockerfile-inline" || name == "extra-hosts";
      target.set(name, is_escaped ? escaped_texts(value) : value);
    }
    targets.emplace(each.name, std::move(target));
  }
  json::Value printed{json::Object()};
  if (!groups.empty()) printed.set("group", json::Object(groups.begin(), groups.end()));
  printed.set("target", json::Object(targets.begin(), targets.end()));
  return printed;
}

Result<std::string> listed_bake(const BakeConfig& config, const std::string& what) {
  std::string type = what;
  std::string format = "table";
  if (what.find('=') != std::string::npos) {
    for (const std::string& field : TRY(csv_fields("list", what))) {
      const auto pair = split_once(field, '=');
      if (!pair || (pair->first != "type" && pair->first != "format"))
        return bad_value("list", what, "write type=TYPE,format=FORMAT");
      (pair->first == "type" ? type : format) = pair->second;
    }
  }
  if (format != "table" && format != "json")
    return bad_value("list", what, "formats are table and json");
  if (type == "targets") return listed_targets(config, format == "json");
  if (type == "variables") return listed_variables(config, format == "json");
  return bad_value("list", what, "targets or variables");
}

}  // namespace tare::cli
