// SPDX-License-Identifier: Apache-2.0
// How an image was built. [SLSA v1.0, provenance] docs/formats/attestations.md
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/text.h"
#include "codec/json.h"

namespace tare::trust {

inline constexpr std::string_view kBuildType = "urn:tare:dockerfile:v1";
inline constexpr std::string_view kBuilderId = "urn:tare:builder:v1";

// What went into a build from elsewhere.
struct Resource {
  std::string uri;
  Digest digest;         // Of its bytes, or of an image's manifest; of git of the tree, or empty.
  std::string revision;  // A commit of git; or empty.
  std::uint64_t size = 0;
  bool operator==(const Resource&) const = default;
};

struct BuildStage {
  std::string label;
  std::optional<std::size_t> base;  // Number of the stage that it starts from; else
  Digest image;                     // the manifest of an image; empty: from nothing.
  bool is_target = false;
  bool operator==(const BuildStage&) const = default;
};

struct BuildStep {
  std::size_t stage = 0;    // Number among the stages.
  std::string place;        // "Dockerfile:12"
  std::string instruction;  // As written, with its variables replaced.
  std::string from;         // COPY --from: label of a stage, or an image; "" for the context.
  std::string destination;  // COPY and ADD: absolute; with a slash behind when it is a directory.
  Digest layer;             // The diff_id of what it wrote; empty: nothing.
  std::map<std::string, Digest> inputs;  // COPY and ADD: what was taken, by its name.
  std::vector<Resource> materials;
  bool operator==(const BuildStep&) const = default;
};

struct Provenance {
  std::string dockerfile;  // Its name without directories.
  Digest dockerfile_digest;
  std::optional<std::string> text;  // Of the Dockerfile, unless it was not to be told.
  std::string ignore_text;          // Of .dockerignore.
  std::string target;
  std::string platform;
  std::string network;  // Of RUN, when one was asked for.
  // --build-arg by name; no value: it was not to be told, or its name is that of a secret.
  std::map<std::string, std::optional<std::string>> arguments;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> contexts;  // By name; "local" for a directory.
  std::vector<std::string> secrets;             // Their ids.
  std::optional<UnixNanos> time;                // SOURCE_DATE_EPOCH.
  std::vector<BuildStage> stages;               // In the order of the build.
  std::vector<BuildStep> steps;                 // The same.
  std::vector<Resource> images;  // Bases, and those that were copied from; contexts from elsewhere.
  std::string version;           // Of Tare.
  bool operator==(const Provenance&) const = default;
};

// The same provenance gives the same predicate.
json::Value print_provenance(const Provenance& provenance);
// Only of builds of ours. Errors: Invalid; Unsupported (another builder's).
Result<Provenance> parse_provenance(const json::Value& predicate);

// Whether what has this name is likely to be secret: "API_TOKEN", "dbPassword".
bool is_secret_name(std::string_view name);

}  // namespace tare::trust
