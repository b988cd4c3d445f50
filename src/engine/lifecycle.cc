// SPDX-License-Identifier: Apache-2.0
// What happens to a container after its start: attach, signals, stop, wait, rename, remove.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/failpoint.h"
#include "engine/attachment.h"
#include "engine/made_up_names.h"
#include "engine/record.h"
#include "engine/state.h"
#include "store/settings.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kDefaultStopSeconds = 10;

Result<> not_running(const Container& container) {
  return std::unexpected(
      Error(Kind::Busy, "container " + quoted(container.name) + " is not running")
          .hint("start it with tare start " + container.name));
}

// Waits for the exit through `keeper`. nullopt: the time ran out. No deadline: waits for ever.
Result<std::optional<int>> wait_exit(KeeperAttachment& keeper,
                                     std::optional<Clock::time_point> deadline) {
  for (;;) {
    if (deadline) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - Clock::now());
      pollfd poll{.fd = keeper.fd(), .events = POLLIN, .revents = 0};
      const int ready = ::poll(&poll, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
      if (ready < 0 && errno == EINTR) continue;
      if (ready < 0) return fail_errno("wait for the container's keeper");
      if (ready == 0) return std::optional<int>();
    }
    const Event event = TRY(keeper.next());
    if (event.type == Event::Type::Exit) return std::optional(event.exit_code);
    if (event.type == Event::Type::Closed) return std::optional(137);
  }
}

}  // namespace

Result<std::unique_ptr<Attachment>> Engine::attach(const std::string& id,
                                                   const AttachRequest& request) {
  const Container container = TRY(find(id));
  if (container.status != Status::Running) TRY(not_running(container));
  if (container.paused)
    return std::unexpected(Error(Kind::Busy, "container " + quoted(container.name) + " is paused")
                               .hint("let it go on first: tare unpause " + container.name));
  sys::Fd dir = TRY(state_->open_container(container.id));
  std::unique_ptr<KeeperAttachment> keeper = TRY(connect_keeper(dir.get()));
  TRY(keeper->attach(request, false));
  return std::unique_ptr<Attachment>(std::move(keeper));
}

Result<> Engine::kill(const std::string& id, int signal) {
  const Container container = TRY(find(id));
  if (container.status != Status::Running) return not_running(container);
  sys::Fd dir = TRY(state_->open_container(container.id));
  std::unique_ptr<KeeperAttachment> keeper = TRY(connect_keeper(dir.get()));
  TRY(keeper->signal(signal), "kill " + quoted(container.name));
  if (signal != SIGKILL) return {};
  // Frozen processes of version 1 of control groups do not die before they go on.
  TRY(state_->thaw(container));
  // As with kill(2) the signal is certain; so that what follows sees a stopped container, wait.
  if (auto waits = keeper->wait(); !waits) {
    // It was that fast.
    if (waits.error().errnum() == EPIPE || waits.error().errnum() == ECONNRESET) return {};
    return waits;
  }
  TRY(wait_exit(*keeper, Clock::now() + std::chrono::seconds(10)));
  return {};
}

Result<> Engine::stop(const std::string& id, std::optional<int> timeout_s) {
  const Container container = TRY(find(id));
  if (container.status != Status::Running) return {};
  sys::Fd dir = TRY(state_->open_container(container.id));
  auto connected = connect_keeper(dir.get());
  if (!connected) {
    const Container now = TRY(find(container.id));
    if (now.status != Status::Running) return {};
  }
  std::unique_ptr<KeeperAttachment> keeper = TRY(std::move(connected));
  const int stop_signal = TRY(parse_signal(container.config.stop_signal));
  TRY(keeper->wait());
  TRY(keeper->signal(stop_signal));
  failpoint("stop.asked");
  TRY(state_->thaw(container));  // With the signal waiting, so that it ends and does nothing else.
  const int seconds =
      timeout_s.value_or(container.config.stop_timeout_s.value_or(kDefaultStopSeconds));
  std::optional<Clock::time_point> deadline;  // A negative timeout waits for ever, as in Docker.
  if (seconds >= 0) deadline = Clock::now() + std::chrono::seconds(seconds);
  if (TRY(wait_exit(*keeper, deadline))) return {};
  TRY(keeper->signal(SIGKILL));
  failpoint("stop.killed");
  if (TRY(wait_exit(*keeper, Clock::now() + std::chrono::seconds(10)))) return {};
  return fail(Kind::Busy,
              "container " + quoted(container.name) + " does not stop, even by SIGKILL");
}

Result<int> Engine::wait(const std::string& id) {
  const Container container = TRY(find(id));
  if (container.status != Status::Running) return container.exit_code;
  sys::Fd dir = TRY(state_->open_container(container.id));
  auto keeper = connect_keeper(dir.get());
  if (keeper) {
    TRY((*keeper)->wait());
    const Event event = TRY((*keeper)->next());
    if (event.type == Event::Type::Exit) return event.exit_code;
  }
  const Container now = TRY(load_container(dir.get()));
  return now.exit_code;
}

Result<> Engine::remove(const std::string& id, const RemoveRequest& request) {
  const Container container = TRY(find(id));
  if (container.status == Status::Running) {
    if (!request.force)
      return std::unexpected(
          Error(Kind::Busy, "cannot remove container " + quoted(container.name) + ": it is running")
              .hint("stop it first (tare stop " + container.name + "), or use rm -f"));
    auto killed = kill(container.id, SIGKILL);
    if (!killed && killed.error().kind() != Kind::Busy && killed.error().kind() != Kind::NotFound &&
        killed.error().kind() != Kind::Unavailable)
      return killed;
    failpoint("remove.killed");
  }
  // Killed, one with --rm is removed by its keeper or by its owner too: then it is gone as asked.
  const auto gone = [](const Error& error) { return error.kind() == Kind::NotFound; };
  auto dir = state_->open_container(container.id);
  if (!dir && gone(dir.error())) return {};
  auto lock = state_->await_container(TRY(std::move(dir)).get(), container.name);
  if (!lock && gone(lock.error())) return {};
  const sys::Fd held = TRY(std::move(lock));
  failpoint("remove.locked");
  const auto undo_time = TRY(store::load_settings(state_->store.dir())).undo_time;
  const bool keep = !request.now && !container.config.auto_remove && undo_time.count() > 0;
  TRY(state_->destroy(container, keep, request.volumes || container.config.auto_remove));
  if (keep) state_->note_binned();
  return {};
}

Result<sys::Fd> Engine::State::await_container(int dir, const std::string& name) const {
  constexpr std::chrono::seconds kPatience(10);
  constexpr unsigned kPauseUs = 500;
  const auto deadline = Clock::now() + kPatience;
  for (;;) {
    auto lock = lock_container(dir, name);
    if (lock || lock.error().kind() != Kind::Busy || Clock::now() > deadline) return lock;
    const auto now = load_container(dir);
    if (now && now->status == Status::Running) return lock;
    ::usleep(kPauseUs);
  }
}

Result<> Engine::rename(const std::string& id, const std::string& new_name) {
  TRY(check_name(new_name));
  const int store = state_->store.dir();
  struct stat info{};
  if (::fstatat(store, ("container-names/" + new_name).c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
    state_->recover();  // It may be the name of nothing.
  const sys::Fd one = TRY(state_->store.lock(State::kChanges, sys::Lock::Exclusive));
  Container container = TRY(find(id));
  const sys::Fd between = TRY(state_->store.lock(State::kBetween, sys::Lock::Shared));
  if (::symlinkat(container.id.c_str(), store, ("container-names/" + new_name).c_str()) != 0) {
    if (errno != EEXIST) return fail_errno("claim the name " + quoted(new_name));
    return std::unexpected(Error(Kind::Exists, "container name " + quoted(new_name) + " is in use")
                               .hint("take another name; tare ps -a lists those in use"));
  }
  failpoint("rename.claimed");
  const std::string old_name = std::exchange(container.name, new_name);
  sys::Fd dir = TRY(state_->open_container(container.id));
  auto written = sys::replace_file(dir.get(), "config.json", print_record(container));
  failpoint("rename.written");
  const std::string& stale = written ? old_name : new_name;
  ::unlinkat(store, ("container-names/" + stale).c_str(), 0);
  TRY(written);
  return state_->rename_endpoints(container);
}

Result<std::uint64_t> Engine::size(const std::string& id) const {
  sys::Fd dir = TRY(state_->open_container(id));
  return sys::disk_usage(dir.get(), "upper");
}

}  // namespace tare::engine
