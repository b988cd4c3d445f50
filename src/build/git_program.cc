// SPDX-License-Identifier: Apache-2.0
#include "build/git_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/text.h"
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

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
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
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail_errno("prctl");
  if (::syscall(SYS_close_range, 3, ~0u, 0) != 0) return fail_errno("close_range");
  ::signal(SIGPIPE, SIG_DFL);
  std::vector<std::string> readable = sys::files_of_the_network();
  readable.insert(readable.end(), std::begin(kReadable), std::end(kReadable));
  readable.insert(readable.end(), place.readable.begin(), place.readable.end());
  const std::string writable[] = {place.path, "/dev/null"};
  TRY(sys::limit_files(readable, writable));
  TRY(sys::drop_capabilities());
  TRY(limit(RLIMIT_CORE, 0));
  return limit(RLIMIT_FSIZE, place.file_bytes);
}

[[noreturn]] void become_git(const GitPlace& place, const char* program, char* const* words,
                             char* const* variables, const std::array<int, 3>& streams) {
  ::setpgid(0, 0);
  for (int i = 0; i < 3; ++i)
    if (::dup2(streams[static_cast<std::size_t>(i)], i) < 0) ::_exit(127);
  if (const auto confined = confine(place); !confined) {
    (void)sys::write_all(2, "cannot be confined: " + confined.error().message() + "\n");
    ::_exit(127);
  }
  ::execve(program, words, variables);
  ::_exit(127);
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
  // Above the standard streams, whatever numbers those have here.
  const auto moved = [](int fd) { return sys::Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3)); };
  const sys::Fd in = moved(input < 0 ? nothing.get() : input);
  const sys::Fd out = moved(output.write.get());
  const sys::Fd err = moved(errors.write.get());
  if (!in || !out || !err) return fail_errno("duplicate a descriptor");
  std::vector<std::string> words = {"git"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = variables_of(place);
  const std::vector<char*> word_pointers = pointers(words);
  const std::vector<char*> variable_pointers = pointers(variables);
  GitRun run;
  run.what_ = "git " + (arguments.empty() ? "" : arguments[arguments[0].starts_with('-') ? 1 : 0]);
  run.is_interrupted_ = place.is_interrupted;
  run.until_ = place.until;
  run.pid_ = ::fork();
  if (run.pid_ < 0) return fail_errno("start git");
  if (run.pid_ == 0)
    become_git(place, program, word_pointers.data(), variable_pointers.data(),
               {in.get(), out.get(), err.get()});
  ::setpgid(run.pid_, run.pid_);
  run.output_ = std::move(output.read);
  run.errors_ = std::move(errors.read);
  return run;
}

GitRun::GitRun(GitRun&& other) noexcept
    : is_interrupted_(std::move(other.is_interrupted_)),
      until_(other.until_),
      pid_(std::exchange(other.pid_, -1)),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)),
      said_(std::move(other.said_)),
      what_(std::move(other.what_)) {}

GitRun::~GitRun() {
  if (pid_ < 0) return;
  // Our own child, not yet waited for: its number is still its and its group's.
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
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
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0)
    if (errno != EINTR) return fail_errno("wait for git");
  ::kill(-std::exchange(pid_, -1), SIGKILL);  // What it has left.
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ)
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
