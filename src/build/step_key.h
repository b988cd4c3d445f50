// SPDX-License-Identifier: Apache-2.0
// What the result of a step depends on, by name: the key that it is kept under, and, when the key
// is another than that of the last build, which of it has changed.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"

namespace tare::build {

class StepKey {
 public:
  // The order of calls does not matter to the key.
  void add(const std::string& name, const std::string& value) { parts_[name] = value; }
  Digest digest() const;
  static StepKey of(std::map<std::string, std::string> parts);
  const std::map<std::string, std::string>& parts() const { return parts_; }

  // In a sentence: "src/main.c changed", "ARG VERSION: 1 -> 2". "" when nothing is known.
  std::string difference(const std::map<std::string, std::string>& before) const;

  // Of a file or an address that is taken; before its name, which is whatever somebody called it.
  static constexpr std::string_view kSource = "source ";
  // Values one after the other, so that none can be taken for two.
  static std::string list(const std::vector<std::string>& values);

  // Of a whole file system before the step: what is told last, because it follows from others.
  static constexpr const char* kFiles = "files";

 private:
  std::map<std::string, std::string> parts_;
};

// The parts of all steps of a build, for the next one.
class StepNotes {
 public:
  static StepNotes parse(std::string_view text);
  std::string print() const;
  // Forgets those of a last build that was of something else than `what`.
  void keep_to(const std::string& what);
  // Of the last build; empty when it had no such step.
  const std::map<std::string, std::string>& before(const std::string& step) const;
  void note(const std::string& step, const StepKey& key);

 private:
  std::map<std::string, std::map<std::string, std::string>> before_;
  std::map<std::string, std::map<std::string, std::string>> now_;
};

}  // namespace tare::build
