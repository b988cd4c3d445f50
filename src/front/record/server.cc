// SPDX-License-Identifier: Apache-2.0
#include "front/record/server.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "front/record/session.h"
#include "front/transfer/confine.h"
#include "sys/mounts.h"

namespace tare::front_record {
namespace {

constexpr std::size_t kMaxSettings = 64 << 20;
constexpr int kMostConnections = 64;
constexpr const char* kResolv = "/etc/resolv.conf";
constexpr const char* kResolvCopy = "resolv.conf";

// As the host's, but for who is asked: the name server that every container of ours has.
// [docs/formats/networks.md]
Result<> look_up_names_there() {
  std::string text = "nameserver 127.0.0.11\n";
  const sys::Fd target = TRY(sys::open_path(kResolv, O_RDONLY));
  for (const std::string& line : split(TRY(sys::read_all(target.get(), 1 << 20)), '\n'))
    if (!line.starts_with("nameserver")) text += line + "\n";
  const sys::Fd copy =
      TRY(sys::open_at(transfer::kBodies, kResolvCopy, O_RDWR | O_CREAT | O_TRUNC, 0600));
  TRY(sys::write_all(copy.get(), text));
  if (::unshare(CLONE_NEWNS) != 0) return fail_errno("make a mount namespace");
  const sys::Fd root = TRY(sys::open_path("/", O_PATH | O_DIRECTORY));
  TRY(sys::set_mount_propagation(root.get(), MS_PRIVATE | MS_REC));
  // What we have open is of the other namespace; its names are the same in this one.
  char path[PATH_MAX]{};
  const std::string link = "/proc/self/fd/" + std::to_string(copy.get());
  if (::readlink(link.c_str(), path, sizeof path - 1) < 0)
    return fail_errno("read " + quoted(link));
  const sys::Fd file = TRY(sys::open_path(path, O_PATH));
  const sys::Fd place = TRY(sys::open_path(kResolv, O_PATH));
  const sys::Fd mount = TRY(sys::clone_mount(file.get(), false));
  return sys::attach_mount(mount.get(), place.get());
}

// It asks from where the container is: what the program could reach, and nothing else.
Result<> enter_place() {
  if (::fcntl(transfer::kPlace, F_GETFD) < 0) return {};
  if (::setns(transfer::kPlace, CLONE_NEWNET) != 0)
    return fail_errno("enter the container's network namespace");
  ::close(transfer::kPlace);
  return look_up_names_there();
}

[[noreturn]] void serve_one(const transfer::RecorderSettings& settings, const Issuer& issuer,
                            Notebook& notebook, sys::Fd socket, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::close(transfer::kListener);
  const auto work = [&]() -> Result<> {
    Session session(settings, issuer, notebook, TRY(ClientStream::open(std::move(socket))));
    return session.run();
  };
  ::_exit(work() ? 0 : 1);
}

// Connections are processes: what one of them says does not touch the others.
Result<> accept_all(const transfer::RecorderSettings& settings, const Issuer& issuer,
                    Notebook& notebook) {
  int count = 0;
  const pid_t own = ::getpid();
  for (;;) {
    while (count > 0) {
      const pid_t ended = ::waitpid(-1, nullptr, count < kMostConnections ? WNOHANG : 0);
      if (ended <= 0) break;
      --count;
    }
    sys::Fd socket(::accept4(transfer::kListener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (!socket) return fail_errno("accept");
    const pid_t child = ::fork();
    if (child < 0) continue;  // The program sees its connection end.
    if (child == 0) serve_one(settings, issuer, notebook, std::move(socket), own);
    ++count;
  }
}

}  // namespace

Result<> serve(int parent) {
  const std::string text = TRY(sys::read_all(transfer::kSettings, kMaxSettings));
  ::close(transfer::kSettings);
  const transfer::RecorderSettings settings = TRY(transfer::parse_recorder_settings(text));
  TRY(enter_place());
  TRY(front_transfer::confine({.last_descriptor = transfer::kNotes,
                               .directory = transfer::kBodies,
                               .may_write = !settings.is_locked,
                               .parent = parent}),
      "confine the recorder");
  const Issuer issuer = TRY(Issuer::open(settings.authority));
  Notebook notebook = TRY(Notebook::open(settings, transfer::kBodies, transfer::kNotes));
  if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return fail(Kind::Internal, "libcurl cannot be set up");
  return accept_all(settings, issuer, notebook);
}

}  // namespace tare::front_record
