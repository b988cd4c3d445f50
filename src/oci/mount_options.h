// SPDX-License-Identifier: Apache-2.0
// The options of a mount, in terms of the mount interface by descriptors. [runtime-spec 1.3
// config.md "Linux mount options"; mount(8); fsconfig(2), mount_setattr(2)]
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "oci/runtime_config.h"

namespace tare::oci {

// What to change on a mount: MOUNT_ATTR_* to set and to clear, disjoint but for the access times,
// which are one field: who sets one of them clears MOUNT_ATTR__ATIME, as mount_setattr(2) wants.
// For fsmount(2) `set` alone is enough.
struct MountAttributes {
  std::uint64_t set = 0;
  std::uint64_t clear = 0;
  bool operator==(const MountAttributes&) const = default;
};

enum class IdMap : std::uint8_t { None, Mount, Recursive };  // "idmap", "ridmap"

struct MountPropagation {
  Propagation type = Propagation::Private;
  bool recursive = false;
  bool operator==(const MountPropagation&) const = default;
};

// Later options have overridden earlier ones. `recursive` is to be applied first (to the mount and
// all below it), then `own` to the mount alone: "rro,rw" is a writable mount with read-only ones
// below it, "rw,rro" is read-only throughout.
struct MountOptions {
  MountAttributes own;
  MountAttributes recursive;
  // To be applied one after the other: a slave that is then made shared is both.
  std::vector<MountPropagation> propagation;
  bool bind = false;  // "bind" or "rbind": not a file system but a part of another mount.
  bool bind_recursive = false;
  bool remount = false;
  bool tmpcopyup = false;
  IdMap idmap = IdMap::None;
  // For fsconfig(2), in order: flags of the superblock ("sync") and whatever the file system has
  // of its own ("size" and "64m"). A flag has an empty value. "ro" and "rw" are attributes of the
  // mount and not in here; whoever mounts a read-only device has to give its superblock "ro" too.
  std::vector<std::pair<std::string, std::string>> superblock;
};

// Options that are not known go to the file system. Options that only matter to mount(8) itself
// (nofail, x-...), that the kernel has no word for any more (iversion, silent) or that are no
// change (defaults) are left out. Errors: Invalid for an option with a value but no name.
Result<MountOptions> parse_mount_options(std::span<const std::string> options);

// All names with a meaning of their own, sorted: for the features document.
std::vector<std::string> known_mount_options();

}  // namespace tare::oci
