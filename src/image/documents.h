// SPDX-License-Identifier: Apache-2.0
// What a name stands for, here or in a registry: the document itself, the configurations of the
// images in it, and what is attested of them. For looking; no image is got.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "image/attestations.h"
#include "image/image.h"

namespace tare::image {

struct ImageDocuments {
  std::string platform;               // "linux/arm64"; of several one of each.
  std::string config;                 // JSON, byte for byte.
  std::vector<Statement> statements;  // Lists of packages as SPDX, and provenance.
};
struct Documents {
  RemoteDocument top;                  // A manifest or an index.
  std::vector<ImageDocuments> images;  // Sorted by platform.
};
// How much of it is wanted: each is what is before it and more.
enum class DocumentDepth : std::uint8_t { Top, Configs, Statements };

// Of an image in the store, as a push would send it. `name`: what RemoteDocument::reference gets.
// Errors: NotFound, Corrupt.
Result<Documents> documents_here(const store::Store& store, const Image& image, std::string name,
                                 DocumentDepth depth);
// Of a registry. Errors: as look_at_manifest(); Invalid (too much of it).
Result<Documents> documents_in_registry(std::string_view name, const TransferOptions& options,
                                        DocumentDepth depth);
// Whether it came from a registry, which may have another one by that name now.
bool was_pulled(const store::Store& store, const Digest& id);

// The predicate of a statement. Errors: Invalid.
Result<json::Value> predicate_of(const Statement& statement);

}  // namespace tare::image
