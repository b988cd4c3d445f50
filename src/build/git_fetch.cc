// SPDX-License-Identifier: Apache-2.0
#include "build/git_fetch.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "build/git_keep.h"
#include "build/git_tree.h"

namespace tare::build {
namespace {

constexpr int kMaxDepth = 10;                          // Of submodules in submodules,
constexpr std::size_t kMaxModules = 256;               // and of them all.
constexpr std::int64_t kLastSecond = 253'402'300'799;  // Of the year 9999.

// "https" of "https://host/x"; "ssh" of "git@host:x".
std::string scheme_of(std::string_view remote) {
  const std::size_t end = remote.find("://");
  return end == std::string_view::npos ? "ssh" : lower(remote.substr(0, end));
}

// Without user and port.
std::string host_of(std::string_view remote) {
  const std::size_t scheme = remote.find("://");
  std::string_view host = scheme == std::string_view::npos ? remote : remote.substr(scheme + 3);
  host = host.substr(0, host.find_first_of(scheme == std::string_view::npos ? ":/" : "/"));
  if (const std::size_t at = host.rfind('@'); at != std::string_view::npos)
    host.remove_prefix(at + 1);
  if (host.starts_with('[')) return std::string(host.substr(0, host.find(']') + 1));
  return lower(host.substr(0, host.find(':')));
}

bool is_web(const std::string& remote) {
  const std::string scheme = scheme_of(remote);
  return scheme == "http" || scheme == "https";
}

// SECURITY: what git would take for an option, or a host that ssh would. [CVE-2017-1000117]
Result<> check_remote(const std::string& remote) {
  const auto bad = [&](const char* why) {
    return fail(Kind::Invalid, "the repository " + quoted(hide_users(remote)) + " " + why);
  };
  const std::string scheme = scheme_of(remote);
  if (scheme != "https" && scheme != "http" && scheme != "ssh" && scheme != "git")
    return bad("is not reached by https, http, ssh or git");
  if (!std::ranges::all_of(remote, [](char c) { return c > ' ' && c != '\x7f'; }))
    return bad("has an address with odd characters");
  const std::size_t start = remote.find("://");
  const std::string_view rest =
      std::string_view(remote).substr(start == std::string::npos ? 0 : start + 3);
  if (rest.starts_with('-') || host_of(remote).empty() || host_of(remote).starts_with('-') ||
      rest.find(":-") != std::string_view::npos)
    return bad("has an address that looks like an option");
  return {};
}

bool is_this_machine(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

// Where the user of a web address begins and ends.
std::string user_of(const std::string& remote) {
  const std::string without = hide_users(remote);
  if (!is_web(remote) || without.size() == remote.size()) return "";
  return remote.substr(remote.find("://") + 3, remote.size() - without.size() - 1);
}

class Repositories {
 public:
  explicit Repositories(const GitWish& wish) : wish_(wish) {}

  Result<GitCommit> find();
  Result<> write(const GitCommit& commit, codec::Sink& sink);

 private:
  struct Repository {
    std::string name;    // Of its directory.
    std::string remote;  // Without a user, of the web.
    std::string prefix;  // Of its files.
    std::string folder;
    std::string commit;
    std::vector<TreeEntry> entries;
  };

  Result<GitPlace> place_for(const std::string& remote) const;
  std::string authorization(const std::string& remote) const;
  Result<> get(const Repository& repository, const std::string& ref, const GitPlace& place);
  Result<> add(Repository repository, const std::string& ref, int depth);
  Result<> add_modules(std::size_t index, int depth);
  Result<> write_files(tar::Writer& writer, const Repository& repository, UnixNanos time);
  Result<UnixNanos> time_of(const Repository& repository);

  const GitWish& wish_;
  std::vector<Repository> all_;
};

// What is told to the server as "Authorization", if anything. A secret for one host is for that
// one; one for any is for the host of the source, not for those of its submodules.
// [BuildKit frontend 1.20, "Git authentication": GIT_AUTH_TOKEN, GIT_AUTH_HEADER]
std::string Repositories::authorization(const std::string& remote) const {
  const std::string host = host_of(remote);
  if (!is_web(remote) || (scheme_of(remote) == "http" && !is_this_machine(host))) return "";
  const auto find = [&](const std::string& name) {
    const auto found = wish_.secrets.find(name);
    return found == wish_.secrets.end() ? "" : std::string(trim(found->second));
  };
  if (const std::string user = user_of(remote); !user.empty()) return "Basic " + to_base64(user);
  std::vector<std::string> names = {"." + host};
  if (host == host_of(wish_.source.remote)) names.emplace_back("");
  for (const std::string& name : names) {
    if (const std::string header = find("GIT_AUTH_HEADER" + name); !header.empty()) return header;
    if (const std::string token = find("GIT_AUTH_TOKEN" + name); !token.empty())
      return "Basic " + to_base64("x-access-token:" + token);
  }
  return "";
}

Result<GitPlace> Repositories::place_for(const std::string& remote) const {
  GitPlace place = wish_.place;
  if (const std::string header = authorization(remote); !header.empty()) {
    const std::string address = hide_users(remote);
    const std::size_t end = address.find('/', address.find("://") + 3);
    place.settings["http." + address.substr(0, end) + "/.extraHeader"] = "Authorization: " + header;
    // git would tell it to whom it is redirected.
    place.settings["http.followRedirects"] = "false";
  }
  if (scheme_of(remote) == "ssh") {
    if (wish_.agent.empty())
      return std::unexpected(
          Error(Kind::Denied, quoted(remote) + " is reached by ssh, and there is no agent for it")
              .hint("--ssh default gives the build the agent of SSH_AUTH_SOCK"));
    place.environment["SSH_AUTH_SOCK"] = wish_.agent;
    place.readable.push_back(wish_.agent);
  }
  return place;
}

Error explained(Error error, const std::string& remote, bool has_secret) {
  const std::string text = lower(error.message());
  const std::string what = "repository " + quoted(hide_users(remote));
  const auto says = [&](std::string_view words) { return text.contains(words); };
  if (says("authentication failed") || says("could not read username") ||
      says("terminal prompts") || says("error: 403"))
    return Error(Kind::Denied, std::move(error).wrap(what).message())
        .hint(has_secret ? "the secret may not be what the server wants"
                         : "a token is given with --secret id=GIT_AUTH_TOKEN,env=NAME");
  if (says("not found") || says("does not exist"))
    return {Kind::NotFound, std::move(error).wrap(what).message()};
  if (says("host key verification failed"))
    return Error(Kind::Denied, std::move(error).wrap(what).message())
        .hint("the host's key belongs into ~/.ssh/known_hosts");
  if (has_secret && says("redirect"))
    return Error(Kind::Denied, std::move(error).wrap(what).message())
        .hint("no redirection is followed with a secret: write the address that it leads to");
  return std::move(error).wrap(what);
}

Result<GitCommit> Repositories::find() {
  const GitSource& source = wish_.source;
  TRY(check_remote(source.remote));
  GitCommit commit;
  if (source.fetch_by_commit) {
    if (!is_commit_id(source.checksum))
      return fail(Kind::Invalid, "fetch-by-commit wants a whole commit as checksum");
    commit.id = source.checksum;
    return commit;
  }
  if (!source.ref.empty() && !is_ref_name(source.ref))
    return fail(Kind::Invalid, quoted(source.ref) + " is no branch, tag or commit");
  if (is_commit_id(source.ref)) {
    commit.id = source.ref;
  } else {
    const GitPlace place = TRY(place_for(source.remote));
    const std::string address = is_web(source.remote) ? hide_users(source.remote) : source.remote;
    std::vector<std::string> words = {"ls-remote", "--symref", "--", address};
    if (source.ref.empty())
      words.emplace_back("HEAD");
    else
      words.insert(words.end(), {source.ref, source.ref + "^{}"});
    auto listed = run_git(place, words);
    if (!listed)
      return std::unexpected(explained(listed.error(), source.remote, !place.settings.empty()));
    const auto chosen = choose_ref(TRY(parse_remote_refs(*listed)), source.ref);
    if (!chosen)
      return fail(Kind::NotFound, "repository " + quoted(hide_users(source.remote)) + " has no " +
                                      (source.ref.empty() ? "default branch" : quoted(source.ref)));
    commit = {.id = chosen->id, .ref = chosen->name == "HEAD" ? chosen->target : chosen->name};
  }
  const std::string& wanted = source.checksum;
  constexpr std::size_t kLeastDigits = 7;
  if (!wanted.empty() && (wanted.size() < kLeastDigits || !commit.id.starts_with(wanted)))
    return fail(Kind::Corrupt, (source.ref.empty() ? "the default branch" : quoted(source.ref)) +
                                   " of " + quoted(hide_users(source.remote)) + " is commit " +
                                   commit.id + ", but " + wanted + " was asked for");
  return commit;
}

// Only what is needed, where the server gives that; else all of it.
Result<> Repositories::get(const Repository& repository, const std::string& ref,
                           const GitPlace& place) {
  const std::string dir = "--git-dir=" + repository.name;
  std::vector<std::string> init = {"init", "--bare", "--quiet", "--template="};
  if (repository.commit.size() == 64) init.emplace_back("--object-format=sha256");
  init.push_back(repository.name);
  (void)TRY(run_git(place, init));
  std::vector<std::vector<std::string>> ways = {
      {"--depth=1", "--", repository.remote, repository.commit + ":refs/tare/commit"}};
  // A tag's own object is wanted only where the repository is kept.
  if (!ref.empty())
    ways.insert(wish_.keep_git_dir ? ways.begin() : ways.end(),
                {"--depth=1", "--", repository.remote, "+" + ref + ":refs/tare/ref"});
  ways.push_back({"--", repository.remote, "+refs/heads/*:refs/tare/heads/*",
                  "+refs/tags/*:refs/tare/tags/*"});
  std::optional<Error> problem;
  for (const auto& way : ways) {
    std::vector<std::string> words = {
        dir, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"};
    words.insert(words.end(), way.begin(), way.end());
    const auto done = run_git(place, words);
    if (done && run_git(place, {dir, "cat-file", "-e", repository.commit + "^{commit}"})) return {};
    if (done) {
      problem.reset();
      continue;
    }
    problem = done.error();
    const std::string text = lower(problem->message());
    const auto says = [&](std::string_view part) { return text.contains(part); };
    if (!says("not our ref") && !says("unadvertised") && !says("shallow") && !says("not allow") &&
        !says("couldn't find remote ref"))
      break;
  }
  if (problem)
    return std::unexpected(explained(*problem, repository.remote, !place.settings.empty()));
  return fail(Kind::NotFound,
              "repository " + quoted(repository.remote) + " has no commit " + repository.commit);
}

Result<> Repositories::add(Repository repository, const std::string& ref, int depth) {
  if (depth > kMaxDepth || all_.size() > kMaxModules)
    return fail(Kind::Invalid, "there are too many submodules, or submodules in submodules");
  TRY(check_remote(repository.remote));
  const GitPlace place = TRY(place_for(repository.remote));
  if (is_web(repository.remote)) repository.remote = hide_users(repository.remote);
  repository.name = "r" + std::to_string(all_.size());
  TRY(get(repository, ref, place));
  const std::string dir = "--git-dir=" + repository.name;
  std::string tree = repository.commit;
  if (!repository.folder.empty()) tree += ":" + repository.folder;
  auto listed = run_git(wish_.place, {dir, "ls-tree", "-r", "-z", "--full-tree", tree}, 1 << 30);
  if (!listed && !repository.folder.empty())
    return fail(Kind::NotFound, "repository " + quoted(repository.remote) + " has no folder " +
                                    quoted(repository.folder) + " in commit " + repository.commit);
  const std::string text = TRY(std::move(listed));
  repository.entries = TRY(parse_tree(text), "repository " + quoted(repository.remote));
  all_.push_back(std::move(repository));
  if (wish_.source.submodules.value_or(true)) TRY(add_modules(all_.size() - 1, depth));
  return {};
}

Result<> Repositories::add_modules(std::size_t index, int depth) {
  std::vector<TreeEntry> modules;
  std::ranges::copy_if(
      all_[index].entries, std::back_inserter(modules),
      [](const TreeEntry& entry) { return entry.type == TreeEntry::Type::Module; });
  if (modules.empty()) return {};
  const Repository from = {.name = all_[index].name,
                           .remote = all_[index].remote,
                           .prefix = all_[index].prefix,
                           .folder = all_[index].folder,
                           .commit = all_[index].commit,
                           .entries = {}};
  const auto text = run_git(wish_.place, {"--git-dir=" + from.name, "config", "--list", "-z",
                                          "--blob=" + from.commit + ":.gitmodules"});
  const std::vector<Module> known = parse_modules(text.value_or(""));
  for (const TreeEntry& entry : modules) {
    const std::string path = from.folder.empty() ? entry.path : from.folder + "/" + entry.path;
    const auto found = std::ranges::find(known, path, &Module::path);
    if (found == known.end() || found->url.empty())
      return std::unexpected(Error(Kind::Invalid, "repository " + quoted(from.remote) +
                                                      " does not say where its submodule " +
                                                      quoted(path) + " is")
                                 .hint("'?submodules=false' in the address leaves submodules out"));
    std::string remote = TRY(module_address(from.remote, found->url));
    TRY(add({.name = "",
             .remote = std::move(remote),
             .prefix = from.prefix + entry.path + "/",
             .folder = "",
             .commit = entry.id,
             .entries = {}},
            "", depth + 1),
        "submodule " + quoted(path));
  }
  return {};
}

Result<UnixNanos> Repositories::time_of(const Repository& repository) {
  const std::string text =
      TRY(run_git(wish_.place, {"--git-dir=" + repository.name, "show", "-s", "--format=%ct",
                                "--no-show-signature", repository.commit, "--"}));
  const auto seconds = parse_u64(trim(text));
  if (!seconds) return 0;
  return static_cast<UnixNanos>(std::min<std::uint64_t>(*seconds, kLastSecond)) * 1'000'000'000;
}

Result<> Repositories::write_files(tar::Writer& writer, const Repository& repository,
                                   UnixNanos time) {
  std::string ids;
  for (const TreeEntry& entry : repository.entries)
    if (entry.type != TreeEntry::Type::Module) ids += entry.id + "\n";
  const sys::Fd input = TRY(sys::make_memfd("tare-objects"));
  TRY(sys::write_all(input.get(), ids));
  if (::lseek(input.get(), 0, SEEK_SET) != 0) return fail_errno("rewind a list");
  GitRun run = TRY(GitRun::start(
      wish_.place, {"--git-dir=" + repository.name, "cat-file", "--batch", "--buffer"},
      input.get()));
  TRY(write_tree(writer, repository.prefix, repository.entries, run, time));
  return run.finish();
}

Result<> Repositories::write(const GitCommit& commit, codec::Sink& sink) {
  const bool keeps = wish_.keep_git_dir && wish_.source.folder.empty();
  TRY(add({.name = "",
           .remote = wish_.source.remote,
           .prefix = "",
           .folder = wish_.source.folder,
           .commit = commit.id,
           .entries = {}},
          commit.ref, 0));
  const UnixNanos time = TRY(time_of(all_.front()));
  tar::Writer writer(sink);
  for (const Repository& repository : all_) TRY(write_files(writer, repository, time));
  if (keeps)
    TRY(write_git_dir(writer, wish_.place,
                      {.name = all_.front().name,
                       .remote = all_.front().remote,
                       .commit = commit.id,
                       .ref = commit.ref,
                       .time = time}));
  TRY(writer.finish());
  return sink.finish();
}

}  // namespace

Result<GitCommit> find_commit(const GitWish& wish) { return Repositories(wish).find(); }

Result<> write_commit(const GitWish& wish, const GitCommit& commit, codec::Sink& sink) {
  return Repositories(wish).write(commit, sink);
}

}  // namespace tare::build
