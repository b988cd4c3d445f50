// SPDX-License-Identifier: Apache-2.0
#include "keeper/clients.h"

#include <cerrno>

namespace tare::keeper {
namespace {

constexpr std::size_t kLongestRequest = 64;  // Of every frame but STDIN.
constexpr std::size_t kReserve = 256;        // For EXIT and ERROR behind a full buffer.

}  // namespace

bool Client::start(int fd) {
  auto* buffers = static_cast<Buffers*>(bare::map_memory(sizeof(Buffers)));
  if (buffers == nullptr) {
    bare::close(fd);
    return false;
  }
  *this = Client();
  fd_ = fd;
  buffers_ = buffers;
  return true;
}

void Client::close(Container& container) {
  if (!used()) return;
  if ((flags_ & kAttachStdin) != 0) container.end_input();
  if ((flags_ & kAttachEnds) != 0) container.signal(SIGKILL);
  bare::close(fd_);
  bare::unmap_memory(buffers_, sizeof(Buffers));
  *this = Client();
}

bool Client::wants(short& events) const {
  events = 0;
  if (!blocked_) events |= POLLIN;
  if (has_pending()) events |= POLLOUT;
  return !(deaf_ && blocked_);  // A hang-up that is known already would wake us for ever.
}

void Client::on_hangup() {
  deaf_ = true;
  out_begin_ = out_end_ = 0;
}

void Client::on_readable(Container& container) {
  while (used() && !blocked_) {
    if (in_begin_ > 0) {
      __builtin_memmove(buffers_->in, buffers_->in + in_begin_, in_end_ - in_begin_);
      in_end_ -= in_begin_;
      in_begin_ = 0;
    }
    const long got = bare::call(__NR_recvfrom, fd_, bare::word(buffers_->in + in_end_),
                                static_cast<long>(sizeof buffers_->in - in_end_), MSG_DONTWAIT);
    if (got == -EAGAIN || got == -EINTR) return;
    if (got <= 0) return close(container);
    in_end_ += static_cast<std::size_t>(got);
    parse(container);
  }
}

void Client::retry_input(Container& container) {
  blocked_ = false;
  parse(container);
}

void Client::parse(Container& container) {
  while (used() && pass_input(container)) {
    FrameHeader header;
    if (in_end_ - in_begin_ < sizeof header) return;
    __builtin_memcpy(&header, buffers_->in + in_begin_, sizeof header);
    if (header.type == Frame::Stdin && header.length <= kMaxPayload) {
      in_begin_ += sizeof header;
      input_left_ = header.length;
      continue;
    }
    if (header.length > kLongestRequest) return refuse(container, "the frame is too long");
    if (in_end_ - in_begin_ < sizeof header + header.length) return;
    const char* payload = buffers_->in + in_begin_ + sizeof header;
    in_begin_ += sizeof header + header.length;
    if (!obey(container, header, payload)) return;
  }
}

// Passes bytes of a STDIN frame on. False when parsing has to wait: for more of it, or for the
// container.
bool Client::pass_input(Container& container) {
  while (input_left_ > 0) {
    std::size_t size = in_end_ - in_begin_;
    if (size > input_left_) size = input_left_;
    if (size == 0) return false;
    const std::size_t taken = (flags_ & kAttachStdin) != 0
                                  ? container.take_input(buffers_->in + in_begin_, size)
                                  : size;  // Not attached to it: for nobody.
    in_begin_ += taken;
    input_left_ -= taken;
    if (taken < size) {
      blocked_ = true;
      return false;
    }
  }
  return true;
}

bool Client::obey(Container& container, const FrameHeader& header, const char* payload) {
  switch (header.type) {
    case Frame::Attach:
      flags_ = header.flags;
      send(Frame::Attached, container.attached_flags(), nullptr, 0);
      return true;
    case Frame::StdinClose:
      if ((flags_ & kAttachStdin) != 0) container.end_input();
      flags_ = static_cast<std::uint8_t>(flags_ & ~kAttachStdin);
      return true;
    case Frame::Resize: {
      ResizePayload size;
      if (header.length != sizeof size) break;
      __builtin_memcpy(&size, payload, sizeof size);
      container.resize(size);
      return true;
    }
    case Frame::Signal: {
      SignalPayload signal;
      if (header.length != sizeof signal) break;
      __builtin_memcpy(&signal, payload, sizeof signal);
      // A process that has just ended is no failure: the exit follows.
      if (const long rc = container.signal(signal.signal); rc < 0 && rc != -ESRCH)
        send_error("the signal could not be sent");
      return true;
    }
    case Frame::Wait:
      return true;
    case Frame::Detach:
      close(container);
      return false;
    default:
      break;
  }
  refuse(container, "the frame is not understood");
  return false;
}

void Client::refuse(Container& container, const char* sentence) {
  send_error(sentence);
  close(container);
}

bool Client::listens_to(Stream stream) const {
  const int flag = stream == Stream::Out ? kAttachStdout : kAttachStderr;
  return used() && !deaf_ && (flags_ & flag) != 0;
}

std::size_t Client::room() const {
  const std::size_t taken = out_end_ - out_begin_ + sizeof(FrameHeader) + kReserve;
  return taken < sizeof buffers_->out ? sizeof buffers_->out - taken : 0;
}

void Client::send(Frame type, std::uint8_t flags, const void* payload, std::size_t size) {
  if (!used() || deaf_) return;
  const FrameHeader header{
      .type = type, .flags = flags, .reserved = 0, .length = static_cast<std::uint32_t>(size)};
  const std::size_t total = sizeof header + size;
  std::size_t sent = 0;
  if (out_begin_ == out_end_) {  // Most often all of it goes at once.
    iovec parts[2] = {{const_cast<FrameHeader*>(&header), sizeof header},
                      {const_cast<void*>(payload), size}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = size > 0 ? 2 : 1;
    const long result =
        bare::call(__NR_sendmsg, fd_, bare::word(&message), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (result < 0 && result != -EAGAIN && result != -EINTR) return on_hangup();
    if (result > 0) sent = static_cast<std::size_t>(result);
  }
  if (out_end_ - out_begin_ + total - sent > sizeof buffers_->out) return on_hangup();
  if (sent < sizeof header)
    append(reinterpret_cast<const char*>(&header) + sent, sizeof header - sent);
  const std::size_t of_payload = sent > sizeof header ? sent - sizeof header : 0;
  append(static_cast<const char*>(payload) + of_payload, size - of_payload);
}

void Client::append(const void* bytes, std::size_t size) {
  if (size == 0) return;
  if (out_end_ + size > sizeof buffers_->out) {
    __builtin_memmove(buffers_->out, buffers_->out + out_begin_, out_end_ - out_begin_);
    out_end_ -= out_begin_;
    out_begin_ = 0;
  }
  __builtin_memcpy(buffers_->out + out_end_, bytes, size);
  out_end_ += size;
}

void Client::push() {
  while (has_pending()) {
    const long sent =
        bare::call(__NR_sendto, fd_, bare::word(buffers_->out + out_begin_),
                   static_cast<long>(out_end_ - out_begin_), MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
    if (sent == -EAGAIN || sent == -EINTR) return;
    if (sent <= 0) return on_hangup();
    out_begin_ += static_cast<std::size_t>(sent);
  }
  out_begin_ = out_end_ = 0;
}

void Client::send_error(const char* sentence) {
  send(Frame::Error, 0, sentence, bare::length(sentence));
}

void Client::widen_socket() const {
  if (!used()) return;
  const int size = 2 << 20;  // More than a pipe (1 MiB at most) and our buffer can hold.
  if (bare::call(__NR_setsockopt, fd_, SOL_SOCKET, SO_SNDBUFFORCE, bare::word(&size), sizeof size) <
      0)
    bare::call(__NR_setsockopt, fd_, SOL_SOCKET, SO_SNDBUF, bare::word(&size), sizeof size);
}

}  // namespace tare::keeper
