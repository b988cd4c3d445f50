// SPDX-License-Identifier: Apache-2.0
#include "network/loop.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace tare::network {
namespace {

// The serial tells an event of a closed descriptor from one of the next that has its number.
std::uint64_t pack(int fd, std::uint32_t serial) {
  return std::uint64_t{serial} << 32 | static_cast<std::uint32_t>(fd);
}

}  // namespace

Result<Loop> Loop::make() {
  sys::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("make an epoll instance");
  return Loop(std::move(epoll));
}

Result<> Loop::control(int operation, int fd, std::uint32_t events, std::uint32_t serial) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = pack(fd, serial);
  if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0)
    return fail_errno("watch a descriptor with epoll");
  return {};
}

Result<> Loop::add(int fd, std::uint32_t events, Callback callback) {
  const std::uint32_t serial = ++last_serial_;
  TRY(control(EPOLL_CTL_ADD, fd, events, serial));
  watches_[fd] = std::make_shared<Watch>(Watch{.serial = serial, .callback = std::move(callback)});
  return {};
}

Result<> Loop::change(int fd, std::uint32_t events) {
  const auto watch = watches_.find(fd);
  if (watch == watches_.end()) return fail(Kind::NotFound, "the descriptor is not watched");
  return control(EPOLL_CTL_MOD, fd, events, watch->second->serial);
}

void Loop::remove(int fd) {
  if (watches_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Loop::Timer Loop::after(std::chrono::milliseconds delay, std::move_only_function<void()> callback) {
  const Timer timer = ++last_timer_;
  const Clock::time_point when = Clock::now() + delay;
  timers_.emplace(When{when, timer}, std::move(callback));
  times_.emplace(timer, when);
  return timer;
}

void Loop::cancel(Timer timer) {
  const auto time = times_.find(timer);
  if (time == times_.end()) return;
  timers_.erase({time->second, timer});
  times_.erase(time);
}

int Loop::wait_milliseconds(std::chrono::milliseconds patience) const {
  if (!timers_.empty()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.first - Clock::now());
    patience = std::min(patience, std::max(left, std::chrono::milliseconds(0)));
  }
  return static_cast<int>(patience.count());
}

void Loop::call(const epoll_event& event) {
  const auto fd = static_cast<int>(static_cast<std::uint32_t>(event.data.u64));
  const auto found = watches_.find(fd);
  if (found == watches_.end() || pack(fd, found->second->serial) != event.data.u64) return;
  const std::shared_ptr<Watch> watch = found->second;
  watch->callback(event.events);
}

void Loop::call_timers() {
  // Those that callbacks add are for the next turn: a delay of 0 must not keep us here for ever.
  const Timer last = last_timer_;
  while (!timers_.empty()) {
    const auto first = timers_.begin();
    if (first->first.first > now_ || first->first.second > last) return;
    std::move_only_function<void()> callback = std::move(first->second);
    times_.erase(first->first.second);
    timers_.erase(first);
    callback();
  }
}

Result<> Loop::turn(std::chrono::milliseconds patience) {
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 wait_milliseconds(patience));
  if (count < 0 && errno != EINTR) return fail_errno("wait for events");
  now_ = Clock::now();
  for (int i = 0; i < count; ++i) call(events[static_cast<std::size_t>(i)]);
  call_timers();
  return {};
}

Result<> Loop::run() {
  is_stopped_ = false;
  while (!is_stopped_) TRY(turn(std::chrono::hours(1)));
  return {};
}

}  // namespace tare::network
