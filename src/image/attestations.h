// SPDX-License-Identifier: Apache-2.0
// What is attested of an image: in-toto statements in a manifest of their own, which refers to that
// of the image. docs/formats/attestations.md
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "image/image.h"

namespace tare::image {

struct Statement {
  std::string predicate_type;
  std::string text;  // The whole statement, JSON.
};

constexpr std::size_t kMaxStatement = 4 << 20;
constexpr std::size_t kMaxStatements = 16;

// Attests `statements` of the image `id`, instead of what was; none takes away what was. Each has
// the manifest of the image as its subject, which the caller sees to. Errors: NotFound (the image);
// Invalid (too many, too large).
Result<> attest(store::Store& store, const Digest& id, const std::vector<Statement>& statements);
// Errors: Corrupt, NotFound.
Result<std::vector<Statement>> statements_of(const store::Store& store, const Image& image);
// Whether a statement with the digest `one` is attested, and those of `types` are (or are not, if
// not `wanted`). What cannot be read is not.
bool is_attested(const store::Store& store, const Image& image, const Digest& one,
                 const std::vector<std::string>& types, bool wanted);

}  // namespace tare::image
