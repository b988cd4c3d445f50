// SPDX-License-Identifier: Apache-2.0
// Many steps, all or nothing.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace tare {

// Each step that changed the host pushes its inverse here; leaving the scope early runs them
// newest first, and keep() at the end forgets them. Inverses must tolerate being half done and
// must not throw: a destructor runs them.
class Undo {
 public:
  Undo() = default;
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() {
    while (!steps_.empty()) {
      std::exchange(steps_.back(), nullptr)();
      steps_.pop_back();
    }
  }

  void push(std::move_only_function<void() noexcept> step) { steps_.push_back(std::move(step)); }
  void keep() { steps_.clear(); }

 private:
  std::vector<std::move_only_function<void() noexcept>> steps_;
};

}  // namespace tare
