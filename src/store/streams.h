// SPDX-License-Identifier: Apache-2.0
// Streams over descriptors, and small filters on streams. Shared by store and image.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"
#include "codec/stream.h"
#include "store/store.h"
#include "sys/fd.h"

namespace tare::store {

// Reads a descriptor (borrowed) from where it stands.
class FileSource : public codec::Source {
 public:
  explicit FileSource(int fd) : fd_(fd) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    return sys::read_full(fd_, buffer, size);
  }
  // In a file without reading; never beyond its end.
  Result<std::uint64_t> skip(std::uint64_t size) override {
    struct stat info{};
    const off_t at = ::lseek(fd_, 0, SEEK_CUR);
    if (at < 0 || ::fstat(fd_, &info) != 0 || !S_ISREG(info.st_mode)) return Source::skip(size);
    const std::uint64_t rest =
        info.st_size > at ? static_cast<std::uint64_t>(info.st_size - at) : 0;
    const std::uint64_t count = std::min(size, rest);
    if (::lseek(fd_, static_cast<off_t>(count), SEEK_CUR) < 0) return fail_errno("seek");
    return count;
  }

 private:
  int fd_;
};

// Writes to a descriptor (borrowed).
class FileSink : public codec::Sink {
 public:
  explicit FileSink(int fd) : fd_(fd) {}
  Result<> write(std::string_view bytes) override { return sys::write_all(fd_, bytes); }

 private:
  int fd_;
};

// Passes little pieces on together. What was not flushed is not passed on.
class BufferedSink : public codec::Sink {
 public:
  explicit BufferedSink(codec::Sink& inner) : inner_(inner) { buffer_.reserve(kSize); }
  Result<> write(std::string_view bytes) override {
    if (buffer_.size() + bytes.size() > kSize) TRY(flush());
    if (bytes.size() > kSize) return inner_.write(bytes);
    buffer_ += bytes;
    return {};
  }
  Result<> flush() {
    TRY(inner_.write(buffer_));
    buffer_.clear();
    return {};
  }

 private:
  static constexpr std::size_t kSize = 256 << 10;
  codec::Sink& inner_;
  std::string buffer_;
};

// Ends with a Corrupt error one byte after `limit`, so that nobody fills the disk with more than
// was announced.
class LimitedSource : public codec::Source {
 public:
  LimitedSource(codec::Source& inner, std::uint64_t limit) : inner_(inner), left_(limit) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    if (left_ == ~0ull) return inner_.read(buffer, size);
    const std::size_t count =
        TRY(inner_.read(buffer, std::min<std::uint64_t>(size, left_ == 0 ? 1 : left_)));
    if (count > left_) return fail(Kind::Corrupt, "there are more bytes than were announced");
    left_ -= count;
    return count;
  }

 private:
  codec::Source& inner_;
  std::uint64_t left_;
};

inline std::unexpected<Error> no_more_room(std::uint64_t bytes) {
  return std::unexpected(
      Error(Kind::Unavailable, "it is larger than the " + human_size(bytes) +
                                   " that the store has room for: it is stopped before it fills "
                                   "the disk")
          .hint("tare df -v shows what takes space; --store-max or 'max' in the store's settings "
                "changes the budget"));
}

// Ends with an Unavailable error when more comes than the store has room for, and takes it.
class RoomSource : public codec::Source {
 public:
  RoomSource(codec::Source& inner, Store& store) : inner_(inner), store_(store) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    const std::size_t count = TRY(inner_.read(buffer, size));
    if (count > store_.room()) return no_more_room(taken_ + store_.room());
    store_.take_room(count);
    taken_ += count;
    return count;
  }

 private:
  codec::Source& inner_;
  Store& store_;
  std::uint64_t taken_ = 0;
};

// Copies all that is read from `inner` to `copy`.
class TeeSource : public codec::Source {
 public:
  TeeSource(codec::Source& inner, codec::Sink& copy) : inner_(inner), copy_(copy) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    const std::size_t count = TRY(inner_.read(buffer, size));
    if (count > 0) TRY(copy_.write({buffer, count}));
    return count;
  }

 private:
  codec::Source& inner_;
  codec::Sink& copy_;
};

}  // namespace tare::store
