// SPDX-License-Identifier: Apache-2.0
#include "network/nft_program.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "sys/fd.h"

namespace tare::network {
namespace {

// PATH is no guide: ordinary users' often lacks the directories for administrators.
const char* find_nft() {
  for (const char* const path :
       {"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft", "/usr/local/bin/nft",
        "/run/current-system/sw/bin/nft"})
    if (::access(path, X_OK) == 0) return path;
  return nullptr;
}

Result<pid_t> spawn(const char* program, int in, int out) {
  posix_spawn_file_actions_t actions;
  if (const int error = ::posix_spawn_file_actions_init(&actions); error != 0)
    return std::unexpected(Error::sys(error, "posix_spawn"));
  ::posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
  std::array<char*, 4> words{const_cast<char*>("nft"), const_cast<char*>("-f"),
                             const_cast<char*>("-"), nullptr};
  std::array<char*, 2> environment{const_cast<char*>("LC_ALL=C"), nullptr};
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, program, &actions, nullptr, words.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return std::unexpected(Error::sys(error, "execute " + quoted(program)));
  return pid;
}

// What it said, short.
std::string output_of(int file) {
  constexpr std::size_t kMostBytes = 600;
  std::array<char, kMostBytes> bytes{};
  const ssize_t size = ::pread(file, bytes.data(), bytes.size(), 0);
  return std::string(
      trim(std::string_view(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)))));
}

}  // namespace

Result<> run_nft(const std::string& script) {
  const char* const program = find_nft();
  if (program == nullptr)
    return std::unexpected(Error(Kind::Unsupported, "the program nft is not there")
                               .hint("install it: apt-get install nftables"));
  const sys::Fd in = TRY(sys::make_memfd("nft-script"));
  const sys::Fd out = TRY(sys::make_memfd("nft-output"));
  TRY(sys::write_all(in.get(), script));
  if (::lseek(in.get(), 0, SEEK_SET) < 0) return fail_errno("lseek");
  const pid_t pid = TRY(spawn(program, in.get(), out.get()));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return fail_errno("wait for nft");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return std::unexpected(
      Error(Kind::Unsupported, std::string(program) + " failed: " + escaped(output_of(out.get())))
          .hint("nftables 1.0 or later and a kernel with nf_tables, nft_fib_inet and nft_masq are "
                "needed"));
}

}  // namespace tare::network
