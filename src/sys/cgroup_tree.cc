// SPDX-License-Identifier: Apache-2.0
// Making and removing the directories that are groups.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "base/text.h"
#include "sys/cgroup_files.h"
#include "sys/files.h"

namespace tare::sys::cgroups {
namespace {

std::string parent_of(const std::string& directory) {
  return directory.substr(0, directory.rfind('/'));
}

// Groups made by the container itself go first. 0, or an errno value; what is gone already is fine.
int remove_group(const std::string& directory, int depth) {
  if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) return 0;
  const int saved = errno;
  constexpr int kDeepest = 32;
  if (depth < kDeepest) {
    const Fd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto names = list_directory(opened.get());
    bool any = false;
    for (const std::string& name : names ? *names : std::vector<std::string>{}) {
      struct stat status{};
      if (::fstatat(opened.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
          !S_ISDIR(status.st_mode))
        continue;
      any = true;
      (void)remove_group(directory + "/" + name, depth + 1);
    }
    if (any && (::rmdir(directory.c_str()) == 0 || errno == ENOENT)) return 0;
  }
  return saved;
}

// What does not work shows when a limit is set.
void hand_down(const std::string& directory, const std::vector<std::string>& controllers) {
  if (controllers.empty()) return;
  const std::string file = directory + "/cgroup.subtree_control";
  const auto enabled = read_file(file);
  if (!enabled) return;
  const std::vector<std::string> have = split(trim(*enabled), ' ');
  // One by one: the kernel takes all of a write or nothing.
  for (const std::string& name : controllers)
    if (std::ranges::find(have, name) == have.end()) (void)write_file(file, "+" + name);
}

Result<> make_parents(const std::string& base, const std::string& directory,
                      const std::vector<std::string>& controllers,
                      std::vector<std::string>& parents) {
  hand_down(base, controllers);
  for (std::size_t at = directory.find('/', base.size() + 1); at != std::string::npos;
       at = directory.find('/', at + 1)) {
    const std::string above = directory.substr(0, at);
    if (::mkdir(above.c_str(), 0755) == 0)
      parents.push_back(above);
    else if (errno != EEXIST)
      return fail_errno("make the control group " + above);
    hand_down(above, controllers);
  }
  return {};
}

bool is_empty(const std::string& directory) {
  const auto text = read_file(directory + "/cgroup.procs");
  return text && text->empty();
}

Result<> fill_from_above(const std::string& base, const std::string& directory, const char* file) {
  const std::string above = parent_of(directory);
  std::string value = TRY(read_file(above + file));
  if (trim(value).empty() && above.size() > base.size()) {
    TRY(fill_from_above(base, above, file));
    value = TRY(read_file(above + file));
  }
  return write_file(directory + file, trim(value));
}

}  // namespace

Result<> make_group(const std::string& base, const std::string& directory,
                    const std::vector<std::string>& controllers,
                    std::vector<std::string>& parents) {
  if (!controllers.empty()) TRY(make_parents(base, directory, controllers, parents));
  // Others may remove the directories above while we make them.
  constexpr int kTries = 20;
  for (int tries = 0; tries < kTries; ++tries) {
    if (::mkdir(directory.c_str(), 0755) == 0) return {};
    if (errno == ENOENT && tries < kTries - 1) {
      TRY(make_parents(base, directory, controllers, parents));
      continue;
    }
    if (errno != EEXIST) break;
    // Left by somebody who was killed. Its limits are not ours: a new one, unless it is in use.
    if (!is_empty(directory))
      return std::unexpected(
          Error(Kind::Busy, "the control group " + directory + " is in use by other processes")
              .hint("give this container a group of its own"));
    TRY(remove_patiently(directory), "replace a control group of that name");
  }
  return fail_errno("make the control group " + directory);
}

Result<> hand_down_to(const std::string& base, const std::string& directory,
                      const std::vector<std::string>& controllers) {
  std::vector<std::string> made;  // None: the group is there.
  return make_parents(base, directory, controllers, made);
}

Result<> fill_cpuset(const std::string& base, const std::string& directory) {
  TRY(fill_from_above(base, directory, "/cpuset.cpus"));
  return fill_from_above(base, directory, "/cpuset.mems");
}

// A killed process leaves its group only when it is dead for good, a moment after its exit was
// reported.
Result<> remove_patiently(const std::string& directory) {
  constexpr int kTries = 100;
  int error = 0;
  for (int tries = 0; tries < kTries; ++tries) {
    error = remove_group(directory, 0);
    if (error != EBUSY) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (error == 0) return {};
  return std::unexpected(Error::sys(error, "remove the control group " + directory));
}

}  // namespace tare::sys::cgroups
