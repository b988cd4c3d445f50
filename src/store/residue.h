// SPDX-License-Identifier: Apache-2.0
// The residue of a tar: what of it is neither in the layer's index nor in its pack.
// docs/formats/layers.md
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "codec/stream.h"

namespace tare::store {

// Passes a tar on to whoever parses it, and writes its residue to `sink`, which gets finish() too.
class ResidueRecorder : public codec::Source {
 public:
  ResidueRecorder(codec::Source& inner, codec::Sink& sink) : inner_(inner), sink_(sink) {}

  Result<std::size_t> read(char* buffer, std::size_t size) override;

  // What was read up to byte `offset` of the tar, and not told before, is literal or content.
  Result<> literal_until(std::uint64_t offset);
  Result<> content_until(std::uint64_t offset);
  Result<> finish();  // The rest is literal.

 private:
  Result<> put_content();
  Result<> put_literal(std::string_view bytes);

  codec::Source& inner_;
  codec::Sink& sink_;
  Result<> take(std::uint64_t offset, bool literal);

  std::string pending_;  // Read; from `begin_` on not told yet.
  std::size_t begin_ = 0;
  std::uint64_t start_ = 0;    // Offset in the tar of byte `begin_`.
  std::uint64_t content_ = 0;  // Bytes of a content record that is not written yet.
};

// The tar again, from its residue (uncompressed) and the contents of the index, one after the
// other. Both must outlive it. Errors: Corrupt.
std::unique_ptr<codec::Source> make_tar_source(codec::Source& residue, codec::Source& contents);

}  // namespace tare::store
