// SPDX-License-Identifier: Apache-2.0
// SHA-256 while bytes flow. (OpenSSL behind it: it uses the processor's SHA instructions.)
#pragma once

#include <memory>
#include <string_view>

#include "base/digest.h"
#include "codec/stream.h"

namespace tare::codec {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  // The digest of all bytes so far; may be called once.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256(std::string_view bytes);

// Passes bytes through, hashing and counting them.
class HashingSource : public Source {
 public:
  explicit HashingSource(Source& inner) : inner_(inner) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override;
  std::uint64_t bytes() const { return bytes_; }
  Digest digest() { return hash_.finish(); }  // Once, after the end.

 private:
  Source& inner_;
  Sha256 hash_;
  std::uint64_t bytes_ = 0;
};

class HashingSink : public Sink {
 public:
  explicit HashingSink(Sink& inner) : inner_(inner) {}
  Result<> write(std::string_view bytes) override;
  Result<> finish() override { return inner_.finish(); }
  std::uint64_t bytes() const { return bytes_; }
  Digest digest() { return hash_.finish(); }  // Once, after finish().

 private:
  Sink& inner_;
  Sha256 hash_;
  std::uint64_t bytes_ = 0;
};

}  // namespace tare::codec
