// SPDX-License-Identifier: Apache-2.0
// Stopping, killing and listing the processes of a group.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "base/text.h"
#include "sys/cgroup_apply.h"
#include "sys/cgroup_files.h"
#include "sys/files.h"

namespace tare::sys {
namespace {

using cgroups::exists;
using cgroups::read_file;
using cgroups::write_file;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kFreezePatience(10);

Result<> collect(const std::string& directory, Cgroup::Depth depth, std::vector<int>& pids) {
  const std::string text = TRY(read_file(directory + "/cgroup.procs"));
  for (const std::string& line : split(text, '\n')) {
    const auto pid = parse_u64(line);
    if (pid && *pid != 0) pids.push_back(static_cast<int>(*pid));
  }
  if (depth == Cgroup::Depth::Own) return {};
  const Fd opened = TRY(sys::open_path(directory, O_RDONLY | O_DIRECTORY));
  for (const std::string& name : TRY(list_directory(opened.get()))) {
    struct stat status{};
    if (::fstatat(opened.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISDIR(status.st_mode))
      continue;
    auto below = collect(directory + "/" + name, depth, pids);
    if (!below && below.error().kind() != Kind::NotFound) return below;
  }
  return {};
}

bool events_say_frozen(std::string_view text, bool frozen) {
  return cgroups::keyed(text, "frozen") == (frozen ? 1U : 0U);
}

// cgroup.events tells of a change by POLLPRI. [cgroup-v2.rst, cgroup.events]
Result<> wait_v2(const std::string& directory, bool frozen) {
  const Fd events = TRY(sys::open_path(directory + "/cgroup.events", O_RDONLY));
  const auto deadline = Clock::now() + kFreezePatience;
  for (;;) {
    ::lseek(events.get(), 0, SEEK_SET);
    if (events_say_frozen(TRY(read_all(events.get(), 4096)), frozen)) return {};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) break;
    pollfd poll{.fd = events.get(), .events = POLLPRI, .revents = 0};
    ::poll(&poll, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 100)));
  }
  return fail(Kind::Unavailable, frozen ? "processes of the container do not stop"
                                        : "processes of the container do not go on");
}

Result<> wait_v1(const std::string& directory, std::string_view wanted) {
  const auto deadline = Clock::now() + kFreezePatience;
  while (Clock::now() < deadline) {
    if (trim(TRY(read_file(directory + "/freezer.state"))) == wanted) return {};
    // Read while it is FREEZING, the kernel looks again at those that were not ready.
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return fail(Kind::Unavailable, "processes of the container do not stop");
}

Result<> set_frozen(const std::string& v2, const std::string& v1, bool frozen) {
  if (!v2.empty()) {
    TRY(write_file(v2 + "/cgroup.freeze", frozen ? "1" : "0"));
    return wait_v2(v2, frozen);
  }
  if (v1.empty())
    return std::unexpected(
        Error(Kind::Unsupported, "this container has no control group that could be frozen")
            .hint("as an ordinary user: systemd-run --user --scope -p Delegate=yes tare ..."));
  const char* state = frozen ? "FROZEN" : "THAWED";
  TRY(write_file(v1 + "/freezer.state", state));
  return wait_v1(v1, state);
}

}  // namespace

Result<std::vector<int>> Cgroup::processes(Depth depth) const {
  std::vector<int> pids;
  if (directories_.empty()) return pids;
  const std::string v2 = cgroups::v2_directory(*host_, directories_);
  TRY(collect(v2.empty() ? directories_.front() : v2, depth, pids));
  return pids;
}

std::string Cgroup::freezable_v2() const {
  const std::string v2 = cgroups::v2_directory(*host_, directories_);
  return !v2.empty() && exists(v2 + "/cgroup.freeze") ? v2 : "";  // Linux 5.2.
}

Result<> Cgroup::freeze() const {
  const std::string v1 = cgroups::v1_directory(*host_, directories_, "freezer");
  auto frozen = set_frozen(freezable_v2(), v1, true);
  if (!frozen) (void)set_frozen(freezable_v2(), v1, false);
  return frozen;
}

Result<> Cgroup::thaw() const {
  return set_frozen(freezable_v2(), cgroups::v1_directory(*host_, directories_, "freezer"), false);
}

Result<bool> Cgroup::is_frozen() const {
  if (const std::string v2 = freezable_v2(); !v2.empty())
    return events_say_frozen(TRY(read_file(v2 + "/cgroup.events")), true);
  const std::string v1 = cgroups::v1_directory(*host_, directories_, "freezer");
  if (v1.empty()) return false;
  return trim(TRY(read_file(v1 + "/freezer.state"))) != "THAWED";
}

Result<> Cgroup::kill() const {
  const std::string v2 = cgroups::v2_directory(*host_, directories_);
  if (!v2.empty() && exists(v2 + "/cgroup.kill")) return write_file(v2 + "/cgroup.kill", "1");
  // Without it: processes may be born while we go through the list, so until none is left.
  const std::string freezer = cgroups::v1_directory(*host_, directories_, "freezer");
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<int> pids = TRY(processes(Depth::WithBelow));
    if (pids.empty()) return {};
    for (const int pid : pids) ::kill(pid, SIGKILL);
    // Version 1 does not let frozen processes die; version 2 does.
    if (!freezer.empty()) (void)write_file(freezer + "/freezer.state", "THAWED");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return fail(Kind::Busy, "processes of the control group do not end");
}

}  // namespace tare::sys
