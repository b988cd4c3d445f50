// SPDX-License-Identifier: Apache-2.0
#include "engine/attachment.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "keeper/protocol.h"

namespace tare::engine {
namespace {

using keeper::Frame;
using keeper::FrameHeader;

// A socket's path is bound to 108 bytes; through the directory's descriptor any depth works.
sockaddr_un address_in(int dir) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(dir) + "/ctl";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

}  // namespace

Result<sys::Fd> listen_keeper(int dir) {
  ::unlinkat(dir, "ctl", 0);
  sys::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("make the keeper's socket");
  const sockaddr_un address = address_in(dir);
  const mode_t before = ::umask(0177);
  const int bound =
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int saved = errno;
  ::umask(before);
  if (bound != 0) return std::unexpected(Error::sys(saved, "bind the keeper's socket"));
  if (::listen(socket.get(), 16) != 0) return fail_errno("listen on the keeper's socket");
  return socket;
}

Result<std::unique_ptr<KeeperAttachment>> connect_keeper(int dir) {
  sys::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("make a socket");
  const sockaddr_un address = address_in(dir);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("connect to the container's keeper");
  return std::make_unique<KeeperAttachment>(std::move(socket));
}

Result<> KeeperAttachment::send(std::uint8_t type, std::uint8_t flags, std::string_view payload) {
  const FrameHeader header{.type = static_cast<Frame>(type),
                           .flags = flags,
                           .length = static_cast<std::uint32_t>(payload.size())};
  std::string frame(reinterpret_cast<const char*>(&header), sizeof header);
  frame += payload;
  std::string_view rest = frame;
  while (!rest.empty()) {
    const ssize_t count = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("send to the container's keeper");
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<Event> KeeperAttachment::next() {
  for (;;) {
    FrameHeader header;
    auto got = sys::read_full(socket_.get(), reinterpret_cast<char*>(&header), sizeof header);
    if (!got && got.error().errnum() == ECONNRESET) return Event{.type = Event::Type::Closed};
    if (TRY(std::move(got)) < sizeof header) return Event{.type = Event::Type::Closed};
    if (header.length > keeper::kMaxPayload)
      return fail(Kind::Corrupt, "the container's keeper sent a frame that is too long");
    std::string payload(header.length, '\0');
    if (TRY(sys::read_full(socket_.get(), payload.data(), payload.size())) < payload.size())
      return Event{.type = Event::Type::Closed};
    switch (header.type) {
      case Frame::Stdout:
        return Event{.type = Event::Type::Stdout, .bytes = std::move(payload)};
      case Frame::Stderr:
        return Event{.type = Event::Type::Stderr, .bytes = std::move(payload)};
      case Frame::Exit: {
        keeper::ExitPayload reply;
        if (payload.size() != sizeof reply)
          return fail(Kind::Corrupt, "the container's keeper sent a bad exit");
        std::memcpy(&reply, payload.data(), sizeof reply);
        return Event{
            .type = Event::Type::Exit, .exit_code = reply.exit_code, .oom_killed = reply.oom != 0};
      }
      case Frame::Error:
        return fail(Kind::Unavailable, "the container's keeper: " + escaped(payload));
      default:
        // Attached, or a newer keeper's frame that we do not know. An event without bytes, so that
        // a caller who polls is not held up here until the next frame.
        return Event{.type = Event::Type::Stdout};
    }
  }
}

Result<> KeeperAttachment::attach(const AttachRequest& request, bool owner, bool ends_with_us) {
  std::uint8_t flags = owner ? keeper::kAttachTakeOver : 0;
  if (ends_with_us) flags |= keeper::kAttachEnds;
  if (request.stdin) flags |= keeper::kAttachStdin;
  if (request.stdout) flags |= keeper::kAttachStdout;
  if (request.stderr) flags |= keeper::kAttachStderr;
  return send(static_cast<std::uint8_t>(Frame::Attach), flags, "");
}

Result<> KeeperAttachment::wait() { return send(static_cast<std::uint8_t>(Frame::Wait), 0, ""); }

Result<> KeeperAttachment::send_stdin(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, keeper::kMaxPayload);
    TRY(send(static_cast<std::uint8_t>(Frame::Stdin), 0, part));
    bytes.remove_prefix(part.size());
  }
  return {};
}

Result<> KeeperAttachment::close_stdin() {
  return send(static_cast<std::uint8_t>(Frame::StdinClose), 0, "");
}

Result<> KeeperAttachment::resize(std::uint16_t rows, std::uint16_t columns) {
  const keeper::ResizePayload size{.rows = rows, .columns = columns};
  return send(static_cast<std::uint8_t>(Frame::Resize), 0,
              {reinterpret_cast<const char*>(&size), sizeof size});
}

Result<> KeeperAttachment::signal(int number) {
  const std::uint32_t value = static_cast<std::uint32_t>(number);
  return send(static_cast<std::uint8_t>(Frame::Signal), 0,
              {reinterpret_cast<const char*>(&value), sizeof value});
}

}  // namespace tare::engine
