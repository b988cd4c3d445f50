// SPDX-License-Identifier: Apache-2.0
// PRIVATE to the codec room: where the data of sparse files is. [GNU tar manual "Sparse Formats"]
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "codec/tar_input.h"
#include "codec/tar_pax.h"

namespace tare::tar {

// The extents of data in ascending order; all else is holes.
struct SparseMap {
  std::vector<Extent> extents;
  std::uint64_t real_size = 0;  // Of the expanded file.
};

// Old GNU format: from a header of type 'S', and from the blocks that follow it in `input`.
// `limit_bytes` bounds the map. Errors: Corrupt, Invalid.
Result<SparseMap> read_gnu_sparse(const Block& header, Input& input, std::size_t limit_bytes);

// pax formats 0.0, 0.1 and 1.0, or nothing if the records are not about a sparse file. For 1.0 the
// map is read from the start of the content, and `stored`, the bytes of content in the archive, is
// lowered by it. Errors: Corrupt, Invalid, Unsupported (another version).
Result<std::optional<SparseMap>> read_pax_sparse(const PaxRecords& records, Input& input,
                                                 std::uint64_t& stored, std::size_t limit_bytes);

// Extents ascend, do not overlap, end before the real size and need exactly the `stored` bytes.
// Errors: Corrupt.
Result<> check_sparse(const SparseMap& map, std::uint64_t stored);

}  // namespace tare::tar
