// SPDX-License-Identifier: Apache-2.0
// buildx bake: several builds, as files of HCL or JSON name them. [docker buildx bake reference]
#include <pwd.h>
#include <unistd.h>

#include <map>

#include "base/text.h"
#include "front/cli/bake_build.h"
#include "front/cli/bake_targets.h"
#include "front/cli/command_builder.h"
#include "front/cli/handlers.h"
#include "front/cli/request.h"
#include "oci/image_config.h"
#include "sys/files.h"

namespace tare::cli {
namespace {

// Later ones over earlier ones. [docker buildx bake reference, "File lookup order"]
constexpr const char* kUsualFiles[] = {"docker-bake.json", "docker-bake.hcl",
                                       "docker-bake.override.json", "docker-bake.override.hcl"};

// [docker buildx, BUILDX_BAKE_FILE]
std::vector<std::string> files_of_environment() {
  std::vector<std::string> names;
  const std::string separator = process_environment("BUILDX_BAKE_PATH_SEPARATOR").value_or("");
  const auto value = process_environment("BUILDX_BAKE_FILE");
  if (!value) return names;
  for (const std::string& each : split(*value, separator.empty() ? ':' : separator[0]))
    if (!trim(each).empty()) names.emplace_back(trim(each));
  return names;
}

Result<std::vector<BakeText>> read_files(const Arguments& arguments) {
  std::vector<BakeText> texts;
  std::vector<std::string> names = arguments.list("file");
  if (names.empty()) names = files_of_environment();
  for (std::string name : names) {
    if (name.starts_with("cwd://")) name.erase(0, 6);
    if (name == "-") {
      texts.push_back({name, TRY(sys::read_all(0, hcl::kMaxBytes), "read standard input")});
      continue;
    }
    auto text = read_user_file(name);
    if (!text) return std::unexpected(std::move(text).error().hint("the file is given with -f"));
    texts.push_back({name, std::move(*text)});
  }
  if (!names.empty()) return texts;
  for (const char* name : kUsualFiles) {
    auto text = read_user_file(name);
    if (!text && text.error().kind() == Kind::NotFound) continue;
    texts.push_back({name, TRY(std::move(text))});
  }
  if (texts.empty())
    return std::unexpected(
        Error(Kind::NotFound, "there is no docker-bake.hcl and no docker-bake.json here")
            .hint("another file is given with -f; compose files are not read"));
  return texts;
}

std::string home_directory() {
  if (const auto home = process_environment("HOME")) return *home;
  const passwd* user = ::getpwuid(::getuid());
  return user != nullptr ? user->pw_dir : "/";
}

Result<BakeInputs> inputs_of(const Arguments& arguments) {
  std::map<std::string, std::string> given;
  for (const std::string& text : arguments.list("var")) {
    const auto pair = split_once(text, '=');
    if (!pair || pair->first.empty()) return bad_value("var", text, "write NAME=VALUE");
    given[std::string(pair->first)] = pair->second;
  }
  BakeInputs inputs;
  inputs.given = [given](const std::string& name) {
    const auto found = given.find(name);
    return found != given.end() ? std::optional(found->second) : process_environment(name);
  };
  inputs.constants = {{"BAKE_CMD_CONTEXT", "cwd://"},
                      {"BAKE_LOCAL_PLATFORM", "linux/" + oci::host_architecture()}};
  inputs.computing.now = now_ns();
  inputs.computing.home = home_directory();
  return inputs;
}

Result<BakeConfig> load(const Arguments& arguments) {
  const std::vector<BakeText> texts = TRY(read_files(arguments));
  const hcl::Body body = TRY(parse_bake(texts));
  return evaluate_bake(body, TRY(inputs_of(arguments)));
}

// The options that say the same of all targets.
Result<std::vector<std::string>> changes_of(const Arguments& arguments) {
  std::vector<std::string> changes = arguments.list("set");
  for (const char* option : {"push", "load"})
    if (arguments.flag(option)) changes.push_back(std::string("*.") + option + "=true");
  for (const char* option : {"no-cache", "pull"})
    if (arguments.given(option))
      changes.push_back(std::string("*.") + option + "=" +
                        (arguments.flag(option) ? "true" : "false"));
  for (const std::string option : {"sbom", "provenance"}) {
    const auto value = arguments.value(option);
    if (!value) continue;
    const bool is_switch = *value == "true" || *value == "false";
    changes.push_back(
        "*.attest=type=" + option + "," +
        (is_switch ? std::string("disabled=") + (*value == "true" ? "false" : "true") : *value));
  }
  std::string call = arguments.value_or("call", "");
  if (arguments.flag("check")) call = "check";
  if (!call.empty()) changes.push_back("*.call=" + call);
  return changes;
}

}  // namespace

Result<int> cmd_builder_bake(Context& context, const Arguments& arguments) {
  const BakeConfig config = TRY(load(arguments));
  if (const auto what = arguments.value("list")) {
    context.print(TRY(listed_bake(config, *what)));
    return 0;
  }
  std::vector<std::string> names = arguments.operands;
  if (names.empty()) names.emplace_back("default");
  if (names[0].find("://") != std::string::npos)
    return fail(Kind::Unsupported, quoted(names[0]) + ": files for bake are read from here only");
  const std::vector<std::string> changes = TRY(changes_of(arguments));
  const BakePlan plan = TRY(plan_bake(config, names, changes));
  if (arguments.flag("print")) {
    context.print(json::print(printed_bake(plan), json::Style::Indented) + "\n");
    return 0;
  }
  return build_bake(context, arguments, plan);
}

}  // namespace tare::cli
