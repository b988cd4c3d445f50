// SPDX-License-Identifier: Apache-2.0
#include "trust/secrets.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/text.h"
#include "codec/json.h"

namespace tare::trust {
namespace {

constexpr std::size_t kLeastLine = 20;   // Of a line that is a secret by itself.
constexpr std::size_t kMostLines = 256;  // Of one secret.
constexpr std::size_t kMostBytes = 64 << 10;

std::string percent(std::string_view text, bool upper) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    std::string hex = to_hex(std::string_view(&c, 1));
    if (upper)
      for (char& digit : hex) digit = static_cast<char>(std::toupper(digit));
    out += "%" + hex;
  }
  return out;
}

// Of a text that has `before` bytes before it: without the characters that its neighbours change.
// [RFC 4648 4: three bytes are four characters]
std::string base64_at(std::string_view text, std::size_t before) {
  std::string padded(before, '\0');
  padded += text;
  std::string out = to_base64(padded);
  const std::size_t whole = padded.size() / 3 * 4;
  const std::size_t rest = padded.size() % 3;  // 1: one character of it is ours, 2: two.
  out.resize(whole + rest);
  constexpr std::size_t kForeign[] = {0, 2, 3};
  return out.substr(kForeign[before]);
}

std::string for_urls(std::string text) {
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

// A line that nothing but the secret has: a token, a line of a key.
bool is_telling(std::string_view line) {
  if (line.size() < kLeastLine || line.starts_with("-----")) return false;
  if (line.find("://") != std::string_view::npos) return false;
  bool has_digit = false;
  bool has_letter = false;
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isspace(byte) != 0) return false;
    has_digit = has_digit || std::isdigit(byte) != 0;
    has_letter = has_letter || std::isalpha(byte) != 0;
  }
  return has_digit && has_letter;
}

void add_forms(std::string_view text, std::set<std::string>& forms) {
  std::set<std::string> all{std::string(text), percent(text, true), percent(text, false)};
  const std::string in_json = json::print(json::Value(text));
  all.insert(in_json.substr(1, in_json.size() - 2));
  for (const std::size_t before : {0U, 1U, 2U}) {
    const std::string form = base64_at(text, before);
    all.insert(form);
    all.insert(for_urls(form));
  }
  for (const std::string& form : all)
    if (form.size() >= kLeastSecret) forms.insert(form);
}

}  // namespace

std::vector<std::string> forms_of(std::string_view content) {
  const std::string_view text = trim(content);
  std::set<std::string> forms;
  if (text.size() < kLeastSecret) return {};
  if (text.size() <= kMostBytes) add_forms(text, forms);
  const std::vector<std::string> lines = split(text.substr(0, kMostBytes), '\n');
  for (std::size_t i = 0; lines.size() > 1 && i < lines.size() && i < kMostLines; ++i)
    if (const std::string_view line = trim(lines[i]); is_telling(line)) add_forms(line, forms);
  return {forms.begin(), forms.end()};
}

namespace {

constexpr std::string_view kWord = "a-zA-Z0-9";
constexpr std::string_view kWordAndLine = "a-zA-Z0-9_-";

// Forms from their makers' own documents. Those that test files of packages have on purpose are
// not told apart: whoever pushes knows.
constexpr SecretPattern kPatterns[] = {
    {.name = "a private key",
     .begin = "-----BEGIN ",
     .characters = "A-Z -",
     .least = 12,
     .most = 0,
     .end = "PRIVATE KEY-----",
     .why = "whoever has it is its owner [RFC 7468]"},
    {.name = "an AWS access key",
     .begin = "AKIA",
     .characters = "A-Z2-7",
     .least = 16,
     .most = 16,
     .why = "names an account, and its secret is often near [AWS IAM, unique identifiers]"},
    {.name = "a GitHub token",
     .begin = "ghp_",
     .characters = kWord,
     .least = 36,
     .most = 36,
     .why = "acts as its user [GitHub, token formats]"},
    {.name = "a GitHub token",
     .begin = "gho_",
     .characters = kWord,
     .least = 36,
     .most = 36,
     .why = "acts as its user"},
    {.name = "a GitHub token",
     .begin = "ghs_",
     .characters = kWord,
     .least = 36,
     .most = 36,
     .why = "acts as an application"},
    {.name = "a GitHub token",
     .begin = "github_pat_",
     .characters = "a-zA-Z0-9_",
     .least = 82,
     .most = 82,
     .why = "acts as its user"},
    {.name = "a GitLab token",
     .begin = "glpat-",
     .characters = kWordAndLine,
     .least = 20,
     .most = 64,
     .why = "acts as its user [GitLab, token prefixes]"},
    {.name = "a Slack token",
     .begin = "xoxb-",
     .characters = "a-zA-Z0-9-",
     .least = 30,
     .most = 120,
     .why = "acts as a bot [Slack, token types]"},
    {.name = "a Slack token",
     .begin = "xoxp-",
     .characters = "a-zA-Z0-9-",
     .least = 30,
     .most = 120,
     .why = "acts as its user"},
    {.name = "an npm token",
     .begin = "npm_",
     .characters = kWord,
     .least = 36,
     .most = 36,
     .why = "publishes packages [npm, access tokens]"},
    {.name = "a PyPI token",
     .begin = "pypi-AgEIcHlwaS5vcmc",
     .characters = kWordAndLine,
     .least = 50,
     .most = 0,
     .why = "publishes packages [PyPI, API tokens]"},
    {.name = "a Stripe key",
     .begin = "sk_live_",
     .characters = kWord,
     .least = 24,
     .most = 128,
     .why = "moves money [Stripe, API keys]"},
};

bool is_of(std::string_view characters, char c) {
  for (std::size_t i = 0; i < characters.size(); ++i) {
    if (i + 2 < characters.size() && characters[i + 1] == '-') {
      if (c >= characters[i] && c <= characters[i + 2]) return true;
      i += 2;
    } else if (c == characters[i]) {
      return true;
    }
  }
  return false;
}

constexpr std::size_t kReach = 256;

}  // namespace

std::span<const SecretPattern> secret_patterns() { return kPatterns; }

bool matches(const SecretPattern& pattern, std::string_view rest) {
  std::string_view behind = rest.substr(pattern.begin.size(), kReach);
  std::size_t count = 0;
  while (count < behind.size() && is_of(pattern.characters, behind[count])) ++count;
  if (count < pattern.least || (pattern.most != 0 && count > pattern.most)) return false;
  return behind.substr(0, count).find(pattern.end) != std::string_view::npos;
}

TextSearch search_for_patterns() {
  std::vector<std::string> needles;
  for (const SecretPattern& each : kPatterns) needles.emplace_back(each.begin);
  return TextSearch(std::move(needles), kReach);
}

}  // namespace tare::trust
