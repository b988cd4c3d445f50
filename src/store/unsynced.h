// SPDX-License-Identifier: Apache-2.0
// Results that need not survive a power cut, because they can be made again: the steps of a build.
// What is named while this is there is not waited for until it is on the disk. A mark on the disk
// says so; whoever finds one after the power was cut takes none of it for whole.
#pragma once

#include <string>

#include "store/store.h"
#include "sys/fd.h"

namespace tare::store {

class Unsynced {
 public:
  // Marks the store, on the disk, and tells it. `store` must outlive the object.
  static Result<Unsynced> begin(Store& store);
  Unsynced(Unsynced&& other) noexcept;
  Unsynced& operator=(Unsynced&&) = delete;
  ~Unsynced();  // Waits for the disk, if end() was not called.

  // When we are killed, the step `key` goes.
  Result<> forget_with_us(const Digest& key);
  // From now on everything is waited for again; what was named before is not on the disk yet.
  void pause() { store_->sync_later(false); }
  // It is now, unless the caller has seen to that since pause().
  enum class Disk : std::uint8_t { Wait, HasIt };
  Result<> end(Disk disk);

 private:
  Unsynced(Store& store, std::string name, sys::Fd file)
      : store_(&store), name_(std::move(name)), file_(std::move(file)) {}

  Store* store_;  // Null after end().
  std::string name_;
  sys::Fd file_;  // Locked as long as this is there.
};

// What marks say that others have left. Those of builds that were killed are taken away, after
// waiting for the disk.
struct LeftBehind {
  bool is_torn = false;     // Something may not be whole: a mark is of another boot, or of the
                            // store's file system when it was mounted elsewhere.
  bool has_killed = false;  // A build was killed.
  bool has_gone = false;    // Steps that it did not want to stay are gone.
};
Result<LeftBehind> find_unsynced(Store& store);
// Takes away those marks, when what they speak of is gone.
Result<> forget_unsynced(Store& store);

}  // namespace tare::store
