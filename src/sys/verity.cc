// SPDX-License-Identifier: Apache-2.0
#include "sys/verity.h"

#include <linux/fsverity.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace tare::sys {

Result<> enable_verity(int file) {
  fsverity_enable_arg argument{};
  argument.version = 1;
  argument.hash_algorithm = FS_VERITY_HASH_ALG_SHA256;
  argument.block_size = 4096;
  if (::ioctl(file, FS_IOC_ENABLE_VERITY, &argument) == 0 || errno == EEXIST) return {};
  // What a file system says that does not know the call, or was made without the feature.
  if (errno == ENOTTY || errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS)
    return std::unexpected(
        Error::restore(Kind::Unsupported, errno, "this kernel or file system has no fs-verity"));
  return fail_errno("enable fs-verity");
}

std::string verity_digest(int file) {
  constexpr std::size_t kBytes = 32;
  alignas(fsverity_digest) char room[sizeof(fsverity_digest) + kBytes] = {};
  auto* digest = reinterpret_cast<fsverity_digest*>(room);
  digest->digest_size = kBytes;
  if (::ioctl(file, FS_IOC_MEASURE_VERITY, digest) != 0 ||
      digest->digest_algorithm != FS_VERITY_HASH_ALG_SHA256 || digest->digest_size != kBytes)
    return "";
  return "sha256:" + to_hex(std::string_view(room + sizeof(fsverity_digest), kBytes));
}

}  // namespace tare::sys
