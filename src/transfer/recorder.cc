// SPDX-License-Identifier: Apache-2.0
#include "transfer/recorder.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/text.h"
#include "codec/json.h"

extern char** environ;

namespace tare::transfer {
namespace {

constexpr std::size_t kMaxAuthority = 64 << 10;
constexpr int kAbove = kPlace + 1;  // No descriptor of ours lies where one of its has to be.

bool is_passed_on(std::string_view variable) {
  const std::string_view name = variable.substr(0, variable.find('='));
  for (const std::string_view known : {"SSL_CERT_FILE", "SSL_CERT_DIR", "PATH"})
    if (name == known) return true;
  return false;
}

// As client.cc does it: our memory is shared until the program runs. Descriptor kSettings + i
// becomes a copy of `ends[i]`, unless that is -1.
Result<int> spawn(const std::string& program, const std::vector<int>& ends, const char* mode) {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (is_passed_on(*variable)) variables.push_back(*variable);
  variables.push_back(nullptr);
  std::string name = "tare-record";
  std::string word = mode;
  std::string parent = std::to_string(::getpid());  // With whom it ends.
  char* const words[] = {name.data(), word.data(), parent.data(), nullptr};
  std::vector<sys::Fd> copies;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (const int error = ::posix_spawn_file_actions_init(&actions); error != 0)
    return std::unexpected(Error::sys(error, "posix_spawn"));
  if (const int error = ::posix_spawnattr_init(&attributes); error != 0) {
    ::posix_spawn_file_actions_destroy(&actions);
    return std::unexpected(Error::sys(error, "posix_spawn"));
  }
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  int error = 0;
  for (std::size_t i = 0; i < ends.size() && error == 0; ++i) {
    if (ends[i] < 0) continue;
    const sys::Fd& copy = copies.emplace_back(::fcntl(ends[i], F_DUPFD_CLOEXEC, kAbove));
    error = copy ? ::posix_spawn_file_actions_adddup2(&actions, copy.get(),
                                                      kSettings + static_cast<int>(i))
                 : errno;
  }
  int pid = -1;
  if (error == 0)
    error = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, words, variables.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT)
    return std::unexpected(
        Error::sys(error, "start " + quoted(program))
            .hint("what RUN downloads is recorded by the program tare-record, which belongs beside "
                  "tare; --no-lock does without"));
  if (error != 0) return std::unexpected(Error::sys(error, "start " + quoted(program)));
  return pid;
}

}  // namespace

Result<Authority> make_authority(const std::string& program) {
  sys::Pipe pipe = TRY(sys::make_pipe());
  const int pid = TRY(spawn(program, {pipe.write.get()}, "authority"));
  pipe.write.reset();
  const auto text = sys::read_all(pipe.read.get(), kMaxAuthority);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!text || status != 0) return fail(Kind::Internal, "tare-record made no certificate");
  const json::Value value = TRY(json::parse(*text));
  Authority made;
  made.certificate = TRY(json::require_string(value, "certificate", "tare-record"));
  made.key = TRY(json::require_string(value, "key", "tare-record"));
  return made;
}

Result<Recorder> Recorder::start(const std::string& program, const RecorderSettings& settings,
                                 const Ends& ends) {
  const sys::Fd file = TRY(sys::make_memfd("tare-record"));
  TRY(sys::write_all(file.get(), print_recorder_settings(settings)));
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno("rewind settings");
  const int pid = TRY(
      spawn(program, {file.get(), ends.listener, ends.bodies, ends.notes, ends.place}, "record"));
  sys::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int error = errno;
  Recorder recorder(pid, std::move(pidfd));
  if (!recorder.pidfd_) return std::unexpected(Error::sys(error, "pidfd_open"));
  return recorder;
}

Recorder::Recorder(Recorder&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Recorder& Recorder::operator=(Recorder&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

void Recorder::stop() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);  // Our own child, not yet waited for: its number is still its.
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace tare::transfer
