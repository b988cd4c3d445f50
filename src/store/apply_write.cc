// SPDX-License-Identifier: Apache-2.0
// TreeWriter: the files themselves, with owner, mode, attributes and time. Content first, then the
// owner, then the mode (chown(2) clears setuid), then the attributes (chown clears capabilities),
// then the time.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "store/apply_layer.h"

namespace tare::store {
namespace {

constexpr std::size_t kChunk = 256 << 10;

struct Times {
  timespec pair[2];
};

Times times_of(const tar::Entry& entry) {
  const timespec time = to_timespec(entry.mtime);
  return Times{{time, time}};
}

// The owner of `name` in `dir`, or of the descriptor `dir` itself when `name` is "".
Result<> set_owner(int dir, const std::string& name, const tar::Entry& entry) {
  if (::fchownat(dir, name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0)
    return {};
  if (errno == EINVAL)
    return std::unexpected(
        Error(Kind::Unsupported, "it belongs to user id " + std::to_string(entry.uid) +
                                     " and group id " + std::to_string(entry.gid) +
                                     ", which the id range of a container does not have")
            .hint("containers have 65536 ids: make the image with owners from 0 to 65535"));
  return fail_errno("change the owner to " + std::to_string(entry.uid) + ":" +
                    std::to_string(entry.gid));
}

// [security rule: attributes are allow-listed]
bool is_allowed_xattr(std::string_view name) {
  if (name.starts_with("user.overlay.")) return false;  // Would steer overlayfs.
  return name.starts_with("user.") || name == "security.capability";
}

// A directory that a lower layer made shows the attributes of the upper one only.
void remove_xattrs(int file) {
  std::array<char, 16384> names{};
  const ssize_t size = ::flistxattr(file, names.data(), names.size());
  for (ssize_t at = 0; at < size;) {
    const std::string name = names.data() + at;
    if (name.starts_with("user.")) (void)::fremovexattr(file, name.c_str());
    at += static_cast<ssize_t>(name.size()) + 1;
  }
}

}  // namespace

Result<> TreeWriter::write_entry(const Place& place, tar::Reader& reader) {
  const tar::Entry& entry = reader.entry();
  switch (entry.type) {
    case tar::Type::Regular:
      return write_regular(place, reader);
    case tar::Type::HardLink:
      return write_hard_link(place, entry);
    case tar::Type::Symlink:
      return write_symlink(place, entry);
    case tar::Type::Directory:
      return write_directory(place, entry);
    case tar::Type::Fifo:
      return write_fifo(place, entry);
    case tar::Type::CharDevice:
    case tar::Type::BlockDevice:
      // SECURITY: a device node of an image would be a door to the host's hardware; a container's
      // devices are made by the engine. tests/contract/rootfs_test.cc
      ++notes_.devices;
      return {};
  }
  return fail(Kind::Unsupported, "its type is not one of a file");
}

Result<> TreeWriter::write_regular(const Place& place, tar::Reader& reader) {
  const tar::Entry& entry = reader.entry();
  sys::Fd file =
      TRY(sys::open_at(place.dir, place.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(write_content(file.get(), reader));
  TRY(set_owner(file.get(), "", entry));
  if (::fchmod(file.get(), entry.mode & 07777) != 0) return fail_errno("change the mode");
  TRY(set_xattrs(file.get(), entry));
  if (::futimens(file.get(), times_of(entry).pair) != 0) return fail_errno("set the time");
  TRY(file.close());
  return {};
}

Result<> TreeWriter::write_content(int file, tar::Reader& reader) {
  static thread_local std::array<char, kChunk> buffer;
  bool ends_in_hole = false;
  std::uint64_t done = 0;
  for (;;) {
    if (const std::uint64_t hole = reader.hole_bytes(); hole > 0) {
      if (::lseek(file, static_cast<off_t>(hole), SEEK_CUR) < 0) return fail_errno("skip a hole");
      reader.skip_hole();
      done += hole;
      ends_in_hole = true;
      continue;
    }
    const std::size_t count = TRY(reader.read_content(buffer.data(), buffer.size()));
    if (count == 0) break;
    TRY(sys::write_all(file, {buffer.data(), count}));
    done += count;
    ends_in_hole = false;
  }
  if (ends_in_hole && ::ftruncate(file, static_cast<off_t>(done)) != 0)
    return fail_errno("set the size");
  return {};
}

Result<> TreeWriter::write_directory(const Place& place, const tar::Entry& entry) {
  const bool made = place.name != "." && ::mkdirat(place.dir, place.name.c_str(), 0700) == 0;
  if (!made && place.name != "." && errno != EEXIST) return fail_errno("make the directory");
  const sys::Fd dir = TRY(sys::open_at(place.dir, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY(set_owner(dir.get(), "", entry));
  if (::fchmod(dir.get(), entry.mode & 07777) != 0) return fail_errno("change the mode");
  if (!made) remove_xattrs(dir.get());
  TRY(set_xattrs(dir.get(), entry));
  directory_times_[place.path] = entry.mtime;
  return {};
}

Result<> TreeWriter::write_symlink(const Place& place, const tar::Entry& entry) {
  if (entry.link.empty()) return fail(Kind::Invalid, "the symbolic link has no target");
  if (::symlinkat(entry.link.c_str(), place.dir, place.name.c_str()) != 0)
    return fail_errno("make the symbolic link");
  TRY(set_owner(place.dir, place.name, entry));
  if (::utimensat(place.dir, place.name.c_str(), times_of(entry).pair, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno("set the time");
  return {};
}

Result<> TreeWriter::write_fifo(const Place& place, const tar::Entry& entry) {
  if (::mknodat(place.dir, place.name.c_str(), S_IFIFO | 0600, 0) != 0)
    return fail_errno("make the fifo");
  TRY(set_owner(place.dir, place.name, entry));
  // Nobody else writes here, so the name is still the fifo that was made above.
  if (::fchmodat(place.dir, place.name.c_str(), entry.mode & 07777, 0) != 0)
    return fail_errno("change the mode");
  if (::utimensat(place.dir, place.name.c_str(), times_of(entry).pair, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno("set the time");
  return {};
}

Result<> TreeWriter::set_xattrs(int file, const tar::Entry& entry) {
  for (const auto& [name, value] : entry.xattrs) {
    if (!is_allowed_xattr(name)) {
      ++notes_.xattrs;
      continue;
    }
    if (::fsetxattr(file, name.c_str(), value.data(), value.size(), 0) == 0) continue;
    // A file system without attributes, or a capability in a namespace that may not set it: the
    // file has less power than in the image, never more. A malformed capability is the image's own
    // fault.
    if (errno != EOPNOTSUPP && errno != EPERM) return fail_errno("set attribute " + quoted(name));
    ++notes_.xattrs;
  }
  return {};
}

}  // namespace tare::store
