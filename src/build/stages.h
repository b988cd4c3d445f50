// SPDX-License-Identifier: Apache-2.0
// The stages of a Dockerfile and what they need of each other. Nothing is fetched: what is not a
// stage is a name, and the caller knows whether it is an image or a named context.
// [BuildKit frontend 1.20, reference.md "FROM", "COPY --from", "RUN --mount", "ONBUILD"]
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "build/arguments.h"
#include "build/parser.h"

namespace tare::build {

// What one instruction takes from elsewhere.
struct Dependency {
  static constexpr std::size_t kTools = ~std::size_t{0};  // In place of a mount: RUN --tools.
  enum class Kind : std::uint8_t { Copy, Mount, Tools } kind = Kind::Copy;
  std::size_t instruction = 0;       // Index among the instructions of the stage.
  std::size_t mount = 0;             // Which of RUN's mounts.
  std::optional<std::size_t> stage;  // Index of the stage; else `image` has its name.
  std::string image;                 // An image or a named context.
};

struct Stage {
  std::size_t index = 0;
  std::string name;  // In lower case; empty when it has none.
  Instruction from;
  std::string base;                       // Variables replaced; "scratch" for an empty one.
  std::optional<std::size_t> base_stage;  // When `base` is a stage.
  std::optional<oci::Platform> platform;  // Of FROM --platform.
  bool is_context = false;                // A named context stands for it: nothing of it is done.
  std::vector<Instruction> instructions;  // After FROM; triggers of its base come first.
  std::vector<Dependency> dependencies;

  std::string label() const;  // Its name, else "stage-N": what progress shows.
  const Dependency* dependency(std::size_t instruction, std::size_t mount = 0) const;
};

class StageGraph {
 public:
  // Errors: Invalid, with the place: no FROM, something but ARG before the first, a base without a
  // name, a stage that does not exist, stages that need each other. NotFound: the target.
  static Result<StageGraph> resolve(const Dockerfile& file, const BuildOptions& options);

  const std::vector<Stage>& stages() const { return stages_; }
  const Stage& target() const { return stages_[target_]; }
  // Another target: the stage that line `line` of `source` stands in. Errors: NotFound.
  Result<> aim_at(const std::string& source, std::uint32_t line);
  // Variables that FROM sees. "ARG NAME" in a stage takes its value from here.
  const Variables& globals() const { return globals_; }
  // Instructions before the first FROM: all are ARG.
  const std::vector<Instruction>& preamble() const { return preamble_; }
  char escape() const { return escape_; }

  // Stages that the target needs, itself included, each behind those that it needs.
  // Errors: Invalid: one copies from a stage that comes only after it.
  Result<std::vector<std::size_t>> needed() const;

  // Names of --build-arg that no ARG asks for: likely mistyped. Proxies and such that steer the
  // builder (BUILDKIT_..., SOURCE_DATE_EPOCH) need no ARG.
  std::vector<std::string> unused_arguments(const BuildOptions& options) const;

  // ONBUILD triggers of the image that is the base of a stage. They may name stages, so needed() is
  // to be asked again. To be called once for each stage whose base is an image with triggers;
  // those of stages are there already. Errors: Invalid, with the trigger.
  Result<> add_triggers(std::size_t stage, std::span<const std::string> triggers);

 private:
  Result<> add_stage(const Instruction& from, const BuildOptions& options);
  Result<> read_base(Stage& stage) const;
  Result<> find_dependencies(Stage& stage) const;
  Result<> insert_triggers(Stage& stage, std::string_view base,
                           std::span<const std::string> triggers) const;
  // What `flag` of an instruction names, as `name`.
  Result<Dependency> source_of(const Stage& stage, const Instruction& instruction,
                               std::string_view flag, const Text& name) const;
  std::optional<std::size_t> find(std::string_view name) const;  // The last of a name.
  Result<> refuse_cycles() const;

  std::vector<Stage> stages_;
  std::vector<Instruction> preamble_;
  Variables globals_;
  std::size_t target_ = 0;
  char escape_ = '\\';
};

}  // namespace tare::build
