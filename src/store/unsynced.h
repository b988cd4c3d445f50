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

// Whether a mark says that something may not be whole: one of another boot, or of the store's file
// system when it was mounted elsewhere. Marks of those who were killed since are taken away, after
// waiting for the disk.
Result<bool> has_unsynced(Store& store);
// Takes away those marks, when what they speak of is gone.
Result<> forget_unsynced(Store& store);

}  // namespace tare::store
