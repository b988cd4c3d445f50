// SPDX-License-Identifier: Apache-2.0
// A file that appears with its whole content or not at all, whenever we are killed. Private to the
// room.
#pragma once

#include <string>

#include "sys/fd.h"

namespace tare::image {

class WholeFile {
 public:
  // Nameless below `dir` (borrowed, to outlive this), or with a name of its own where the file
  // system has no nameless files.
  static Result<WholeFile> begin(int dir);
  WholeFile(WholeFile&& other) noexcept;
  WholeFile& operator=(WholeFile&&) = delete;
  ~WholeFile();

  int fd() const { return file_.get(); }
  // Writes it to disk and gives it its name, in the place of what has that name.
  Result<> name(const std::string& name);

 private:
  WholeFile(int dir, sys::Fd file, std::string temporary)
      : dir_(dir), file_(std::move(file)), temporary_(std::move(temporary)) {}
  int dir_;
  sys::Fd file_;
  std::string temporary_;  // Its name until it has its own; empty: none.
};

}  // namespace tare::image
