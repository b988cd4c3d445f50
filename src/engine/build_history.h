// SPDX-License-Identifier: Apache-2.0
// Records of builds: what was asked for, how it ended, and what the steps said. A bounded number of
// them is in the store. docs/formats/builds.md, docs/decisions/0034-records-of-builds.md
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "build/builder.h"
#include "engine/engine.h"

namespace tare::engine {

struct BuildRecord {
  enum class Status : std::uint8_t { Completed, Error, Canceled };

  std::string id;          // 25 digits; the older, the smaller.
  std::string context;     // Where it was; without users and passwords.
  std::string dockerfile;  // The same.
  std::string target;
  std::string platform;
  std::string network;
  bool no_cache = false;
  std::map<std::string, std::optional<std::string>> arguments;  // No value: it is not told.
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> contexts;  // By name; "local" for a directory.
  UnixNanos started = 0;
  UnixNanos ended = 0;
  Status status = Status::Completed;
  std::string error;            // Of one that failed.
  std::uint64_t steps = 0;      // That it has,
  std::uint64_t completed = 0;  // of these done or found,
  std::uint64_t cached = 0;     // and of these found.
  std::string image;            // Its id; empty: none was made.
  std::vector<std::string> names;
  struct Material {
    std::string uri;
    std::string digest;
  };
  std::vector<Material> materials;
  bool has_said_secret = false;  // So it is not told what the steps said.

  // As people call it: the last part of its context, and the target.
  std::string name() const;
};

// Newest first. What cannot be read is not among them.
Result<std::vector<BuildRecord>> build_records(Engine& engine);
// By its id, the beginning of it, "^N" for the Nth before the last, or "" for the last. What is
// before a '/' in it is a builder's name, of which there is one. Errors: NotFound; Invalid.
Result<BuildRecord> find_build(Engine& engine, const std::string& wanted);
// What the steps said, a line each: "#STEP TEXT". Errors: NotFound.
Result<std::string> build_log(Engine& engine, const std::string& id);
Result<> remove_builds(Engine& engine, const std::vector<std::string>& ids);

// Listens to a build, and keeps its record. Private to the room.
class BuildJournal : public build::Reporter {
 public:
  // All must outlive the object.
  BuildJournal(const store::Store& store, const build::BuildRequest& request,
               build::Reporter& reporter);

  void begins(const build::StepInfo& step, std::string_view why) override;
  void says(const build::StepInfo& step, std::string_view output) override;
  void ends(const build::StepInfo& step) override;
  void is_cached(const build::StepInfo& step) override;
  bool is_interrupted() const override { return reporter_.is_interrupted(); }
  void waits() override { reporter_.waits(); }

  // Failures are of no consequence: there is one record less.
  void keep(const Result<build::Built>& built, bool has_said_secret);

 private:
  struct Step {
    UnixNanos begun = 0;
    std::string rest;  // Of a line.
  };
  void line(const build::StepInfo& step, std::string_view text);
  BuildRecord record(const Result<build::Built>& built) const;
  Result<> write(const BuildRecord& record) const;

  const store::Store& store_;
  const build::BuildRequest& request_;
  build::Reporter& reporter_;
  UnixNanos started_;
  std::map<std::size_t, Step> steps_;
  std::uint64_t done_ = 0;
  std::uint64_t cached_ = 0;
  std::string log_;
  bool is_cut_ = false;
};

}  // namespace tare::engine
