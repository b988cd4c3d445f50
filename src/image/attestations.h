// SPDX-License-Identifier: Apache-2.0
// What is attested of an image: in-toto statements in a manifest of their own, which refers to that
// of the image. docs/formats/attestations.md
#pragma once

#include <map>
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

// Of the index that has image and attestations, and of the image's descriptor in it: behind these
// the name that it has there.
constexpr std::string_view kOfIndex = "tare.index/";
constexpr std::string_view kOfDescriptor = "tare.manifest-descriptor/";

// Attests `statements` of the image `id`, instead of what was; none takes away what was. Each has
// the manifest of the image as its subject, which the caller sees to. `annotations`: kOfIndex and
// kOfDescriptor. Errors: NotFound (the image); Invalid (too many, too large).
Result<> attest(store::Store& store, const Digest& id, const std::vector<Statement>& statements,
                const std::map<std::string, std::string>& annotations);
// Errors: Corrupt, NotFound.
Result<std::vector<Statement>> statements_of(const store::Store& store, const Image& image);
// Whether a statement with the digest `one` is attested, and those of `types` are (or are not, if
// not `wanted`), with these annotations. What cannot be read is not.
bool is_attested(const store::Store& store, const Image& image, const Digest& one,
                 const std::vector<std::string>& types, bool wanted,
                 const std::map<std::string, std::string>& annotations);

}  // namespace tare::image
