// SPDX-License-Identifier: Apache-2.0
// The container's log on disk: CRI's text format, "TIME STREAM F|P TEXT\n", in log/0.log, rotated
// to log/1.log and so on. Static memory only. [Kubernetes CRI, "Container Logs"]
#pragma once

#include <cstddef>
#include <cstdint>

namespace tare::keeper {

class Log {
 public:
  // `dir` is the container's directory. `max_bytes` bounds a file, `files` their number.
  void open(int dir, std::uint64_t max_bytes, unsigned files);
  // Adds bytes of a stream (0: stdout, 1: stderr); whole lines go to the file.
  void write(unsigned stream, const char* bytes, std::size_t size);
  // What is left without a newline, as partial lines; at the end.
  void finish();

 private:
  static constexpr std::size_t kLine = 16 << 10;  // Longer lines are cut into partial ones.

  void emit(unsigned stream, bool whole);
  void flush();
  void rotate();
  void open_current();

  int dir_ = -1;
  int fd_ = -1;
  std::uint64_t max_bytes_ = 0;
  unsigned files_ = 1;
  std::uint64_t size_ = 0;
  std::uint64_t lost_ = 0;  // Bytes that a full disk did not take, to be told when it takes again.
  std::size_t pending_size_[2] = {0, 0};
  std::size_t out_size_ = 0;
  char pending_[2][kLine];
  char out_[kLine * 2 + 128];
};

}  // namespace tare::keeper
