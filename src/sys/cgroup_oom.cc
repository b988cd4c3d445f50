// SPDX-License-Identifier: Apache-2.0
// Out of memory: how often, and telling when it happens.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sys/cgroup_apply.h"
#include "sys/cgroup_files.h"

namespace tare::sys {
namespace {

using cgroups::keyed;
using cgroups::read_file;

// A file of each version with a line "oom_kill N". "" without a memory controller.
std::string oom_file(const CgroupHost& host, const std::vector<std::string>& directories) {
  if (const auto v1 = cgroups::v1_directory(host, directories, "memory"); !v1.empty())
    return v1 + "/memory.oom_control";
  const std::string v2 = cgroups::v2_directory(host, directories);
  return v2.empty() || !cgroups::has_v2(host, "memory") ? "" : v2 + "/memory.events";
}

Result<Fd> watch_v1(const std::string& control) {
  Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return fail_errno("make an event descriptor");
  const Fd file = TRY(sys::open_path(control, O_RDONLY));
  const std::string directory = control.substr(0, control.rfind('/'));
  // [cgroup-v1/memory.rst, 10: OOM Control]
  TRY(cgroups::write_file(directory + "/cgroup.event_control",
                          fmt::format("{} {}", event.get(), file.get())));
  return event;
}

}  // namespace

Result<std::uint64_t> Cgroup::oom_kills() const {
  const std::string file = oom_file(*host_, directories_);
  if (file.empty()) return std::uint64_t{0};
  const auto text = read_file(file);
  if (text) return keyed(*text, "oom_kill");
  if (text.error().kind() == Kind::NotFound) return std::uint64_t{0};
  return std::unexpected(text.error());
}

Result<OomWatch> Cgroup::watch_oom() const {
  OomWatch watch;
  watch.file_ = oom_file(*host_, directories_);
  if (watch.file_.empty()) return cgroups::cannot_limit(*host_, "memory", "memory");
  watch.seen_ = keyed(TRY(read_file(watch.file_)), "oom_kill");
  watch.v1_ = watch.file_.ends_with("memory.oom_control");
  if (watch.v1_) {
    watch.event_ = TRY(watch_v1(watch.file_), "watch for lack of memory");
    return watch;
  }
  watch.notify_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch.notify_) return fail_errno("watch for lack of memory");
  if (::inotify_add_watch(watch.notify_.get(), watch.file_.c_str(), IN_MODIFY | IN_DELETE_SELF) < 0)
    return fail_errno("watch " + watch.file_);
  return watch;
}

Result<bool> OomWatch::happened() {
  std::array<char, 4096> buffer;  // Only that something came matters.
  while (::read(fd(), buffer.data(), buffer.size()) > 0 && !v1_) {
  }
  const auto text = read_file(file_);
  if (!text && (text.error().kind() == Kind::NotFound || text.error().errnum() == ENODEV))
    return fail(Kind::NotFound, "the control group is gone");
  if (!text) return std::unexpected(text.error());
  const std::uint64_t now = keyed(*text, "oom_kill");
  const bool more = now > seen_;
  seen_ = now;
  // The event of version 1 also comes when nobody may be killed.
  const bool stands_still =
      v1_ && keyed(*text, "oom_kill_disable") != 0 && keyed(*text, "under_oom") != 0;
  return more || stands_still;
}

}  // namespace tare::sys
