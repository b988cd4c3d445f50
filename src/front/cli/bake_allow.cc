// SPDX-License-Identifier: Apache-2.0
#include "front/cli/bake_allow.h"

#include <limits.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "front/cli/bake_members.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

struct Use {
  std::string path;
  bool writes = false;
};

// Links followed, as far as it is there; what is not there has no "..".
Result<std::string> whole(const std::string& path) {
  char buffer[PATH_MAX];
  std::string there = path.starts_with('/') ? path : "./" + path;
  std::string rest;
  while (::realpath(there.c_str(), buffer) == nullptr) {
    while (there.size() > 1 && there.ends_with('/')) there.pop_back();
    const std::size_t slash = there.rfind('/');
    const std::string name = there.substr(slash + 1);
    struct stat info{};
    // A link that leads nowhere leads there when something is written to it.
    if (slash == std::string::npos || name == ".." || ::lstat(there.c_str(), &info) == 0)
      return fail(Kind::Invalid, quoted(path) + " is a place that cannot be told");
    rest = "/" + name + rest;
    there = slash == 0 ? "/" : there.substr(0, slash);
  }
  std::string found = buffer;
  if (rest.empty()) return found;
  return (found == "/" ? "" : found) + rest;
}

bool is_elsewhere(std::string_view place) {
  return place.find("://") != std::string_view::npos || place.starts_with("git@") ||
         place.starts_with(kTargetContext);
}

void add_place(std::vector<Use>& uses, std::string place) {
  if (place.starts_with("cwd://")) place.erase(0, 6);
  if (place.starts_with("oci-layout://")) {
    place.erase(0, 13);
    place.resize(std::min(place.find_first_of(":@", place.rfind('/') + 1), place.size()));
  }
  if (!is_elsewhere(place)) uses.push_back({place, false});
}

void add_entries(std::vector<Use>& uses, std::string_view member, const json::Value& entries) {
  for (const json::Value& entry : entries.as_array()) {
    if (member == "ssh")
      for (const std::string& path : entry["paths"].as_strings()) uses.push_back({path, false});
    const std::string& from = entry["src"].as_string();
    const std::string& to = entry["dest"].as_string();
    const bool is_local = entry["type"] == json::Value("local");
    // Without a source the id is one, too. [build --secret]
    if (member == "secret" && from.empty() && entry.find("env") == nullptr)
      uses.push_back({entry["id"].as_string(), false});
    if (!from.empty() && (member == "secret" || (member == "cache-from" && is_local)))
      uses.push_back({from, false});
    if (!to.empty() && to != "-" && (member == "output" || (member == "cache-to" && is_local)))
      uses.push_back({to, true});
  }
}

std::vector<Use> uses_of(const json::Value& target) {
  std::vector<Use> uses;
  const std::string& context = target["context"].as_string();
  add_place(uses, context);
  for (const auto& [name, place] : target["contexts"].as_object())
    add_place(uses, place.as_string());
  std::string file = target["dockerfile"].as_string();
  if (target.find("dockerfile-inline") == nullptr && !is_elsewhere(context)) {
    const bool is_below = !file.starts_with('/') && !file.starts_with("cwd://");
    add_place(uses, is_below ? context + "/" + file : file);
  }
  for (const auto& [name, value] : target.as_object()) add_entries(uses, name, value);
  return uses;
}

// Where it may be: directories and files, whole paths.
struct Grants {
  std::vector<std::string> reads;
  std::vector<std::string> writes;

  bool has(const std::string& path, bool writes_it) const {
    return std::ranges::any_of(writes_it ? writes : reads, [&](const std::string& each) {
      return each == "*" || each == "/" || path == each || path.starts_with(each + "/");
    });
  }
};

Result<> add_grant(Grants& grants, const std::string& path, bool reads, bool writes) {
  const std::string place = path == "*" ? path : TRY(whole(path), "--allow");
  if (reads) grants.reads.push_back(place);
  if (writes) grants.writes.push_back(place);
  return {};
}

// What is said on the command line is the user's own.
Result<> add_set(Grants& grants, const std::string& change) {
  const auto pair = split_once(change, '=');
  const auto path = pair ? split_once(pair->first, '.') : std::nullopt;
  if (!path) return {};
  std::string_view name = path->second.substr(0, path->second.find_first_of(".+"));
  if (name == "secrets") name = "secret";
  const BakeMember* member = find_bake_member(name);
  if (member == nullptr || member->form != BakeMember::Form::Entries) return {};
  std::vector<Use> uses;
  const json::Value list{json::Array{json::Value(std::string(pair->second))}};
  add_entries(uses, name, TRY(bake_value(*member, list), "--set"));
  for (const Use& use : uses) TRY(add_grant(grants, use.path, !use.writes, use.writes));
  return {};
}

Result<Grants> grants_of(const Arguments& arguments) {
  Grants grants;
  TRY(add_grant(grants, ".", true, true));
  for (const std::string& text : arguments.list("allow")) {
    const auto pair = split_once(text, '=');
    if (!pair) continue;
    const std::string path(pair->second);
    if (pair->first == "fs") TRY(add_grant(grants, path, true, true));
    if (pair->first == "fs.read") TRY(add_grant(grants, path, true, false));
    if (pair->first == "fs.write") TRY(add_grant(grants, path, false, true));
  }
  for (const std::string& change : arguments.list("set")) TRY(add_set(grants, change));
  return grants;
}

std::unexpected<Error> denied(const BakeTarget& target, const std::string& does,
                              const std::string& option) {
  return std::unexpected(
      Error(Kind::Denied, "target " + quoted(target.name) + " " + does + ", which was not allowed")
          .hint("--allow " + escaped(option) + ", if you trust this file"));
}

Result<> check_target(const BakeTarget& target, const Arguments& arguments, const Grants& grants) {
  const std::vector<std::string> allowed = arguments.list("allow");
  for (const std::string& what : target.members["entitlements"].as_strings())
    if (std::ranges::find(allowed, what) == allowed.end())
      return denied(target, "needs " + quoted(what), what);
  const bool needs_leave = std::ranges::find(allowed, "ssh") == allowed.end();
  for (const json::Value& entry : target.members["ssh"].as_array())
    if (needs_leave && entry["paths"].as_array().empty())
      return denied(target, "uses your SSH agent", "ssh");
  // [docker buildx, BUILDX_BAKE_ENTITLEMENTS_FS]
  const auto looks = process_environment("BUILDX_BAKE_ENTITLEMENTS_FS");
  if (looks == "0" || looks == "false") return {};
  for (const Use& use : uses_of(target.members)) {
    const std::string path = TRY(whole(use.path), "target " + quoted(target.name));
    if (!grants.has(path, use.writes))
      return denied(target, (use.writes ? "writes " : "reads ") + quoted(path),
                    (use.writes ? "fs.write=" : "fs.read=") + path);
  }
  return {};
}

}  // namespace

Result<> check_allowed(const BakePlan& plan, const Arguments& arguments) {
  const Grants grants = TRY(grants_of(arguments));
  for (const BakeTarget& target : plan.targets) TRY(check_target(target, arguments, grants));
  return {};
}

}  // namespace tare::cli
