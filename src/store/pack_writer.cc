// SPDX-License-Identifier: Apache-2.0
#include "store/pack_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "store/layer_index.h"

namespace tare::store {
namespace {

constexpr std::size_t kBuffer = 1 << 20;

Result<> write_at(int file, const char* bytes, std::size_t size, std::uint64_t offset) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t count =
        ::pwrite(file, bytes + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("write the contents of a layer");
    done += static_cast<std::size_t>(count);
  }
  return {};
}

}  // namespace

PackWriter::PackWriter(int file)
    : file_(file), buffer_(std::make_unique_for_overwrite<char[]>(kBuffer)) {}

Result<> PackWriter::flush() {
  TRY(write_at(file_, buffer_.get(), used_, flushed_));
  flushed_ += used_;
  used_ = 0;
  return {};
}

Result<> PackWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (used_ == kBuffer) TRY(flush());
    const std::size_t count = std::min(bytes.size(), kBuffer - used_);
    std::memcpy(buffer_.get() + used_, bytes.data(), count);
    used_ += count;
    bytes.remove_prefix(count);
  }
  return {};
}

Result<> PackWriter::skip(std::uint64_t bytes) {
  TRY(flush());
  flushed_ += bytes;
  return {};
}

Result<> PackWriter::align() {
  static constexpr char kZeros[kPackAlign] = {};
  const std::uint64_t over = position() % kPackAlign;
  if (over == 0) return {};
  return write({kZeros, static_cast<std::size_t>(kPackAlign - over)});
}

Result<> PackWriter::rewind(std::uint64_t position) {
  if (position >= flushed_) {
    used_ = position - flushed_;
    return {};
  }
  used_ = 0;
  flushed_ = position;
  // A later hole must not show what was there.
  if (::ftruncate(file_, static_cast<off_t>(position)) != 0)
    return fail_errno("take back the contents of a layer");
  return {};
}

Result<> PackWriter::finish() {
  TRY(align());
  TRY(flush());
  if (::ftruncate(file_, static_cast<off_t>(flushed_)) != 0)
    return fail_errno("set the size of a layer's pack");
  return {};
}

}  // namespace tare::store
