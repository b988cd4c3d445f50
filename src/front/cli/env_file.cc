// SPDX-License-Identifier: Apache-2.0
// -e, --env-file, --label-file.
#include <fcntl.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

constexpr std::size_t kMaxFile = 4 << 20;

}  // namespace

Result<std::string> read_user_file(const std::string& path) {
  const sys::Fd file = TRY(sys::open_path(path, O_RDONLY));
  return TRY(sys::read_all(file.get(), kMaxFile), "read " + quoted(path));
}

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<std::optional<std::string>> resolve_variable(std::string_view text,
                                                    const Environment& environment) {
  const std::size_t equals = text.find('=');
  if (text.empty() || equals == 0)
    return fail(Kind::Invalid, quoted(text) + " is not an environment variable: write NAME=VALUE");
  if (equals != std::string_view::npos) return std::string(text);
  const std::string name(text);
  const auto value = environment(name);
  if (!value) return std::optional<std::string>();
  return name + "=" + *value;
}

Result<std::vector<std::string>> parse_variable_file(std::string_view content,
                                                     std::string_view name,
                                                     const Environment* environment) {
  std::vector<std::string> variables;
  if (content.starts_with("\xef\xbb\xbf")) content.remove_prefix(3);  // Byte order mark.
  std::size_t number = 0;
  for (const std::string& raw : split(content, '\n')) {
    ++number;
    std::string_view line = raw;
    if (line.ends_with('\r')) line.remove_suffix(1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t\v\f\r"), line.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const auto bad = [&](const std::string& why) {
      return fail(Kind::Invalid,
                  "line " + std::to_string(number) + " of " + quoted(name) + ": " + why);
    };
    const std::string_view key = line.substr(0, line.find('='));
    if (line.find('\0') != std::string_view::npos) return bad("it holds a zero byte");
    if (key.empty()) return bad("there is no name before the =");
    if (key.find_first_of(" \t\v\f") != std::string_view::npos)
      return bad("the name " + quoted(key) + " has white space in it");
    if (key.size() < line.size() || environment == nullptr) {
      variables.emplace_back(line);
    } else if (const auto value = (*environment)(std::string(key))) {
      variables.push_back(std::string(key) + "=" + *value);
    }
  }
  return variables;
}

Result<std::vector<std::string>> environment_of(const Arguments& arguments) {
  const Environment environment = process_environment;
  std::vector<std::string> all;
  for (const std::string& file : arguments.list("env-file")) {
    const std::string content = TRY(read_user_file(file), "--env-file");
    for (std::string& variable : TRY(parse_variable_file(content, file, &environment)))
      all.push_back(std::move(variable));
  }
  for (const std::string& text : arguments.list("env"))
    if (auto variable = TRY(resolve_variable(text, environment), "--env"))
      all.push_back(std::move(*variable));
  return all;
}

}  // namespace tare::cli
