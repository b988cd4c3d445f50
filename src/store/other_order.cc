// SPDX-License-Identifier: Apache-2.0
#include "store/other_order.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "sys/mounts.h"

namespace tare::store {
namespace {

// Of an image with more the rest is as ever: each name costs the kernel a kilobyte.
constexpr std::size_t kMostNames = 200'000;

struct Name {
  std::uint64_t rank = 0;
  std::string text;
  bool is_directory = false;
};

// FNV-1a: any order will do that is the same each time.
std::uint64_t rank_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

Result<std::vector<Name>> names_in(int lower, const std::string& directory) {
  sys::Fd fd(::openat(lower, directory.empty() ? "." : directory.c_str(),
                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail_errno("open a directory of the image");
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(fd.get()));
  if (!stream) return fail_errno("list a directory of the image");
  const int raw = fd.release();  // The stream's from here on.
  std::vector<Name> names;
  while (const dirent* const entry = ::readdir(stream.get())) {
    const std::string_view text = entry->d_name;
    if (text == "." || text == "..") continue;
    bool is_directory = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN) {
      struct stat info{};
      if (::fstatat(raw, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("stat a file of the image");
      is_directory = S_ISDIR(info.st_mode);
    }
    names.push_back(
        {.rank = rank_of(text), .text = std::string(text), .is_directory = is_directory});
  }
  std::ranges::sort(names, {}, &Name::rank);
  return names;
}

}  // namespace

bool has_other_order(int container_dir) {
  return ::faccessat(container_dir, kOtherOrder, F_OK, 0) == 0;
}

Result<sys::Fd> make_other_order(int lower) {
  const sys::FsOption options[] = {{.key = "source", .value = "tare"},
                                   {.key = "mode", .value = "0755"},
                                   {.key = "nr_inodes", .value = "0"}};
  sys::Fd order = TRY(sys::mount_filesystem("tmpfs", options, MOUNT_ATTR_NODEV));
  std::vector<std::string> directories{""};  // Below the root, with a slash at the end.
  std::size_t made = 0;
  while (!directories.empty() && made < kMostNames) {
    const std::string directory = std::move(directories.back());
    directories.pop_back();
    for (Name& name : TRY(names_in(lower, directory))) {
      const std::string path = directory + name.text;
      const int failed = name.is_directory ? ::mkdirat(order.get(), path.c_str(), 0755)
                                           : ::mknodat(order.get(), path.c_str(), S_IFREG, 0);
      if (failed != 0) return fail_errno("give names another order");
      if (name.is_directory) directories.push_back(path + "/");
      ++made;
    }
  }
  return order;
}

}  // namespace tare::store
