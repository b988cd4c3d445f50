// SPDX-License-Identifier: Apache-2.0
#include "build/arguments.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace tare::build {

void Variables::set(std::string name, std::string value) {
  const auto found = std::ranges::find(all_, name, &std::pair<std::string, std::string>::first);
  if (found != all_.end())
    found->second = std::move(value);
  else
    all_.emplace_back(std::move(name), std::move(value));
}

void Variables::remove(std::string_view name) {
  std::erase_if(all_, [&](const auto& pair) { return pair.first == name; });
}

std::optional<std::string> Variables::get(std::string_view name) const {
  const auto found = std::ranges::find(all_, name, &std::pair<std::string, std::string>::first);
  return found == all_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> Variables::names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : all_) names.push_back(name);
  return names;
}

Variables platform_variables(const BuildOptions& options, std::string_view target) {
  const oci::Platform& build = options.build_platform;
  const oci::Platform& image = options.target_platform;
  Variables variables;
  const auto define = [&](const char* name, const std::string& value) {
    const auto given = options.arguments.find(name);
    variables.set(name, given == options.arguments.end() ? value : given->second);
  };
  define("BUILDPLATFORM", build.text());
  define("BUILDOS", build.os);
  define("BUILDOSVERSION", "");
  define("BUILDARCH", build.architecture);
  define("BUILDVARIANT", build.variant);
  define("TARGETPLATFORM", image.text());
  define("TARGETOS", image.os);
  define("TARGETOSVERSION", "");
  define("TARGETARCH", image.architecture);
  define("TARGETVARIANT", image.variant);
  define("TARGETSTAGE", target.empty() ? "default" : std::string(target));
  return variables;
}

Result<> define_global(Variables& globals, const Instruction& arg, const BuildOptions& options,
                       char escape) {
  for (const ArgDefinition& definition : arg.as<Arg>()->arguments) {
    const auto given = options.arguments.find(definition.key.text);
    if (given != options.arguments.end()) {
      globals.set(definition.key.text, given->second);
    } else if (definition.value) {
      Result<Expansion> value =
          expand(definition.value->text, globals.lookup(), {.escape = escape});
      if (!value)
        return std::unexpected(arg.error(value.error().message(), definition.value->range));
      globals.set(definition.key.text, std::move(value->text));
    }
  }
  return {};
}

bool is_proxy_variable(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {"http_proxy", "https_proxy", "ftp_proxy",
                                                      "no_proxy", "all_proxy"};
  return std::ranges::find(kNames, lower(name)) != kNames.end();
}

std::vector<std::pair<std::string, std::string>> proxy_variables(const BuildOptions& options) {
  std::vector<std::pair<std::string, std::string>> variables;
  for (const auto& [name, value] : options.arguments)
    if (is_proxy_variable(name)) variables.emplace_back(name, value);
  return variables;
}

}  // namespace tare::build
