// SPDX-License-Identifier: Apache-2.0
// The packages of an image that is here, and what is attested of it, for looking.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "codec/json.h"
#include "engine/engine.h"
#include "image/documents.h"

namespace tare::engine {

struct ListedPackage {
  std::string name;  // As people know it: "libc6", "@babel/core".
  std::string version;
  std::string type;   // As in purls: "deb", "npm".
  std::string place;  // The file that tells of it.
};
struct PackageListing {
  std::vector<ListedPackage> packages;  // Sorted, each once. All text is the image's.
  std::vector<std::string> notes;       // What was not read; sentences.
};
// Read from the image's files now. Errors: NotFound; Corrupt.
Result<PackageListing> list_packages(Engine& engine, const std::string& image);

// The list as a document of others: what is attested of the image, or else made of its files now.
// The same image gives the same. Errors: as list_packages().
enum class SbomFormat : std::uint8_t { Spdx, CycloneDx };
Result<json::Value> sbom_of(Engine& engine, const std::string& image, SbomFormat format);

// "store:NAME" is the image here, and so is NAME of one that did not come from a registry; all
// others are nothing: they are looked for in their registry. Errors: NotFound (with "store:").
Result<std::optional<image::Documents>> documents_here(Engine& engine, const std::string& name,
                                                       image::DocumentDepth depth);

}  // namespace tare::engine
