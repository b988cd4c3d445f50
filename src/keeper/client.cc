// SPDX-License-Identifier: Apache-2.0
#include "keeper/client.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tare::keeper {

bool Client::open(int connected) {
  void* memory =
      ::mmap(nullptr, kIn + kOut, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    ::close(connected);
    return false;
  }
  *this = Client();
  fd = connected;
  in = static_cast<char*>(memory);
  out = in + kIn;
  return true;
}

void Client::close() {
  if (fd < 0) return;
  ::close(fd);
  ::munmap(in, kIn + kOut);
  *this = Client();
}

std::size_t Client::room() {
  if (out_begin > 0 && out_begin == out_end) out_begin = out_end = 0;
  if (out_begin > 0 && out_end > kOut / 2) {
    std::memmove(out, out + out_begin, out_end - out_begin);
    out_end -= out_begin;
    out_begin = 0;
  }
  const std::size_t left = kOut - out_end;
  return left > sizeof(FrameHeader) ? left - sizeof(FrameHeader) : 0;
}

void Client::put(Reply type, const void* payload, std::size_t size) {
  const FrameHeader header{.type = static_cast<std::uint8_t>(type),
                           .flags = 0,
                           .reserved = 0,
                           .length = static_cast<std::uint32_t>(size)};
  std::memcpy(out + out_end, &header, sizeof header);
  std::memcpy(out + out_end + sizeof header, payload, size);
  out_end += sizeof header + size;
}

void Client::send() {
  while (fd >= 0 && out_begin < out_end) {
    const ssize_t count =
        ::send(fd, out + out_begin, out_end - out_begin, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0)
      out_begin += static_cast<std::size_t>(count);
    else if (errno == EAGAIN)
      return;
    else if (errno != EINTR)
      close();
  }
}

void Client::receive() {
  const ssize_t count = ::recv(fd, in + in_size, kIn - in_size, MSG_DONTWAIT);
  if (count > 0)
    in_size += static_cast<std::size_t>(count);
  else if (count == 0 || (errno != EAGAIN && errno != EINTR))
    close();
}

const FrameHeader* Client::frame() {
  if (fd < 0 || in_size < sizeof(FrameHeader)) return nullptr;
  const auto* header = reinterpret_cast<const FrameHeader*>(in);
  if (header->length > kMaxPayload) {
    close();
    return nullptr;
  }
  return in_size >= sizeof(FrameHeader) + header->length ? header : nullptr;
}

void Client::drop_frame() {
  const auto* header = reinterpret_cast<const FrameHeader*>(in);
  const std::size_t size = sizeof(FrameHeader) + header->length;
  std::memmove(in, in + size, in_size - size);
  in_size -= size;
  stdin_done = 0;
}

}  // namespace tare::keeper
