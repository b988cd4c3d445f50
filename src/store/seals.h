// SPDX-License-Identifier: Apache-2.0
// Seals: what a file looked like when its content was known to be right. docs/formats/trees.md
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::store {

class Seals {
 public:
  // What cannot be read is no seal.
  static Seals parse(std::string_view text);
  std::string print() const;

  // `verity` is the file's digest of fs-verity; empty: it has none.
  void add(const std::string& name, const struct stat& info, const std::string& verity) {
    lines_[name] = line(info, verity);
  }
  bool holds(const std::string& name, const struct stat& info, const std::string& verity) const {
    const auto at = lines_.find(name);
    return at != lines_.end() && at->second == line(info, verity);
  }

 private:
  static std::string line(const struct stat& info, const std::string& verity);
  std::map<std::string, std::string> lines_;
};

}  // namespace tare::store
