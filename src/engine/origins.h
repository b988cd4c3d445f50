// SPDX-License-Identifier: Apache-2.0
// Where the files of an image come from: the step of its build, what that step took them from, and
// the package that they belong to. docs/formats/attestations.md
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace tare::engine {

// A step as its image's attestations, or its history, tell of it. All text is the image's.
struct OriginStep {
  std::string place;        // "Dockerfile:12"; empty: only the history tells.
  std::string stage;        // Its label.
  std::string instruction;  // Empty: nothing tells.
};

struct FileOrigin {
  std::string path;
  std::string type;  // "file", "directory", "link", ...
  std::uint64_t size = 0;
  Digest content;     // Of a file.
  std::string link;   // Where a symbolic link leads to.
  Digest layer;       // diff_id of the last layer that has it, or something in it.
  std::string image;  // The base image that it came with, by name or digest; empty: none is known.
  std::vector<OriginStep> steps;  // The last one to write it first; then those that it copied from.
  std::string source;             // What it was in the build context, or the image it is out of.
  std::string package;            // "libc6 2.36-9+deb12u10"
  std::string url;                // Where that was got from.
};

class Origins {
 public:
  // Errors: NotFound; Corrupt.
  static Result<Origins> open(Engine& engine, const std::string& image);
  Origins(Origins&&) noexcept;
  ~Origins();

  // Errors: NotFound.
  Result<FileOrigin> find(std::string_view path);
  // All but directories, in the order of their names.
  Result<> each(const std::function<void(const FileOrigin&)>& take);
  // Why less is known than could be; a sentence each.
  const std::vector<std::string>& notes() const;

 private:
  struct State;
  explicit Origins(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tare::engine
