// SPDX-License-Identifier: Apache-2.0
// Builds on this engine's store, with its containers.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "build/builder.h"
#include "build/compare.h"
#include "engine/engine.h"
#include "image/steps.h"

namespace tare::engine {

// Where the files of the result go, beside an image or instead of one. All borrowed.
struct BuildExport {
  struct Place {
    int directory = -1;          // Ours; files get this user as their owner. Or
    codec::Sink* tar = nullptr;  // with the owners that the image has.
    std::string prefix;          // Of the names of what is attested, when that is wanted.
  };
  std::vector<Place> places;
};

// Caches elsewhere. Places are as BuildCache::open() has them.
struct BuildCaches {
  struct Target {
    std::string place;
    bool all_steps = false;  // Not only those that the result stands on.
    bool may_fail = false;
  };
  std::vector<std::string> from;  // One that cannot be read is told of and not used.
  std::vector<Target> to;
  image::TransferOptions options;
};

// PRIVILEGED. What steps have made stays in the store for the next build; no image does but the
// one that was asked for. `progress` tells of images that are pulled. Errors: as build::build().
// For BuildRequest::at_line and opens_failed: is given a container, made and not started, that has
// the state, and what its start has to ask for; it is removed afterwards.
struct BuildShell {
  bool tty = false;
  std::function<void(const std::string& id, Engine::StartRequest wish)> attend;
};
Result<build::Built> build_image(Engine& engine, const build::BuildRequest& request,
                                 build::Reporter& reporter, const image::TransferProgress& progress,
                                 const BuildExport& exports = {}, const BuildCaches& caches = {},
                                 const BuildShell& shell = {});

// What has a build context that was fetched, or came on standard input, as long as it exists. Empty
// for one that is a directory.
using FetchedContext = std::shared_ptr<build::Workshop>;
// PRIVILEGED. Fetches and unpacks the context of a request that has one elsewhere
// (`request.remote`) and reads from it what the request has not yet. Errors: as
// build::open_remote_context().
Result<FetchedContext> fetch_context(Engine& engine, build::BuildRequest& request,
                                     const image::TransferProgress& progress);

// Builds it, and then once more without the cache under other circumstances: at another time, on
// one processor, with other ids and another umask. `different`: the first step that had another
// result, if any had.
struct Checked {
  build::Built built;
  std::optional<build::StepDifference> different;
};
Result<Checked> check_reproducible(Engine& engine, const build::BuildRequest& request,
                                   build::Reporter& reporter,
                                   const image::TransferProgress& progress);

// What earlier builds keep, and removing what was used longest ago, or all.
Result<std::vector<image::Step>> build_cache(Engine& engine);
struct PruneSteps {
  UnixNanos keep_since = 0;      // What was used since stays; 0: nothing does.
  std::uint64_t keep_bytes = 0;  // Of the rest, so much of what was used last.
  bool dry_run = false;
};
// Returns the steps that went, or would.
Result<std::vector<image::Step>> prune_build_cache(Engine& engine, const PruneSteps& wish);

// What RUN --mount=type=cache keeps. (build_cache_mounts.cc)
struct CacheMount {
  std::string volume;
  std::string name;  // As in the Dockerfile: its id, or its target.
  std::uint64_t bytes = 0;
  UnixNanos last_used = 0;
  bool in_use = false;
};
// That used longest ago first.
Result<std::vector<CacheMount>> cache_mounts(Engine& engine);
// The same for those; `keep_bytes` is of them alone. One that a step uses stays.
Result<std::vector<CacheMount>> prune_cache_mounts(Engine& engine, const PruneSteps& wish);

}  // namespace tare::engine
