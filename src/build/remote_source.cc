// SPDX-License-Identifier: Apache-2.0
#include "build/remote_source.h"

#include <algorithm>

#include "base/text.h"
#include "build/glob.h"

namespace tare::build {
namespace {

bool is_one_of(char c, std::string_view more) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         more.contains(c);
}

// "user@host:path"
bool is_scp_style(std::string_view text) {
  const std::size_t at = text.find('@');
  const std::size_t colon = text.find(':');
  if (at == 0 || at == std::string_view::npos || colon == std::string_view::npos || colon <= at + 1)
    return false;
  const auto fits = [](std::string_view part, std::string_view more) {
    return std::ranges::all_of(part, [&](char c) { return is_one_of(c, more); });
  };
  return fits(text.substr(0, at), "-_") && fits(text.substr(at + 1, colon - at - 1), "-.");
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) {
      return at < text.size() ? std::string_view("0123456789abcdef").find(lower(text.substr(at, 1)))
                              : std::string_view::npos;
    };
    if (text[i] == '%' && digit(i + 1) < 16 && digit(i + 2) < 16) {
      out += static_cast<char>(digit(i + 1) * 16 + digit(i + 2));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string clean_folder(std::string_view text) { return join_path("/", text).substr(1); }

std::unexpected<Error> wrong(std::string what) { return fail(Kind::Invalid, std::move(what)); }

// Sets what may be said once only.
Result<> say(std::string& place, const std::string& value, std::string_view what) {
  if (!place.empty() && place != value)
    return wrong("the address asks for two of " + std::string(what) + ": " + quoted(place) +
                 " and " + quoted(value));
  place = value;
  return {};
}

Result<bool> parse_switch(std::string_view key, std::string_view value) {
  if (value.empty() || value == "1" || value == "true") return true;
  if (value == "0" || value == "false") return false;
  return wrong(quoted(key) + " is true or false, not " + quoted(value));
}

// "refs/tags/" before what does not have it.
std::string below(std::string_view prefix, const std::string& name) {
  return name.starts_with(prefix) ? name : std::string(prefix) + name;
}

Result<> read_option(GitSource& git, const std::string& key, const std::string& value) {
  const bool is_switch = key == "keep-git-dir" || key == "submodules" || key == "fetch-by-commit";
  if (value.empty() && !is_switch) return wrong(quoted(key) + " has no value");
  if (key == "ref") return say(git.ref, value, "ref");
  if (key == "tag") return say(git.ref, below("refs/tags/", value), "ref");
  if (key == "branch") return say(git.ref, below("refs/heads/", value), "ref");
  if (key == "subdir") return say(git.folder, clean_folder(value), "subdir");
  if (key == "checksum" || key == "commit") return say(git.checksum, value, "checksum");
  if (key == "mtime" && (value == "commit" || value == "checkout")) {
    git.commit_times = value == "commit";
    return {};
  }
  if (!is_switch) return wrong("a git address has no " + quoted(key + "=" + value));
  const bool on = TRY(parse_switch(key, value));
  if (key == "keep-git-dir") git.keep_git_dir = on;
  if (key == "submodules") git.submodules = on;
  if (key == "fetch-by-commit") git.fetch_by_commit = on;
  return {};
}

Result<GitSource> parse_git(std::string_view address, std::string_view query,
                            std::string_view fragment) {
  GitSource git{.remote = std::string(address)};
  const auto parts = split_once(fragment, ':');
  git.ref = parts ? parts->first : fragment;
  if (parts) git.folder = clean_folder(parts->second);
  if (query.empty()) return git;
  for (const std::string& option : split(query, '&')) {
    const auto pair = split_once(option, '=');
    TRY(read_option(git, percent_decoded(pair ? pair->first : option),
                    pair ? percent_decoded(pair->second) : ""));
  }
  return git;
}

std::unexpected<Error> failed(const Instruction& instruction, const Range& where,
                              std::string_view what, std::string hint = "") {
  Error error = instruction.error(what, where);
  return std::unexpected(hint.empty() ? std::move(error) : std::move(error).hint(std::move(hint)));
}

}  // namespace

Result<AddSource> parse_add_source(std::string_view text, bool is_context) {
  AddSource source{.text = std::string(text)};
  const auto cut = split_once(text, '#');
  const std::string_view before = cut ? cut->first : text;
  const auto asked = split_once(before, '?');
  const std::string_view address = asked ? asked->first : before;
  const std::size_t scheme_end = address.find("://");
  const std::string scheme =
      scheme_end == std::string_view::npos ? "" : lower(address.substr(0, scheme_end));
  const bool web = scheme == "http" || scheme == "https";
  const bool short_form = is_context && scheme.empty() && address.starts_with("github.com/");
  if (scheme == "git" || scheme == "ssh" || (web && address.ends_with(".git")) || short_form ||
      (scheme.empty() && is_scp_style(address))) {
    source.kind = AddSource::Kind::Git;
    const std::string remote = (short_form ? "https://" : "") + std::string(address);
    source.git = TRY(parse_git(remote, asked ? asked->second : std::string_view(),
                               cut ? cut->second : std::string_view()));
  } else if (web) {
    source.kind = AddSource::Kind::Url;
    const std::string_view rest = address.substr(scheme_end + 3);
    const std::size_t slash = rest.find('/');
    const std::string path =
        slash == std::string_view::npos ? "/" : clean_path(percent_decoded(rest.substr(slash)));
    source.file_name = path == "/" ? "__unnamed__" : path.substr(path.rfind('/') + 1);
  }
  return source;
}

std::string hide_users(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t scheme = text.find("://", at);
    if (scheme == std::string_view::npos) return out += text.substr(at);
    const std::size_t begin = scheme + 3;
    out += text.substr(at, begin - at);
    const std::size_t end = std::min(text.find_first_of("/?# \t\n\"',", begin), text.size());
    const std::size_t user = text.substr(begin, end - begin).rfind('@');
    at = user == std::string_view::npos ? begin : begin + user + 1;
  }
  return out;
}

Result<> check_mode(std::string_view text) {
  const auto refuse = [&] {
    return std::unexpected(Error(Kind::Invalid, quoted(text) + " is no mode")
                               .hint("write an octal number as 755, or u=rwX,go=rX"));
  };
  if (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    const bool octal = text.find_first_of("89") == std::string_view::npos;
    const std::size_t first = std::min(text.find_first_not_of('0'), text.size());
    return octal && !text.empty() && text.size() - first <= 4 ? Result<>() : refuse();
  }
  for (const std::string& clause : split(text, ',')) {
    const std::size_t who = clause.find_first_not_of("ugoa");
    if (who == std::string::npos || !std::string_view("+-=").contains(clause[who])) return refuse();
    if (clause.find_first_not_of("+-=rwxXstugo", who) != std::string::npos) return refuse();
  }
  return {};
}

Result<> check_sources(const Instruction& instruction) {
  const Copy* copy = instruction.as<Copy>();
  const Add* add = instruction.as<Add>();
  if (copy == nullptr && add == nullptr) return {};
  const FileSources& files = copy != nullptr ? copy->files : add->files;
  if (!files.chmod.empty())
    if (const Result<> mode = check_mode(files.chmod.text); !mode)
      return failed(instruction, files.chmod.range, mode.error().message(), mode.error().hint());
  std::size_t remote = 0;
  for (const Text& path : files.paths) {
    const Result<AddSource> source = parse_add_source(path.text);
    if (!source) return failed(instruction, path.range, source.error().message());
    if (source->kind == AddSource::Kind::Path) continue;
    ++remote;
    if (copy != nullptr)
      return failed(instruction, path.range, "COPY fetches nothing", "write ADD");
    const std::optional<bool>& keep = source->git.keep_git_dir;
    if (keep && add->keep_git_dir && *keep != *add->keep_git_dir)
      return failed(instruction, path.range, "'--keep-git-dir' says something else");
    if (!source->git.checksum.empty() && !add->checksum.empty() &&
        source->git.checksum != add->checksum.text)
      return failed(instruction, path.range, "'--checksum' says something else");
  }
  if (add != nullptr && !add->checksum.empty() && (remote != 1 || files.paths.size() != 1))
    return failed(instruction, add->checksum.range,
                  "'--checksum' is for one source that is fetched");
  return {};
}

}  // namespace tare::build
