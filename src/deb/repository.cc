// SPDX-License-Identifier: Apache-2.0
#include "deb/repository.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/text.h"
#include "deb/control.h"

namespace tare::deb {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

bool is_yes(std::string_view text) { return text == "yes" || text == "true" || text == "1"; }
bool is_no(std::string_view text) { return text == "no" || text == "false" || text == "0"; }

struct Options {
  std::string signed_by;
  bool checks_end = true;
  bool is_for_us = true;
};

Result<> take_option(Options& options, const std::string& name, std::string_view value,
                     std::string_view architecture) {
  if (name == "signed-by") options.signed_by = value;
  if (name == "check-valid-until") options.checks_end = !is_no(value);
  if (name == "trusted" && is_yes(value))
    return std::unexpected(
        Error(Kind::Unsupported, "a repository that is to be trusted without a signature")
            .hint("give the key that it is signed with: signed-by=FILE, or PKG --key=FILE"));
  if (name == "arch" || name == "architectures") {
    std::string list(value);
    std::ranges::replace(list, ',', ' ');
    const std::vector<std::string> all = words_of(list);
    options.is_for_us = std::ranges::find(all, architecture) != all.end();
  }
  return {};
}

Result<Repository> make_repository(std::string url, std::string suite,
                                   std::vector<std::string> components, const Options& options) {
  const bool is_web = url.starts_with("http://") || url.starts_with("https://");
  if (!is_web)
    return fail(Kind::Unsupported,
                "the repository " + quoted(url) + " is neither http:// nor https://");
  if (!url.ends_with('/')) url += '/';
  if (!is_repository_path(url) || !is_repository_path(suite) ||
      !std::ranges::all_of(components, is_repository_path))
    return fail(Kind::Invalid, quoted(url + " " + suite) + " is no repository");
  Repository made{.url = std::move(url),
                  .suite = std::move(suite),
                  .components = std::move(components),
                  .signed_by = options.signed_by,
                  .checks_end = options.checks_end};
  if (made.components.empty() != made.is_flat())
    return fail(Kind::Invalid, "the repository " + quoted(made.label()) +
                                   (made.is_flat() ? " has components and a path"
                                                   : " has no components, like \"main\""));
  return made;
}

Result<> add_stanza(const Stanza& stanza, std::string_view architecture,
                    std::vector<Repository>& out) {
  const std::vector<std::string> types = words_of(stanza.get("Types"));
  if (is_no(stanza.get("Enabled")) || std::ranges::find(types, "deb") == types.end()) return {};
  Options options;
  for (const char* name : {"Signed-By", "Check-Valid-Until", "Trusted", "Architectures"})
    if (const std::string_view value = stanza.get(name); !value.empty())
      TRY(take_option(options, lower(name), value, architecture));
  if (!options.is_for_us) return {};
  for (const std::string& url : words_of(stanza.get("URIs")))
    for (const std::string& suite : words_of(stanza.get("Suites")))
      out.push_back(TRY(make_repository(url, suite, words_of(stanza.get("Components")), options)));
  return {};
}

}  // namespace

// SECURITY: it becomes part of an address and of paths.
bool is_repository_path(std::string_view text) {
  const auto fits = [](char c) { return c > ' ' && c < 127 && c != '?' && c != '#' && c != '\\'; };
  for (const std::string& part : split(text, '/'))
    if (part == "..") return false;
  return !text.empty() && !text.starts_with('/') && std::ranges::all_of(text, fits);
}

std::string Repository::release_path(std::string_view name) const {
  if (is_flat()) return (suite == "./" || suite == "/" ? "" : suite) + std::string(name);
  return "dists/" + suite + "/" + std::string(name);
}

Result<std::optional<Repository>> parse_repository(std::string_view line,
                                                   std::string_view architecture) {
  line = trim(line);
  Options options;
  if (line.starts_with('[')) {
    const std::size_t end = line.find(']');
    if (end == std::string_view::npos) return fail(Kind::Invalid, quoted(line) + " has no ']'");
    for (const std::string& word : words_of(line.substr(1, end - 1))) {
      const auto pair = split_once(word, '=');
      if (!pair) return fail(Kind::Invalid, quoted(word) + " is no option of a repository");
      std::string value(pair->second);
      if (lower(pair->first) == "signed-by") std::ranges::replace(value, ',', ' ');
      TRY(take_option(options, lower(pair->first), value, architecture));
    }
    line.remove_prefix(end + 1);
  }
  std::vector<std::string> words = words_of(line);
  if (words.size() < 2)
    return fail(Kind::Invalid, quoted(line) + " is no repository: write URL SUITE COMPONENT...");
  if (!options.is_for_us) return std::nullopt;
  return TRY(make_repository(words[0], words[1], {words.begin() + 2, words.end()}, options));
}

Result<std::vector<Repository>> parse_repositories(std::string_view text, bool is_stanzas,
                                                   std::string_view architecture) {
  std::vector<Repository> out;
  if (is_stanzas) {
    StanzaReader reader(text);
    Stanza stanza;
    while (TRY(reader.next(stanza))) TRY(add_stanza(stanza, architecture, out));
    return out;
  }
  for (const std::string& whole : split(text, '\n')) {
    const std::string_view line = trim(std::string_view(whole).substr(0, whole.find('#')));
    const std::string type = line.empty() ? "" : words_of(line)[0];
    if (type != "deb" || line.find("cdrom:") != std::string_view::npos) continue;
    if (auto one = TRY(parse_repository(line.substr(type.size()), architecture)))
      out.push_back(std::move(*one));
  }
  return out;
}

Result<std::int64_t> parse_release_time(std::string_view text) {
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // DAY, D MONTH YEAR HH:MM:SS UTC
  const std::vector<std::string> words = words_of(text);
  const auto bad = [&]() { return fail(Kind::Corrupt, quoted(text) + " is no time of a release"); };
  if (words.size() != 6 || (words[5] != "UTC" && words[5] != "GMT" && words[5] != "+0000"))
    return bad();
  const auto month = std::ranges::find(kMonths, words[2]);
  const std::vector<std::string> clock = split(words[4], ':');
  if (month == kMonths.end() || clock.size() != 3) return bad();
  std::array<std::uint64_t, 5> numbers{};
  const std::array<std::string, 5> texts = {words[1], words[3], clock[0], clock[1], clock[2]};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto number = parse_u64(texts[i]);
    if (!number || *number > 9999) return bad();
    numbers[i] = *number;
  }
  const std::chrono::year_month_day day(
      std::chrono::year(static_cast<int>(numbers[1])),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin() + 1)),
      std::chrono::day(static_cast<unsigned>(numbers[0])));
  if (!day.ok() || numbers[2] > 23 || numbers[3] > 59 || numbers[4] > 60) return bad();
  const std::int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  return days * 86'400 +
         static_cast<std::int64_t>(numbers[2] * 3600 + numbers[3] * 60 + numbers[4]);
}

Result<Release> parse_release(std::string_view text) {
  StanzaReader reader(text);
  Stanza stanza;
  if (!TRY(reader.next(stanza))) return fail(Kind::Corrupt, "the release says nothing");
  Release release{.suite = std::string(stanza.get("Suite")),
                  .codename = std::string(stanza.get("Codename"))};
  if (const std::string_view end = stanza.get("Valid-Until"); !end.empty())
    release.valid_until = TRY(parse_release_time(end));
  release.has_by_hash = is_yes(stanza.get("Acquire-By-Hash"));
  if (is_yes(stanza.get("NotAutomatic")))
    release.priority = is_yes(stanza.get("ButAutomaticUpgrades")) ? 100 : 1;
  for (const std::string& line : split(stanza.get("SHA256"), '\n')) {
    const std::vector<std::string> words = words_of(line);
    if (words.empty()) continue;
    const auto size = words.size() == 3 ? parse_u64(words[1]) : Result<std::uint64_t>(0);
    if (words.size() != 3 || !size)
      return fail(Kind::Corrupt, quoted(line) + " is no file of a release");
    const Digest digest = TRY(Digest::parse("sha256:" + words[0]));
    if (!is_repository_path(words[2]) ||
        !release.files.try_emplace(words[2], ReleaseFile{.digest = digest, .size = *size}).second)
      return fail(Kind::Corrupt, "the release has the file " + quoted(words[2]) + " twice");
  }
  if (release.files.empty()) return fail(Kind::Corrupt, "the release has no SHA256 of its files");
  return release;
}

}  // namespace tare::deb
