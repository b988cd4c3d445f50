// SPDX-License-Identifier: Apache-2.0
// Moving the store: what is the engine's part of it. Containers that run have mounts and
// descriptors of the old place, and none of them can be given another.
#include <fcntl.h>

#include <algorithm>
#include <thread>

#include "engine/engine.h"
#include "engine/image_mounts.h"
#include "engine/state.h"
#include "store/move.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

std::vector<Container> running(const std::vector<Container>& all) {
  std::vector<Container> out;
  std::ranges::copy_if(all, std::back_inserter(out),
                       [](const Container& one) { return one.status == Status::Running; });
  return out;
}

std::unexpected<Error> they_run(const std::vector<Container>& containers) {
  constexpr std::size_t kMost = 5;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(kMost, containers.size()); ++i)
    names.push_back(quoted(containers[i].name));
  if (containers.size() > kMost)
    names.push_back(std::to_string(containers.size() - kMost) + " more");
  return std::unexpected(
      Error(Kind::Busy, "containers run, whose mounts hold the old place: " + join(names, ", "))
          .hint("--stop stops them when everything else is copied, and starts them again at the "
                "new place"));
}

// Of a room of the store that has a lock of its own; empty without that room.
Result<sys::Fd> lock_room(int store, const std::string& name) {
  auto file = sys::open_at(store, name, O_RDWR | O_CREAT | O_NOFOLLOW);
  if (!file && file.error().kind() == Kind::NotFound) return sys::Fd();
  sys::Fd lock = TRY(std::move(file));
  TRY(sys::lock_file(lock.get(), sys::Lock::Exclusive, sys::Wait::Yes));
  return lock;
}

Result<> await_alone(store::Store& store) {
  using namespace std::chrono_literals;
  const auto end = std::chrono::steady_clock::now() + 10s;
  for (;;) {
    auto alone = store.use_alone();
    if (alone || alone.error().kind() != Kind::Busy) return alone;
    if (std::chrono::steady_clock::now() > end)
      return std::unexpected(
          Error(Kind::Busy, "other commands are at work in the store, and did not end in time")
              .hint("end them, as 'tare logs -f' and 'tare stats'; what changed nothing is lost"));
    std::this_thread::sleep_for(20ms);
  }
}

}  // namespace

// While nobody else has the store open.
Result<> Engine::State::finish_move(store::StoreMove& move) {
  TRY(await_alone(store));
  const auto finish = [&]() -> Result<> {
    // Processes in the background have it not open, but hold these.
    const sys::Fd bin = TRY(store.lock("bin"));
    const sys::Fd ids = TRY(lock_room(store.dir(), "ids/.lock"));
    const sys::Fd members = TRY(lock_room(store.dir(), "namespace/lock"));
    TRY(move.copy_rest());
    return move.switch_over();
  };
  if (auto finished = finish(); !finished) {
    (void)store.use_shared();
    return finished;
  }
  store = TRY(store::Store::open(store.path()));
  return {};
}

Result<Engine::Moved> Engine::move_store(const std::string& place, bool stop_them,
                                         const Progress& progress) {
  State& state = *state_;
  auto alone = state.store.lock("move", sys::Lock::Exclusive, sys::Wait::No);
  if (!alone && alone.error().kind() == Kind::Busy)
    return fail(Kind::Busy, "the store is being moved already");
  const sys::Fd lock = TRY(std::move(alone));
  if (const auto those = running(TRY(list())); !those.empty() && !stop_them) return they_run(those);
  if (const auto mounts = TRY(list_mounts(state.store.path())); !mounts.empty())
    return std::unexpected(
        Error(Kind::Busy, "images are mounted, and their mounts hold the old place: " +
                              quoted(mounts[0].name) + " at " + quoted(mounts[0].place))
            .hint("tare umount --all takes them away"));
  const store::StoreUsage usage = TRY(store::measure_usage(state.store.dir()));
  const auto tell = [&](std::uint64_t bytes) {
    if (progress) progress("moving the store", bytes, usage.total.bytes * 2);
  };
  const auto move = TRY(store::StoreMove::prepare(state.store, place, usage, tell));
  TRY(move->copy_contents());
  const std::vector<Container> those = running(TRY(list()));
  if (!those.empty() && !stop_them) return they_run(those);
  Result<> done;
  for (const Container& one : those)
    if (done) done = stop(one.id, std::nullopt);
  if (done)
    if (const auto late = running(TRY(list())); !late.empty()) done = they_run(late);
  if (done) done = state.finish_move(*move);
  Moved moved{.place = move->place(), .bytes = usage.total.bytes};
  for (const Container& one : those) {
    if (one.config.auto_remove) continue;
    const auto started = start(one.id, {}, progress);
    (started ? moved.restarted : moved.left).push_back(one.name);
  }
  TRY(std::move(done));
  return moved;
}

}  // namespace tare::engine
