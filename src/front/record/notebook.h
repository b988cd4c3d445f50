// SPDX-License-Identifier: Apache-2.0
// What is noted of answers, and what was noted before. Shared by processes: each connection has
// one.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "codec/sha256.h"
#include "sys/fd.h"
#include "transfer/recording.h"

namespace tare::front_record {

// Bytes that go into a file, which disappears again unless it is kept.
class BodyFile {
 public:
  // Below the directory `dir` (borrowed).
  static Result<BodyFile> make(int dir);
  BodyFile(BodyFile&& other) noexcept;
  BodyFile& operator=(BodyFile&&) = delete;
  ~BodyFile();

  Result<> take(std::string_view bytes);
  int file() const { return file_.get(); }
  std::uint64_t size() const { return size_; }
  Digest digest() { return hash_.finish(); }  // Once, when all is there.
  // Its name, which is from now on the caller's.
  std::string keep() { return std::exchange(name_, ""); }

 private:
  BodyFile(int dir, std::string name, sys::Fd file)
      : dir_(dir), name_(std::move(name)), file_(std::move(file)) {}
  int dir_;
  std::string name_;
  sys::Fd file_;
  std::uint64_t size_ = 0;
  codec::Sha256 hash_;
};

class Notebook {
 public:
  // `settings` lives as long as this; the descriptors are borrowed. Errors: none but memory.
  static Result<Notebook> open(const transfer::RecorderSettings& settings, int bodies, int notes);

  // What was noted for it, in the order of asking; of several that differ the last one stays. Null:
  // nothing.
  const transfer::Answer* find(const std::string& key);
  Result<sys::Fd> open_body(const transfer::Answer& answer) const;

  Result<BodyFile> begin_body() const { return BodyFile::make(bodies_); }
  // Takes bytes of all that may come. Errors: Unavailable (there are no more).
  Result<> take_room(std::uint64_t bytes);
  Result<> note(const transfer::Answer& answer) const;

 private:
  // In memory that all processes of this program share.
  struct Shared {
    std::atomic<std::uint64_t> bytes;
    std::atomic<std::uint32_t> asked[1];  // For each key, how often: as many as there are.
  };
  struct Entry {
    std::size_t number = 0;
    std::vector<const transfer::Answer*> answers;
  };

  Notebook(const transfer::RecorderSettings& settings, int bodies, int notes)
      : settings_(settings), bodies_(bodies), notes_(notes) {}

  const transfer::RecorderSettings& settings_;
  int bodies_;
  int notes_;
  std::map<std::string, Entry> entries_;
  Shared* shared_ = nullptr;
};

}  // namespace tare::front_record
