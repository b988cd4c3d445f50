// SPDX-License-Identifier: Apache-2.0
// One thread that waits for many descriptors and points in time, and calls what was left for them.
// [epoll(7)]
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#include "sys/fd.h"

namespace tare::network {

// Not for several threads. Callbacks may add, change and remove any descriptor and timer, their own
// as well, and may end the loop; what was removed is not called any more, even if its event came
// with the same wait.
class Loop {
 public:
  using Clock = std::chrono::steady_clock;
  // `events` is what epoll_wait(2) told: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR...
  using Callback = std::move_only_function<void(std::uint32_t events)>;
  using Timer = std::uint64_t;  // Never 0, never used twice.

  static Result<Loop> make();

  // Calls `callback` whenever one of `events` (EPOLLIN, EPOLLOUT, EPOLLET, EPOLLONESHOT...) is
  // there. The descriptor is borrowed: remove it before it is closed. Errors: epoll_ctl(2)'s;
  // Exists when it is in already.
  Result<> add(int fd, std::uint32_t events, Callback callback);
  // Waits for these instead; 0: only for hang-ups and errors. Errors: NotFound.
  Result<> change(int fd, std::uint32_t events);
  // Nothing happens when it is not in.
  void remove(int fd);

  // Calls `callback` once, not before `delay` is over.
  Timer after(std::chrono::milliseconds delay, std::move_only_function<void()> callback);
  // Nothing happens when it was called already.
  void cancel(Timer timer);

  // The time at which the callbacks of this turn began: no system call.
  Clock::time_point now() const { return now_; }

  // Until a callback calls stop(). Errors: epoll_wait(2)'s.
  Result<> run();
  void stop() { is_stopped_ = true; }
  // Waits at most `patience` for something to do and does what there is.
  Result<> turn(std::chrono::milliseconds patience);

 private:
  struct Watch {
    std::uint32_t serial = 0;
    Callback callback;
  };
  // By time and number, so that equal times keep their order.
  using When = std::pair<Clock::time_point, Timer>;

  explicit Loop(sys::Fd epoll) : epoll_(std::move(epoll)) {}
  Result<> control(int operation, int fd, std::uint32_t events, std::uint32_t serial) const;
  int wait_milliseconds(std::chrono::milliseconds patience) const;
  void call(const epoll_event& event);
  void call_timers();

  sys::Fd epoll_;
  Clock::time_point now_ = Clock::now();
  bool is_stopped_ = false;
  std::uint32_t last_serial_ = 0;
  Timer last_timer_ = 0;
  // Shared, so that a callback which removes itself lives until it returns.
  std::unordered_map<int, std::shared_ptr<Watch>> watches_;
  std::map<When, std::move_only_function<void()>> timers_;
  std::unordered_map<Timer, Clock::time_point> times_;
};

}  // namespace tare::network
