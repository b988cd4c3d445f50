// SPDX-License-Identifier: Apache-2.0
// The container's log: CRI records, rotation by size, and never a reason for the container to stop.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sys/bare.h"

namespace tare::keeper {

enum class Stream : std::uint8_t { Out, Err };

inline constexpr std::size_t kLongestLine = 16 << 10;  // What CRI tools expect. [kubelet cri/logs]

// "2026-11-24T05:04:53.123456789Z".
void add_timestamp(bare::Text<96>& text, std::int64_t nanoseconds);

// One process, one log. No allocation: lines that are not complete wait in fixed buffers.
class Log {
 public:
  // Opens or makes log/0.log below `dir`, to append. A log that cannot be opened is tried again
  // with every write. `files` counts 0.log as well.
  void open(int dir, std::int64_t max_bytes, int files);

  // Logs bytes as they came from the stream, stamped `now` (nanoseconds since 1970).
  void write(Stream stream, const char* bytes, std::size_t size, std::int64_t now);

  // Writes what is left of lines without newline. At the end of the container.
  void finish(std::int64_t now);

  // Frees space for something more important by removing the oldest rotated file. False: none.
  bool drop_oldest();

 private:
  struct Line {
    std::size_t used = 0;
    char data[kLongestLine + 1];  // Room for the newline.
  };

  void start_batch(Stream stream, std::int64_t now);
  void add_record(const char* bytes, std::size_t size, bool full);
  void flush();
  bool write_batch();
  std::size_t write_parts();
  void take_back(std::size_t written);
  bool ready(std::size_t size);
  bool confess();
  bool open_file();
  void rotate();

  static constexpr int kMostParts = 256;

  int dir_ = -1;  // The container's directory.
  int logs_ = -1;
  int file_ = -1;
  std::int64_t size_ = 0;
  std::int64_t max_bytes_ = 0;
  int files_ = 1;
  std::uint64_t lost_ = 0;  // Bytes not written and not yet confessed.
  std::int64_t now_ = 0;
  Line lines_[2];
  bare::Text<96> full_prefix_;
  bare::Text<96> partial_prefix_;
  int parts_used_ = 0;
  std::size_t batch_size_ = 0;
  std::size_t batch_content_ = 0;  // Without prefixes.
  iovec parts_[kMostParts];
};

}  // namespace tare::keeper
