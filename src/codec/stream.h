// SPDX-License-Identifier: Apache-2.0
// Bytes that come and go in pieces. The codecs do no I/O of their own: whoever has a descriptor
// wraps it in one of these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::codec {

// Where bytes come from.
class Source {
 public:
  virtual ~Source() = default;
  // Up to `size` bytes into `buffer`; 0 only at the end.
  virtual Result<std::size_t> read(char* buffer, std::size_t size) = 0;
  // Passes over up to `size` bytes and says how many; 0 only at the end. Reads them unless the
  // source knows better.
  virtual Result<std::uint64_t> skip(std::uint64_t size);
};

// Where bytes go to.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Result<> write(std::string_view bytes) = 0;
  // To be called once after the last write: flushes what is buffered (compressors, padding).
  virtual Result<> finish() { return {}; }
};

class StringSource : public Source {
 public:
  explicit StringSource(std::string_view bytes) : rest_(bytes) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    const std::size_t count = rest_.copy(buffer, size);
    rest_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view rest_;
};

class StringSink : public Sink {
 public:
  Result<> write(std::string_view bytes) override {
    bytes_ += bytes;
    return {};
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Reads exactly `size` bytes, or fails with Corrupt ("ends too early").
Result<> read_exactly(Source& source, char* buffer, std::size_t size);
// Copies to the end; returns the number of bytes.
Result<std::uint64_t> copy(Source& source, Sink& sink);

}  // namespace tare::codec
