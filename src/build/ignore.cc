// SPDX-License-Identifier: Apache-2.0
#include "build/ignore.h"

#include <algorithm>

#include "base/text.h"

namespace tare::build {
namespace {

// As the file means it: without spaces at the ends and '/' before it, clean. '!' stays.
std::string normalized(std::string_view line) {
  std::string_view text = trim(line);
  const bool except = text.starts_with('!');
  if (except) text = trim(text.substr(1));
  std::string path = text.empty() ? "" : clean_path(text);
  if (path.size() > 1 && path[0] == '/') path.erase(0, 1);
  return (except ? "!" : "") + path;
}

}  // namespace

Result<> IgnoreRules::add(std::string_view pattern) {
  Rule rule;
  rule.except = pattern.starts_with('!');
  rule.pattern = pattern.substr(rule.except ? 1 : 0);
  if (rule.pattern.empty()) return fail(Kind::Invalid, "there is no pattern behind '!'");
  rule.glob = TRY(Glob::parse(rule.pattern, GlobStyle::Ignore));
  rules_.push_back(std::move(rule));
  return {};
}

std::string IgnoreRules::escaped_pattern(std::string_view path) {
  std::string pattern;
  for (const char c : path) {
    if (std::string_view("*?[]\\!").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

Result<IgnoreRules> IgnoreRules::parse(const Source& source) {
  IgnoreRules rules;
  for (std::uint32_t number = 1; number <= source.lines(); ++number) {
    std::string_view line = source.line(number);
    if (number == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
    if (line.starts_with('#') || trim(line).empty()) continue;
    if (const Result<> added = rules.add(normalized(line)); !added) {
      const auto end = static_cast<std::uint32_t>(source.line(number).size());
      return std::unexpected(
          source.error({{number, 1}, {number, end + 1}}, added.error().message()));
    }
  }
  return rules;
}

Result<IgnoreRules> IgnoreRules::from_patterns(const std::vector<std::string>& patterns) {
  IgnoreRules rules;
  for (const std::string& pattern : patterns)
    if (!trim(pattern).empty()) TRY(rules.add(normalized(pattern)), quoted(pattern));
  return rules;
}

bool IgnoreRules::has_exceptions() const { return std::ranges::any_of(rules_, &Rule::except); }

bool IgnoreRules::ignores_all() const {
  return std::ranges::any_of(rules_, [](const Rule& rule) {
    return !rule.except && (rule.pattern == "*" || rule.pattern == "**" || rule.pattern == "**/*");
  });
}

bool IgnoreRules::matches_or_parent(const Rule& rule, std::string_view path) {
  if (rule.glob.matches(path)) return true;
  for (std::size_t at = 0; (at = path.find('/', at)) != std::string_view::npos; ++at)
    if (rule.glob.matches(path.substr(0, at))) return true;
  return false;
}

bool IgnoreRules::ignores(std::string_view path) const {
  bool ignored = false;
  for (const Rule& rule : rules_) {
    // A rule that cannot change the answer is not asked.
    if (rule.except == ignored && matches_or_parent(rule, path)) ignored = !rule.except;
  }
  return ignored;
}

bool IgnoreRules::ignores(std::string_view path, const Memory& above, Memory& memory) const {
  bool ignored = false;
  memory.assign(rules_.size(), 0);
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const Rule& rule = rules_[i];
    bool match = !above.empty() && above[i] != 0;
    if (!match && rule.except == ignored)
      match = above.empty() ? matches_or_parent(rule, path) : rule.glob.matches(path);
    memory[i] = match ? 1 : 0;
    if (match) ignored = !rule.except;
  }
  return ignored;
}

bool IgnoreRules::may_except_below(std::string_view folder) const {
  const std::string inside = std::string(folder) + "/";
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    if (!rule.except) return false;
    const std::string& prefix = rule.glob.literal_prefix();
    if (rule.glob.is_literal()) return prefix.starts_with(inside);
    const std::size_t common = std::min(prefix.size(), inside.size());
    return prefix.compare(0, common, inside, 0, common) == 0;
  });
}

std::array<std::string, 2> ignore_files(std::string_view dockerfile) {
  return {std::string(dockerfile) + ".dockerignore", ".dockerignore"};
}

}  // namespace tare::build
