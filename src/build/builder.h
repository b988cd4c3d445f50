// SPDX-License-Identifier: Apache-2.0
// Building an image: the stages that the target needs, each as far as it gets without waiting for
// others, with what earlier builds have made wherever it depends on the same.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "build/arguments.h"
#include "build/extensions.h"
#include "build/lock.h"
#include "build/output_layers.h"
#include "build/workshop.h"

namespace tare::build {

// What the containers of all RUNs have, as of docker run.
struct RunLimits {
  std::vector<std::string> hosts;                            // "NAME:ADDRESS", "NAME:host-gateway".
  std::optional<std::uint64_t> shm_bytes;                    // Of /dev/shm.
  std::vector<std::pair<std::string, std::string>> ulimits;  // "nofile", "1024:2048".
  std::string cgroup_parent;
  // 0 and "": no limit of its own.
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_swap_bytes = 0;  // With memory together; sys::kNoLimit.
  std::uint64_t cpu_period_us = 0;
  std::int64_t cpu_quota_us = 0;  // -1: no limit.
  std::uint64_t cpu_shares = 0;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::vector<std::string> security_options;  // As the engine takes them.
};

struct BuildRequest {
  std::string dockerfile;  // Its name, for errors and for its .dockerignore.
  std::string path;        // Of it, absolute; "" when it is no file of this machine.
  std::string text;        // Its content.
  std::string context;     // A directory; "" when there is none.
  std::string remote;      // Where the context is, if it was fetched; "-": standard input.
  std::string input;       // What was read of that already.
  std::vector<image::Material> materials;  // It, then.
  std::string ignore_name;                 // Of the rules; "" when there are none.
  std::string ignore_text;
  BuildOptions options;
  // Named: a directory, "docker-image://NAME", "oci-layout://DIR[:TAG|@DIGEST]", or an address.
  std::map<std::string, std::string> contexts;
  std::map<std::string, std::string> secrets;  // By id.
  std::map<std::string, std::string> agents;   // Sockets of SSH agents by id.
  std::vector<std::string> names;              // Of the image: full references.
  std::map<std::string, std::string> labels;
  std::optional<RunNetwork> network;  // Of every RUN that says nothing.
  RunLimits limits;
  std::optional<UnixNanos> time;  // Of all that is made. None: when the base image was made.
  bool no_cache = false;
  std::set<std::string> no_cache_stages;
  bool pull = false;
  bool allow_insecure = false;      // RUN --security=insecure.
  bool allow_host_network = false;  // RUN --network=host.
  bool allow_ansible = false;       // RUN --ansible.
  bool makes_image = true;          // Else only its files are wanted.
  LayerWish layers = LayerWish::Few;
  std::map<std::string, std::string> annotations;  // Of the image's manifest.
  bool inline_cache = false;  // The image tells builds elsewhere which step made which layer.
  // Not for its image, which is not made, but to compare its steps with those of another build:
  // none is taken from the cache, and none goes into it.
  bool is_check = false;
  struct Attestations {
    bool provenance = true;
    bool minimal = false;  // Without the Dockerfile's text, and without values of --build-arg.
    bool packages = true;  // SPDX and CycloneDX.
    std::map<std::string, std::string> annotations;  // As image::attest() has them.
    // As files in outputs that are no images: only when asked for.
    bool exports_provenance = false;
    bool exports_packages = false;
  } attest;
  std::optional<Lock> lock;       // What is to be taken again, where it is taken at all.
  std::string lock_name;          // Of its file, in the context: no part of that; "" elsewhere.
  bool is_locked = false;         // Nothing but what the lock has.
  bool records_downloads = true;  // Of RUN.
  // Of the Dockerfile: what is behind it is not done, and the state there is opened instead of
  // making an image.
  std::optional<std::uint32_t> at_line;
  bool opens_failed = false;  // The state of a RUN that failed is opened.
};

struct StepInfo {
  std::size_t number = 0;  // Of all in this build, from 1.
  std::string label;       // "[build 2/5] RUN make".
};

// What is told while it is built.
class Reporter {
 public:
  virtual ~Reporter() = default;
  virtual void begins(const StepInfo& step, std::string_view why) = 0;  // Why it is done again.
  virtual void says(const StepInfo& step, std::string_view output) = 0;
  virtual void ends(const StepInfo& step) = 0;
  virtual void is_cached(const StepInfo& step) = 0;
  virtual bool is_interrupted() const = 0;
  virtual void waits() {}  // For programs; several times a second.
};

// What RUN had of another stage, mounted.
struct TracedMount {
  std::size_t stage = 0;  // TracedStage::number.
  std::string source;     // Path in there.
};

// A step that the result stands on, or that files were copied from.
struct TracedStep {
  std::string stage;  // Its label, as "build" or "stage-1".
  std::string place;  // "Dockerfile:12".
  std::string text;   // The instruction as written, expanded.
  std::string from;   // COPY: the stage or image that it copied from; "" for the context.
  StepLayer layer;
  bool was_cached = false;
  bool may_lack = false;   // RUN: what it found in its caches is not among what it downloaded.
  Digest key;              // That it is kept under.
  bool is_target = false;  // Its layer is in the result, not only files of it.
  std::size_t stage_number = 0;               // TracedStage::number.
  std::vector<TracedMount> mounts;            // Of a RUN.
  std::map<std::string, std::string> inputs;  // What its key was made of (StepKey).
};

// A stage that was needed.
struct TracedStage {
  std::size_t number = 0;  // In the file, from 0.
  std::string label;
  std::optional<std::size_t> base;  // The stage that it starts from; else
  Digest image;                     // the manifest of the image; empty: scratch.
  Files files;                      // At its end.
  bool is_target = false;
};

struct Built {
  image::Image image;                      // Empty when none was wanted.
  Files files;                             // With a layer for each step.
  std::vector<TracedStep> trace;           // Stages in the order of the file, each step in order.
  std::vector<TracedStage> stages;         // In the order of the trace.
  std::vector<image::Material> materials;  // Base images; those of steps are in the trace.
  std::vector<std::string> notes;          // Sentences for the user.
  std::size_t steps = 0;                   // That can be kept,
  std::size_t cached = 0;                  // and those that were.
};

// For a cache elsewhere: those of the result, or all.
std::vector<image::Step> steps_of(const std::vector<TracedStep>& trace, bool all);

// For INCLUDE: files of the context `context` (a directory's descriptor, borrowed; or -1).
IncludeReader reader_of(int context);

// Errors: Invalid (the Dockerfile, with the place); those of its steps, naming the place and what
// failed; Unavailable when it was interrupted.
Result<Built> build(Workshop& workshop, const BuildRequest& request, Reporter& reporter);

}  // namespace tare::build
