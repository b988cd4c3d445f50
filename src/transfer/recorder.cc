// SPDX-License-Identifier: Apache-2.0
#include "transfer/recorder.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>
#include <vector>

#include "base/text.h"
#include "codec/json.h"
#include "transfer/spawn.h"

namespace tare::transfer {
namespace {

constexpr std::size_t kMaxAuthority = 64 << 10;

// Descriptor kSettings + i becomes a copy of `ends[i]`, unless that is -1.
Result<int> start_program(const std::string& program, std::vector<int> ends, const char* mode) {
  return spawn({.program = program,
                .arguments = {mode, std::to_string(::getpid())},  // With whom it ends.
                .variables = {"ssl_cert_file", "ssl_cert_dir", "path"},
                .descriptors = std::move(ends),
                .first = kSettings,
                .hint = "what RUN downloads is recorded by the program tare-record, which belongs "
                        "beside tare; --no-lock does without"});
}

}  // namespace

Result<Authority> make_authority(const std::string& program) {
  sys::Pipe pipe = TRY(sys::make_pipe());
  const int pid = TRY(start_program(program, {pipe.write.get()}, "authority"));
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
  const int pid = TRY(start_program(
      program, {file.get(), ends.listener, ends.bodies, ends.notes, ends.place}, "record"));
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
