// SPDX-License-Identifier: Apache-2.0
// A message over a Unix socket that carries descriptors. [unix(7), SCM_RIGHTS; cmsg(3)] It
// allocates nothing and calls nothing, so the programs without a C library have it, too.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>

namespace tare::sys {

// `Most` descriptors at most; SCM_MAX_FD is 253. Borrows the bytes, which are what is sent or the
// room for what comes. Not movable: the header points into it.
template <std::size_t Most>
class RightsMessage {
 public:
  RightsMessage(const void* bytes, std::size_t size) {
    part_.iov_base = const_cast<void*>(bytes);
    part_.iov_len = size;
    header_.msg_iov = &part_;
    header_.msg_iovlen = 1;
    header_.msg_control = control_;
    header_.msg_controllen = sizeof control_;
  }
  RightsMessage(const RightsMessage&) = delete;
  RightsMessage& operator=(const RightsMessage&) = delete;

  // What is to be sent with it; `count` is 1 to Most.
  void put(const int* fds, std::size_t count) {
    header_.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* const rights = CMSG_FIRSTHDR(&header_);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof(int));
    __builtin_memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
  }

  // What came with it, into `fds`, which has room for Most: how many. They are the caller's.
  std::size_t take(int* fds) const {
    const cmsghdr* const rights = CMSG_FIRSTHDR(&header_);
    if (rights == nullptr || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS)
      return 0;
    const std::size_t bytes = rights->cmsg_len - CMSG_LEN(0);
    __builtin_memcpy(fds, CMSG_DATA(rights), bytes);
    return bytes / sizeof(int);
  }
  // Whether there was no room for all that came.
  bool is_cut() const { return (header_.msg_flags & MSG_CTRUNC) != 0; }

  msghdr* header() { return &header_; }

 private:
  iovec part_{};
  msghdr header_{};
  alignas(cmsghdr) unsigned char control_[CMSG_SPACE(Most * sizeof(int))] = {};
};

}  // namespace tare::sys
