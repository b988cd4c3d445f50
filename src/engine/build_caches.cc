// SPDX-License-Identifier: Apache-2.0
// Caches of builds elsewhere.
#include "base/text.h"
#include "engine/build_workshop.h"
#include "image/leaks.h"

namespace tare::engine {

void BuildWorkshop::open_caches(const BuildCaches& caches) {
  for (const std::string& place : caches.from) {
    if (request_ != nullptr && request_->is_locked) {
      if (progress_)
        progress_({"",
                   "the build cache " + place + " is not used: --locked is for what was made here",
                   0, 0});
      continue;
    }
    auto cache =
        image::BuildCache::open(state_.store, state_.rootfs, place, caches.options, progress_);
    if (cache)
      caches_.push_back(std::move(*cache));
    else if (progress_)
      progress_(
          {"", "the build cache " + place + " is not used: " + cache.error().message(), 0, 0});
  }
}

// A cache makes a build faster or does nothing for it.
std::optional<image::Step> BuildWorkshop::find_elsewhere(const Digest& key) {
  for (const auto& cache : caches_) {
    if (!begin_work()) return std::nullopt;
    auto taken = cache->take(key);
    if (taken && *taken) return std::move(*taken);
    if (!taken && progress_)
      progress_({"", "a step is not taken from a build cache: " + taken.error().message(), 0, 0});
  }
  return std::nullopt;
}

namespace {

// SECURITY: a layer that a push would refuse does not leave as part of a cache either.
Result<> refuse_leaks(store::Store& store, const build::Built& built,
                      const image::Secrets& secrets) {
  for (const build::TracedStep& step : built.trace) {
    const Digest& layer = step.layer.diff_id;
    if (layer.empty()) continue;
    const auto leaks = secrets.empty() ? image::leaks_of(store, layer)
                                       : TRY(image::find_secrets(store, layer, secrets));
    if (leaks.empty()) continue;
    return std::unexpected(
        Error(Kind::Denied, step.place + ": the secret " + quoted(leaks[0].id) +
                                " is in what this step made, so no cache is written")
            .hint("RUN --mount=type=secret leaves none behind unless its command does"));
  }
  if (image::has_secret(image::print_build_cache(build::steps_of(built.trace, true)), secrets))
    return std::unexpected(
        Error(Kind::Denied, "a secret is in what the steps are known by, so no cache is written")
            .hint("an address that RUN or ADD asked for, or an argument, has it"));
  return {};
}

}  // namespace

Result<> BuildWorkshop::write_caches(const build::Built& built, const BuildCaches& caches,
                                     const image::Secrets& secrets) {
  if (!caches.to.empty()) TRY(refuse_leaks(state_.store, built, secrets));
  for (const BuildCaches::Target& target : caches.to) {
    auto written = image::write_build_cache(state_.store, state_.rootfs,
                                            build::steps_of(built.trace, target.all_steps),
                                            target.place, caches.options, progress_);
    if (written) continue;
    if (!target.may_fail)
      return std::unexpected(Error(written.error().kind(), "write the build cache " + target.place +
                                                               ": " + written.error().message())
                                 .hint(written.error().hint()));
    if (progress_)
      progress_({"", "the build cache was not written: " + written.error().message(), 0, 0});
  }
  return {};
}

}  // namespace tare::engine
