// SPDX-License-Identifier: Apache-2.0
#include "sys/ownership.h"

#include <unistd.h>

#include "base/text.h"
#include "sys/ids.h"

namespace tare::sys {

bool is_writable_by_others(const struct stat& info) {
  return (info.st_mode & S_IWOTH) != 0 ||
         ((info.st_mode & S_IWGRP) != 0 && info.st_gid != ::getegid());
}

Result<> check_way(const std::string& path) {
  constexpr uid_t kUnmapped = 65534;  // [user_namespaces(7), "Unmapped user and group IDs"]
  const bool namespaced = !in_initial_user_namespace();
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string above = slash == 0 ? "/" : path.substr(0, slash);
    struct stat info{};
    if (::lstat(above.c_str(), &info) != 0) return fail_errno("look at " + quoted(above));
    const bool trusted =
        info.st_uid == 0 || info.st_uid == ::geteuid() || (namespaced && info.st_uid == kUnmapped);
    const bool sticky = (info.st_mode & S_ISVTX) != 0;
    if (trusted && (sticky || !is_writable_by_others(info))) continue;
    return std::unexpected(
        Error(Kind::Denied,
              quoted(above) +
                  (trusted ? " can be written by other users" : " belongs to another user") +
                  ", who could put another directory in the place of " + quoted(path))
            .hint("name a directory below those of root or your own"));
  }
  return {};
}

}  // namespace tare::sys
