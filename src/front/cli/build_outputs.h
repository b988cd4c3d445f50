// SPDX-License-Identifier: Apache-2.0
// Where the result of a build goes: --output, --load and --push, as docker buildx build has them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "build/builder.h"
#include "engine/build.h"
#include "front/cli/context.h"
#include "front/cli/options.h"
#include "front/cli/transfer_view.h"
#include "store/streams.h"

namespace tare::cli {

// [docker buildx build reference, --output]
struct BuildOutput {
  enum class Type : std::uint8_t { Image, Local, Tar, Oci, Docker, Nothing } type = Type::Image;
  std::string place;          // A path, "-" for standard output; "": the store (Image, Docker).
  bool is_directory = false;  // An OCI layout instead of an archive.
  std::vector<std::string> names;  // Of an image, in full.
  bool push = false;
  std::string prefix;  // Of the names of what is attested, in files.

  // Errors: Invalid; Unsupported (attributes that would change what comes out).
  static Result<BuildOutput> parse(const std::string& text);
};

class BuildOutputs {
 public:
  static Result<BuildOutputs> parse(const Arguments& arguments);

  // What of the request follows from them and from options of the same sort: whether there is an
  // image, its names, layers and annotations.
  Result<> prepare(build::BuildRequest& request, const Arguments& arguments) const;
  // Makes directories, opens files. To be called before the engine is there: directories are the
  // user's.
  Result<> open();
  // Valid as long as this.
  const engine::BuildExport& exports() const { return exports_; }
  bool writes_to_stdout() const;
  // What needs an image: archives, then registries.
  Result<> finish(Context& context, engine::Engine& engine, const build::Built& built,
                  const build::BuildRequest& request, bool quiet) const;

 private:
  std::vector<BuildOutput> outputs_;
  std::vector<sys::Fd> files_;
  std::vector<std::unique_ptr<store::FileSink>> sinks_;
  engine::BuildExport exports_;
};

}  // namespace tare::cli
