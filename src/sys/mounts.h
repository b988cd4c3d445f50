// SPDX-License-Identifier: Apache-2.0
// The new mount interface by descriptors: detached until somebody attaches them. No path of a mount
// is ever resolved twice. [fsopen(2), fsmount(2), open_tree(2), move_mount(2), mount_setattr(2)]
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sys/fd.h"
#include "sys/ids.h"

namespace tare::sys {

struct FsOption {
  std::string key;
  std::string value;  // Empty: a flag.
  int fd = -1;        // >= 0: given as descriptor (FSCONFIG_SET_FD) instead of `value`.
};

// A new detached mount of a file system. `attributes` are MOUNT_ATTR_*. The kernel's own message
// (read from the fs context) is part of the error.
Result<Fd> mount_filesystem(const char* type, std::span<const FsOption> options,
                            std::uint64_t attributes);
// A detached bind mount of what `fd` (O_PATH is enough) refers to; `recursive` with all below it.
Result<Fd> clone_mount(int fd, bool recursive);
// Without what is mounted below; a symbolic link is not followed.
Result<Fd> clone_mount(const std::string& path);
// Attaches a detached mount at the directory or file `target`.
Result<> attach_mount(int mount, int target);
// Takes away what is mounted at `path`, whose last component is not followed. Errors: Busy.
Result<> unmount(const std::string& path);
// Sets and clears MOUNT_ATTR_* on a detached mount; `recursive` on all below it.
// `propagation` is MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE or 0: as it is.
Result<> set_mount_attributes(int mount, std::uint64_t set, std::uint64_t clear, bool recursive,
                              std::uint64_t propagation = 0);
// MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE, with MS_REC for all below it, too.
Result<> set_mount_propagation(int mount, std::uint64_t propagation);
// Shows a detached mount through an id map: owner `inside` on disk appears as `outside`.
// Errors: Unsupported (file system without FS_ALLOW_IDMAP), Denied (not ours to map).
// `recursive`: all mounts below it, too.
Result<> idmap_mount(int mount, int user_namespace, bool recursive = false);

}  // namespace tare::sys
