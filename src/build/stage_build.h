// SPDX-License-Identifier: Apache-2.0
// One stage on its way. Private to the room.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "build/builder.h"
#include "build/file_digests.h"
#include "build/stage_state.h"
#include "build/stages.h"
#include "build/step_key.h"

namespace tare::build {

class StageBuild;

// Of what is made from nothing. Not 1970: archives of ZIP cannot say that, and some programs take
// it for no time at all.
constexpr UnixNanos kFirstTime = 315'532'800'000'000'000;  // 1980-01-01T00:00:00Z

// What all stages of a build have in common.
struct SharedBuild {
  Workshop& workshop;
  const BuildRequest& request;
  Reporter& reporter;
  std::optional<StageGraph> graph;
  sys::Fd context;
  IgnoreRules ignore;
  FileDigests digests;
  StepNotes notes;
  std::string note_name;
  std::vector<std::string> sentences;               // For the user, at the end.
  std::map<std::string, image::Image> images;       // By name and platform: each is found once.
  std::vector<image::Material> materials;           // Those images.
  std::vector<std::unique_ptr<StageBuild>> stages;  // By index; null: not needed.
  std::map<std::string, std::string> fetched;       // Directories of named contexts.
  std::size_t numbered = 0;
  std::size_t running = 0;
  std::size_t steps = 0;
  std::size_t cached = 0;

  // The directory that the context of a name is; nothing when it is an image.
  Result<std::optional<std::string>> find_directory(const std::string& name);
  Result<image::Image> find_base(const Stage& stage);
  Result<image::Image> find_image(const std::string& name, const std::string& platform);
  // Of images that say nothing of their own; "": whatever is here, which is for this machine.
  std::string platform() const;

  // What the lock of the request means (pins.cc).
  // Errors: Denied (--locked, and the lock does not have it).
  // `uri`: of its material.
  Result<image::Image> find_pinned(const std::string& name, const std::string& uri,
                                   const std::string& platform);
  // For a RUN that the lock knows as `step`; nothing without --locked. What is not in the store any
  // more is got again. `what`: the instruction. Errors: it cannot be.
  Result<std::optional<std::vector<image::Material>>> answers_for(const std::string& step,
                                                                  const std::string& what) const;
  // Why a step may not be taken from the cache; "": it may. `had_way_out`: it is a RUN, and
  // whatever it did, it may have got something from elsewhere.
  std::string unusable(const StepLayer& layer, const std::string& step, bool had_way_out) const;
  std::optional<RunRequest> failed;  // The state that a RUN failed in, to be opened.
};

class StageBuild {
 public:
  StageBuild(SharedBuild& shared, std::size_t index);

  bool is_done() const { return done_; }
  const Files& files() const { return files_; }
  // What a RUN at this place would be given.
  RunRequest here() const;
  const StageState& state() const { return *state_; }
  const std::vector<TracedStep>& trace() const { return trace_; }
  // Steps whose layers end files().
  const std::vector<OutputStep>& outputs() const { return outputs_; }
  TracedStage traced() const;
  UnixNanos time() const { return time_; }
  // With times, and without layers for steps that changed nothing.
  oci::ImageConfig final_config() const;

  // Does the next instruction, if it need not wait for a program or another stage. Returns whether
  // it did something.
  Result<bool> advance();
  int fd() const { return running_ ? running_->fd() : -1; }
  // Something came from the program that runs.
  Result<> pump();

 private:
  // A directory tree that files come from, open as long as this is.
  struct OpenTree {
    std::unique_ptr<View> view;  // The tree refers to it. Null: a directory.
    sys::Fd directory;
    Tree tree;
    std::string name;  // Part of keys: whose files these are.
  };

  // What ADD has an address of.
  struct Remote {
    FetchRequest request;
    std::optional<Fetched> fetched;  // Empty: not needed so far.
    Digest digest() const { return fetched ? fetched->material.digest : request.expected; }
  };
  // What COPY or ADD takes.
  struct Sources {
    OpenTree open;
    std::vector<Pick> picks;
    std::vector<Remote> remotes;
  };

  const Stage& stage() const;
  bool is_over() const;
  const Instruction& instruction() const { return stage().instructions[next_]; }
  Result<bool> begin();
  bool waits_for_others() const;
  Result<> do_run(const Instruction& instruction, const std::vector<Mount>& mounts);
  Result<> do_copy(const Instruction& instruction, const FileSources& files, bool parents,
                   bool optional);
  Result<Sources> pick_sources(const Instruction& instruction, const FileSources& files,
                               bool optional);
  Result<> put_sources(const Sources& sources, const Instruction& instruction,
                       const FileSources& files, const Target& target,
                       const std::string& destination, const CopyOptions& options);
  Result<Remote> find_remote(AddSource source, const Add& add);
  Result<> fetch_missing(std::vector<Remote>& remotes);
  Result<> put_remote(const Remote& remote, const Add& add, const Target& target,
                      const std::string& destination, const CopyOptions& options);
  Result<> put_pick(const Pick& pick, const Add* add, const Tree& tree, const Target& target,
                    const std::string& destination, const CopyOptions& options);
  // Of all that the step makes.
  Result<UnixNanos> time_of(const Instruction& instruction, const FileSources& files,
                            const Sources& sources) const;
  Result<> do_workdir();
  Result<> do_packages(const Instruction& instruction);
  Result<std::string> read_key_file(const std::string& name);
  // The tree of a dependency, or the context.
  Result<OpenTree> open_tree(const Dependency* dependency);
  Result<RunMount> make_mount(const Mount& mount, const Dependency* dependency, StepKey& key,
                              RunRequest& wanted);
  // RUN --tools: the program's files, variables, user and directory.
  struct Tools {
    Files files;
    oci::ImageConfig config;
    std::vector<image::Material> materials;
  };
  Result<std::optional<Tools>> find_tools(const Run& run);
  void use_tools(const Tools& tools, RunRequest& wanted, StepKey& key) const;
  // RUN --ansible: a copy of the playbook's directory in the context.
  Result<RunRequest::Playbook> take_playbook(const Run& run, StepKey& key);
  // Gives a RUN caches that begin empty, where what they have may not matter.
  Result<> freshen_caches(RunRequest& wanted);
  Result<RunMount> make_file(const std::string& target, std::string_view content, unsigned mode);
  Result<std::optional<Owner>> owner_of(const std::string& chown, const char* what = "--chown");
  // The targets of these are absolute.
  Result<RunMount> make_bind(const Mount& mount, const std::string& name, const OpenTree& open,
                             StepKey& key);
  Result<RunMount> make_cache(const Mount& mount, const std::string& name,
                              const Dependency* dependency, StepKey& key);

  StepInfo describe(const Instruction& instruction) const;
  Result<std::optional<StepLayer>> find(const StepKey& key, bool had_way_out = false);
  void take(const Instruction& instruction, const StepLayer& layer);
  std::string step_name() const;
  std::string step_in_lock() const;
  bool takes_sources(const Instruction& instruction) const;
  Error failed(const Instruction& instruction, Error error) const;

  SharedBuild& shared_;
  std::size_t index_;
  std::size_t next_ = 0;  // Of the stage's instructions.
  bool begun_ = false;
  bool done_ = false;
  std::optional<StageState> state_;
  Files files_;
  Digest image_;  // TracedStage::image.
  UnixNanos time_ = 0;
  std::set<std::size_t> without_layer_;  // Entries of the history.
  std::size_t inherited_ = 0;            // Entries that are the base's.
  std::vector<TracedMount> mounted_;     // Of the RUN that is at work.
  std::optional<Instruction> pending_;   // The expanded RUN that runs.
  StepInfo info_;
  StepKey key_;
  Digest like_;  // The key of the same step in the last build; may be empty.
  bool was_cached_ = false;
  bool may_lack_ = false;  // TracedStep::may_lack.
  std::unique_ptr<Running> running_;
  std::optional<RunRequest> wanted_;  // What runs, when it is to be opened if it fails.
  std::vector<TracedStep> trace_;
  std::vector<OutputStep> outputs_;
};

}  // namespace tare::build
