// SPDX-License-Identifier: Apache-2.0
// What is left of containers when the process that was at work on them has been killed, and how the
// next command that looks takes it away. [tests/scenario/killed-at-every-step.sh]
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "engine/bin.h"
#include "engine/record.h"
#include "engine/resources.h"
#include "engine/root_namespace.h"
#include "engine/state.h"
#include "sys/cgroup.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

bool is_there(int dir, const std::string& name) {
  struct stat info{};
  return ::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

// Process 1 where there is no cgroup that it could be found by: the parent-death signal ends it
// with its keeper, unless the program took that off. [prctl(2), PR_SET_PDEATHSIG]
void kill_first_process(const std::string& started) {
  const auto pid = static_cast<int>(number_field(started, "pid"));
  const std::string start = field(started, "pid_start");
  if (pid <= 1 || start.empty()) return;
  const sys::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // Compared when the descriptor is there already: the number may have been given away again.
  if (!pidfd || start_time(pid) != start) return;
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
}

// A name that does not lead to a container of this name.
bool is_stale_name(const store::Store& store, const std::string& name) {
  std::string id(256, '\0');
  const std::string link = "container-names/" + name;
  const ssize_t size = ::readlinkat(store.dir(), link.c_str(), id.data(), id.size());
  if (size < 0) return false;
  id.resize(static_cast<std::size_t>(size));
  const auto text = sys::load_file(store.dir(), "containers/" + id + "/config.json");
  if (!text) return text.error().kind() == Kind::NotFound;
  const auto record = parse_record(*text);
  return record && record->name != name;
}

}  // namespace

void Engine::State::heal(const Container& container, int dir) const {
  if (container.status == Status::Running) return;
  const bool lost = is_there(dir, "started") && !is_there(dir, "exit");
  const sys::Cgroup group = sys::Cgroup::open(group_name(container));
  if (group.directories().empty() && !lost && !has_network_mark(dir)) return;
  // Whoever starts it now holds the lock: these may be his processes.
  const auto lock = lock_container(dir, container.name);
  if (!lock) return;
  const auto started = sys::load_file(dir, "started", 4096);
  if (started && !is_there(dir, "exit")) {
    kill_first_process(*started);
    const std::string text =
        "exit_code=137\nfinished_at=" + field(*started, "started_at") + "\noom=0\nlost=1\n";
    (void)sys::replace_file(dir, "exit", text, sys::Durability::Lazy);  // Else by the next one.
  }
  ::unlinkat(dir, "ctl", 0);
  (void)group.kill();    // A process that outlived its keeper cannot be reached otherwise.
  (void)group.remove();  // Left for the next time when it does not work now.
  (void)release_networks(container.id, dir);
}

namespace {

bool has_builder(int dir) {
  const auto file = sys::open_at(dir, kBuilderLock, O_RDWR | O_NOFOLLOW);
  if (!file) return false;
  return !sys::lock_file(file->get(), sys::Lock::Exclusive, sys::Wait::No);
}

}  // namespace

bool Engine::State::sweep(const Container& container, int dir) {
  if (container.step) {
    // One that runs is ended by its keeper, which lost the builder as well.
    if (container.status == Status::Running || has_builder(dir)) return false;
    const auto lock = lock_container(dir, container.name);
    return lock && destroy(container, false, true);
  }
  constexpr UnixNanos kTimeForOwner = 10'000'000'000;
  if (container.status != Status::Exited || !container.config.auto_remove) return false;
  const UnixNanos age = now_ns() - container.finished_at;
  if (age >= 0 && age < kTimeForOwner) return false;
  const auto lock = lock_container(dir, container.name);
  return lock && destroy(container, false, true);
}

void Engine::State::recover() {
  const auto alone = store.lock(kBetween, sys::Lock::Exclusive, sys::Wait::No);
  if (!alone) return;
  if (const auto ids = sys::list_directory(store.dir(), "containers"))
    for (const std::string& id : *ids)
      if (!is_there(store.dir(), "containers/" + id + "/config.json")) {
        drop_begun_volumes(id);
        (void)store.discard("containers/" + id);
      }
  if (const auto names = sys::list_directory(store.dir(), "container-names"))
    for (const std::string& name : *names)
      if (is_stale_name(store, name))
        ::unlinkat(store.dir(), ("container-names/" + name).c_str(), 0);
  id_ranges.sweep(store.path() + "/containers/");
}

Result<> Engine::State::destroy(const Container& container, bool keep, bool volumes) {
  const sys::Fd between = TRY(store.lock(kBetween, sys::Lock::Shared));
  const sys::Cgroup group = sys::Cgroup::open(group_name(container));
  if (!group.directories().empty()) {
    (void)group.kill();
    (void)group.remove();
  }
  if (const auto dir = open_container(container.id)) {
    if (const auto started = sys::load_file(dir->get(), "started", 4096);
        started && !is_there(dir->get(), "exit"))
      kill_first_process(*started);
    (void)release_networks(container.id, dir->get());
  }
  failpoint("remove.ended");
  // Of one that removes itself nobody waits for the answer: what stays is found by prune.
  auto dropped = volumes ? drop_volumes_of(container, keep) : Result<>();
  if (!dropped && !container.config.auto_remove) return dropped;
  // On a full disk removing has to work all the same.
  auto kept = keep ? put_container_in_bin(store, container.id) : Result<>();
  const int problem = kept ? 0 : kept.error().errnum();
  if (problem == ENOSPC || problem == EDQUOT)
    keep = false;
  else
    TRY(std::move(kept));
  if (!keep) TRY(store.discard("containers/" + container.id));
  failpoint("remove.discarded");
  if (!keep) id_ranges.release(container.id_claim, container_path(container.id));
  failpoint("remove.released");
  // Last: as long as it is there, recover() knows that there is something to do.
  ::unlinkat(store.dir(), ("container-names/" + container.name).c_str(), 0);
  return {};
}

}  // namespace tare::engine
