// SPDX-License-Identifier: Apache-2.0
// What happens to the control groups of a running container: pause, unpause, update.
#include <fcntl.h>
#include <unistd.h>

#include "engine/record.h"
#include "engine/resources.h"
#include "engine/state.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

Result<> check_running(const Container& container) {
  if (container.status == Status::Running) return {};
  return std::unexpected(
      Error(Kind::Busy, "container " + quoted(container.name) + " is not running")
          .hint("start it with tare start " + container.name));
}

}  // namespace

Result<> Engine::pause(const std::string& id) {
  const Container container = TRY(find(id));
  TRY(check_running(container));
  if (container.paused)
    return fail(Kind::Busy, "container " + quoted(container.name) + " is paused already");
  const sys::Fd dir = TRY(state_->open_container(container.id));
  // First the note, so that nobody sees a frozen container that is not noted.
  TRY(sys::replace_file(dir.get(), "paused", "", sys::Durability::Lazy));
  auto frozen = sys::Cgroup::open(group_name(container)).freeze();
  if (!frozen) {
    ::unlinkat(dir.get(), "paused", 0);
    return std::unexpected(std::move(frozen).error().wrap("pause " + quoted(container.name)));
  }
  return {};
}

Result<> Engine::unpause(const std::string& id) {
  const Container container = TRY(find(id));
  TRY(check_running(container));
  if (!container.paused)
    return fail(Kind::Busy, "container " + quoted(container.name) + " is not paused");
  return state_->thaw(container);
}

Result<> Engine::State::thaw(const Container& container) const {
  if (!container.paused) return {};
  const sys::Fd dir = TRY(open_container(container.id));
  auto thawed = sys::Cgroup::open(group_name(container)).thaw();
  // Dead before it went on.
  if (!thawed && thawed.error().kind() != Kind::NotFound)
    return std::unexpected(std::move(thawed).error().wrap("unpause " + quoted(container.name)));
  ::unlinkat(dir.get(), "paused", 0);
  return {};
}

Result<std::vector<std::string>> Engine::update(const std::string& id, const Resources& change) {
  const sys::Fd lock = TRY(state_->store.lock(State::kChanges));
  Container container = TRY(find(id));
  const Resources merged = TRY(merge_resources(container.config.resources, change));
  Resources now = change;
  now.memory_swap_bytes =  // It may follow memory.
      change.memory_bytes != 0 || change.memory_swap_bytes != 0 ? merged.memory_swap_bytes : 0;
  // Version 2 counts swap alone: the kernel's number depends on both.
  if (change.memory_swap_bytes != 0) now.memory_bytes = merged.memory_bytes;
  sys::CgroupLimits limits = TRY(make_limits(now));
  limits.memory_swap_if_possible = change.memory_swap_bytes == 0;
  std::vector<std::string> warnings;
  if (container.status == Status::Running) {
    sys::Cgroup group = sys::Cgroup::open(group_name(container));
    auto set = group.update(limits, &warnings);
    if (!set) {
      // Part of it may be in force already; what was before holds again, as far as it goes.
      if (const auto before = make_limits(container.config.resources))
        (void)group.update(*before, nullptr);
      return std::unexpected(std::move(set).error().wrap("update " + quoted(container.name)));
    }
  }
  container.config.resources = merged;
  const sys::Fd dir = TRY(state_->open_container(container.id));
  TRY(sys::replace_file(dir.get(), "config.json", print_record(container)));
  return warnings;
}

}  // namespace tare::engine
