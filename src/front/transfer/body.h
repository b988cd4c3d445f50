// SPDX-License-Identifier: Apache-2.0
// The file that an answer is written to: hashed and counted on the way, and continued where an
// earlier try, or an earlier program, had to stop.
#pragma once

#include <optional>
#include <string_view>

#include "codec/sha256.h"
#include "sys/fd.h"
#include "transfer/protocol.h"

namespace tare::front_transfer {

class Body {
 public:
  // The file's first `request.offset` bytes are from an earlier transfer.
  Body(sys::Fd file, const transfer::Request& request);

  // Reads and hashes what is there. Errors: those of reading; a file that is shorter begins anew.
  Result<> prepare();
  // Errors: Corrupt (more than there may be), those of writing.
  Result<> take(std::string_view bytes);
  // Forgets everything: the server has no other way.
  Result<> restart();
  // Checks size and digest. Errors: Corrupt; the file is emptied then, for it is of no use.
  Result<> finish();

  std::uint64_t bytes() const { return bytes_; }
  // Where the next byte is in what the server has, and the last one that is wanted of a part.
  std::uint64_t position() const { return part_at_.value_or(0) + bytes_; }
  std::optional<std::uint64_t> last() const {
    if (!part_at_) return std::nullopt;
    return *part_at_ + limit_ - 1;
  }
  bool has_all() const { return size_ && bytes_ == *size_; }
  const Digest& digest() const { return digest_; }  // After finish().

 private:
  sys::Fd file_;
  std::optional<std::uint64_t> size_;
  std::uint64_t limit_;
  Digest expected_;
  std::optional<std::uint64_t> part_at_;
  std::uint64_t bytes_;
  codec::Sha256 hash_;
  Digest digest_;
};

}  // namespace tare::front_transfer
