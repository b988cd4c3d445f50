// SPDX-License-Identifier: Apache-2.0
#include "engine/image_mounts.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "codec/sha256.h"
#include "engine/record.h"
#include "sys/files.h"
#include "sys/mounts.h"

namespace tare::engine {
namespace {

std::string room_of(const std::string& root) { return root + "/mounts"; }

std::string note_name(const std::string& place) { return codec::sha256(place).hex() + ".note"; }

bool is_mount_point(const std::string& place) {
  struct statx info{};
  return ::statx(AT_FDCWD, place.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE,
                 &info) == 0 &&
         (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

void forget(const std::string& root, const std::string& place) {
  ::unlink((room_of(root) + "/" + note_name(place)).c_str());
  if (place.starts_with(room_of(root) + "/")) ::rmdir(place.c_str());
}

}  // namespace

Result<std::string> make_mount_place(const std::string& root, const std::string& image) {
  const std::size_t colon = image.find(':');
  std::string place = room_of(root) + "/" + image.substr(colon + 1);
  TRY(sys::make_directories(place, 0700));
  return place;
}

Result<> note_mount(const std::string& root, const ImageMount& mount) {
  TRY(sys::make_directories(room_of(root), 0700));
  const sys::Fd room = TRY(sys::open_path(room_of(root), O_RDONLY | O_DIRECTORY));
  return sys::replace_file(
      room.get(), note_name(mount.place),
      "image=" + mount.image + "\nname=" + escaped(mount.name) + "\nplace=" + mount.place + "\n",
      sys::Durability::Lazy);
}

Result<std::vector<ImageMount>> list_mounts(const std::string& root) {
  std::vector<ImageMount> out;
  const auto room = sys::open_path(room_of(root), O_RDONLY | O_DIRECTORY);
  if (!room) return out;
  for (const std::string& name : TRY(sys::list_directory(room->get()))) {
    const auto note = name.ends_with(".note") ? sys::load_file(room->get(), name, 64 << 10)
                                              : Result<std::string>(std::string());
    if (!note || note->empty()) continue;
    ImageMount mount{.image = field(*note, "image"),
                     .name = field(*note, "name"),
                     .place = field(*note, "place")};
    if (is_mount_point(mount.place))
      out.push_back(std::move(mount));
    else
      forget(root, mount.place);
  }
  return out;
}

Result<> take_mount_away(const std::string& root, const ImageMount& mount) {
  const auto taken = sys::unmount(mount.place);
  if (!taken && taken.error().errnum() == EINVAL)
    return std::unexpected(Error(Kind::NotFound, "nothing is mounted at " + quoted(mount.place))
                               .hint("tare mount lists what is"));
  TRY(taken);
  forget(root, mount.place);
  return {};
}

}  // namespace tare::engine
