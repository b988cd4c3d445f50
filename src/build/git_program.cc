// SPDX-License-Identifier: Apache-2.0
#include "build/git_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/text.h"
#include "sys/calls.h"
#include "sys/landlock.h"

namespace tare::build {
namespace {

constexpr const char* kPlaces[] = {"/usr/bin/git", "/usr/local/bin/git", "/bin/git"};
constexpr std::size_t kMaxSaid = 16 << 10;  // Bytes of its errors that are kept.
constexpr int kLookAgainMs = 200;

// Beside what a network needs: its own programs, ssh's.
constexpr const char* kReadable[] = {"/usr", "/bin", "/etc/passwd", "/etc/group",
                                     "/etc/ssh/ssh_known_hosts"};

// What holds for every run. [git(1), git-config(1)]
std::map<std::string, std::string> fixed_environment(const std::string& path) {
  return {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
          {"HOME", path},
          {"TMPDIR", path},
          {"LC_ALL", "C"},
          {"GIT_CEILING_DIRECTORIES", path},
          {"GIT_CONFIG_NOSYSTEM", "1"},
          {"GIT_CONFIG_GLOBAL", "/dev/null"},
          {"GIT_ATTR_NOSYSTEM", "1"},
          {"GIT_TERMINAL_PROMPT", "0"},
          {"GIT_ALLOW_PROTOCOL", "https:http:ssh:git"},
          {"GIT_NO_REPLACE_OBJECTS", "1"},
          {"GIT_NO_LAZY_FETCH", "1"},
          {"GIT_OPTIONAL_LOCKS", "0"},
          {"SSH_ASKPASS_REQUIRE", "never"},
          // Paths are those of the directory that it works in.
          {"GIT_SSH_COMMAND",
           "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes "
           "-o UserKnownHostsFile=known_hosts -o GlobalKnownHostsFile=/etc/ssh/ssh_known_hosts "
           "-o IdentityFile=/dev/null -o ForwardAgent=no -o PermitLocalCommand=no "
           "-o ClearAllForwardings=yes"}};
}

std::map<std::string, std::string> fixed_settings() {
  return {{"core.hooksPath", "/dev/null"},
          {"core.fsmonitor", "false"},
          {"core.askPass", ""},
          {"credential.helper", ""},
          {"gc.auto", "0"},
          {"maintenance.auto", "false"},
          {"protocol.version", "2"},
          {"transfer.bundleURI", "false"},
          {"fetch.recurseSubmodules", "false"},
          {"http.lowSpeedLimit", "100"},
          {"http.lowSpeedTime", "60"},
          {"http.followRedirects", "initial"}};
}

std::vector<std::string> variables_of(const GitPlace& place) {
  std::map<std::string, std::string> variables = fixed_environment(place.path);
  variables.insert(place.environment.begin(), place.environment.end());
  std::map<std::string, std::string> settings = place.settings;
  settings.merge(fixed_settings());
  std::size_t count = 0;
  for (const auto& [name, value] : settings) {
    variables["GIT_CONFIG_KEY_" + std::to_string(count)] = name;
    variables["GIT_CONFIG_VALUE_" + std::to_string(count++)] = value;
  }
  variables["GIT_CONFIG_COUNT"] = std::to_string(count);
  std::vector<std::string> all;
  for (const auto& [name, value] : variables) {
    all.push_back(name);
    all.back() += "=" + value;
  }
  return all;
}

Result<> limit(int resource, rlim_t value) {
  rlimit now{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0)
    return fail_errno("getrlimit");
  now.rlim_cur = now.rlim_max = std::min(value, now.rlim_max);
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &now) != 0)
    return fail_errno("setrlimit");
  return {};
}

// In the new process.
Result<> confine(const GitPlace& place) {
  if (::fchdir(place.directory) != 0) return fail_errno("fchdir");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("no_new_privs");
  std::vector<std::string> readable = sys::files_of_the_network();
  readable.insert(readable.end(), std::begin(kReadable), std::end(kReadable));
  readable.insert(readable.end(), place.readable.begin(), place.readable.end());
  const std::string writable[] = {place.path, "/dev/null"};
  TRY(sys::limit_files(readable, writable));
  TRY(sys::drop_capabilities());
  TRY(limit(RLIMIT_CORE, 0));
  TRY(limit(RLIMIT_FSIZE, place.file_bytes));
  return sys::limit_calls(sys::Programs::OfItsOwn);
}

const char* find_git() {
  for (const char* path : kPlaces)
    if (::access(path, X_OK) == 0) return path;
  return nullptr;
}

}  // namespace

Result<GitRun> GitRun::start(const GitPlace& place, const std::vector<std::string>& arguments,
                             int input) {
  const char* const program = find_git();
  if (program == nullptr)
    return std::unexpected(
        Error(Kind::NotFound, "git is not installed here, which gets git repositories")
            .hint("apt-get install git"));
  sys::Pipe output = TRY(sys::make_pipe());
  sys::Pipe errors = TRY(sys::make_pipe());
  const sys::Fd nothing = TRY(sys::open_path("/dev/null", O_RDONLY));
  sys::Minded::Request request{
      .program = program,
      .words = {"git"},
      .environment = variables_of(place),
      .streams = {input < 0 ? nothing.get() : input, output.write.get(), errors.write.get()},
      .own_processes = true,
      .confine = [&place] { return confine(place); }};
  request.words.insert(request.words.end(), arguments.begin(), arguments.end());
  GitRun run;
  run.what_ = "git " + (arguments.empty() ? "" : arguments[arguments[0].starts_with('-') ? 1 : 0]);
  run.is_interrupted_ = place.is_interrupted;
  run.until_ = place.until;
  run.process_.emplace(TRY(sys::Minded::start(request)));
  run.output_ = std::move(output.read);
  run.errors_ = std::move(errors.read);
  return run;
}

Result<bool> GitRun::hear() {
  if (is_interrupted_ && is_interrupted_())
    return fail(Kind::Unavailable, "the build was interrupted");
  if (std::chrono::steady_clock::now() > until_)
    return fail(Kind::Unavailable, what_ + " takes too long");
  std::array<pollfd, 2> ends = {{{.fd = output_.get(), .events = POLLIN, .revents = 0},
                                 {.fd = errors_.get(), .events = POLLIN, .revents = 0}}};
  if (::poll(ends.data(), ends.size(), kLookAgainMs) < 0 && errno != EINTR)
    return fail_errno("poll");
  if (ends[1].revents != 0) {
    std::array<char, 4096> buffer{};
    const ssize_t count = ::read(errors_.get(), buffer.data(), buffer.size());
    if (count <= 0) errors_.reset();
    if (count > 0) said_.append(buffer.data(), static_cast<std::size_t>(count));
    if (said_.size() > kMaxSaid) said_.erase(0, said_.size() - kMaxSaid);
  }
  return ends[0].revents != 0;
}

Result<std::size_t> GitRun::read(char* buffer, std::size_t size) {
  while (output_) {
    if (!TRY(hear())) continue;
    const ssize_t count = ::read(output_.get(), buffer, size);
    if (count > 0) return static_cast<std::size_t>(count);
    if (count < 0 && errno != EINTR) return fail_errno("read what git says");
    if (count == 0) output_.reset();
  }
  return 0;
}

Result<> GitRun::finish() {
  std::array<char, 4096> rest{};
  while (TRY(read(rest.data(), rest.size())) > 0) {
  }
  while (errors_) (void)TRY(hear());
  const int status = TRY(process_->finish());
  if (status == 0) return {};
  if (status == 128 + SIGXFSZ)
    return fail(Kind::Unavailable, "the repository is larger than the store has room for");
  std::string said(trim(said_));
  if (const std::size_t line = said.find("fatal: "); line != std::string::npos)
    said.erase(0, line + 7);
  std::ranges::replace(said, '\n', ' ');
  return fail(Kind::Unavailable, what_ + " failed: " + escaped(said));
}

Result<std::string> run_git(const GitPlace& place, const std::vector<std::string>& arguments,
                            std::size_t limit_bytes, int input) {
  GitRun run = TRY(GitRun::start(place, arguments, input));
  std::string text;
  std::array<char, 16384> buffer{};
  while (const std::size_t count = TRY(run.read(buffer.data(), buffer.size()))) {
    if (text.size() + count > limit_bytes)
      return fail(Kind::Invalid, "the repository has more to say than is bearable");
    text.append(buffer.data(), count);
  }
  TRY(run.finish());
  return text;
}

}  // namespace tare::build
