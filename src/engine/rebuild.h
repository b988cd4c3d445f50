// SPDX-License-Identifier: Apache-2.0
// Whether an image comes from the recipe that is attested of it: built once more and compared.
// docs/formats/attestations.md
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "build/builder.h"
#include "build/compare.h"
#include "engine/engine.h"

namespace tare::engine {

struct Rebuilt {
  std::size_t steps = 0;
  std::size_t layers = 0;                          // Of the image.
  std::optional<build::StepDifference> different;  // The first step with another result.
  std::string other;  // What else is not the same; "": nothing, the image comes from its recipe.
};

// PRIVILEGED. Builds the image `name` again as its provenance says, offline and without the cache;
// no image is made, and nothing is left of it. `given`: the context, and what no record has:
// secrets, arguments that sound like one, directories that are named contexts. `read_lock` is
// called when the name of the Dockerfile is known and may set the request's lock; without one, what
// the record names is taken. Errors: NotFound (the image, its provenance); Invalid (something has
// to be given); Denied (the lock is that of another build); as build::build().
Result<Rebuilt> rebuild_image(Engine& engine, const std::string& name, build::BuildRequest given,
                              const std::function<Result<>(build::BuildRequest&)>& read_lock,
                              build::Reporter& reporter, const image::TransferProgress& progress);

}  // namespace tare::engine
