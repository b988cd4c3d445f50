// SPDX-License-Identifier: Apache-2.0
// How tare starts its programs that speak to others. Private to the room.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tare::transfer {

struct SpawnWish {
  const std::string& program;  // Its path; what it calls itself is the last part.
  std::vector<std::string> arguments;
  std::vector<std::string_view> variables;  // Of ours that it gets, in either case.
  // Becomes its descriptors from `first` on; -1: that one is not there. All borrowed.
  std::vector<int> descriptors;
  int first = 3;
  const char* hint;  // When the program is not there.
};
// Starts a program with those descriptors and our standard streams, in a process group of its own:
// an interrupt from the terminal is ours to act on. Returns its process id, to be waited for.
// Errors: NotFound (it is not installed), with the hint.
Result<int> spawn(const SpawnWish& wish);

}  // namespace tare::transfer
