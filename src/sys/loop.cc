// SPDX-License-Identifier: Apache-2.0
#include "sys/loop.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include <cerrno>

namespace tare::sys {

Result<LoopDevice> make_loop_device(int file) {
  constexpr int kTries = 64;  // Others take free devices, too.
  const Fd control = TRY(open_path("/dev/loop-control", O_RDWR), "make a loop device");
  for (int i = 0; i < kTries; ++i) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return fail_errno("find a free loop device");
    LoopDevice loop;
    loop.path = "/dev/loop" + std::to_string(number);
    loop.device = TRY(open_path(loop.path, O_RDONLY), "make a loop device");
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(file);
    config.block_size = 4096;
    config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    if (::ioctl(loop.device.get(), LOOP_CONFIGURE, &config) == 0) return loop;
    if (errno != EBUSY) return fail_errno("configure " + loop.path);
  }
  return fail(Kind::Unavailable, "no free loop device could be had");
}

}  // namespace tare::sys
