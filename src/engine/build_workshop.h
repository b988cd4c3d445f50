// SPDX-License-Identifier: Apache-2.0
// What a build gets done, by this engine. Private to the room.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "build/builder.h"
#include "engine/build.h"
#include "engine/build_bound.h"
#include "engine/build_room.h"
#include "engine/state.h"
#include "image/build_cache.h"
#include "image/leaks.h"
#include "image/steps.h"
#include "image/web_files.h"
#include "store/unsynced.h"
#include "transfer/recorder.h"

namespace tare::engine {

struct AttestedFiles;
class RunRecorder;

class BuildWorkshop : public build::Workshop {
 public:
  BuildWorkshop(Engine& engine, const image::TransferProgress& progress)
      : engine_(engine),
        state_(*engine.state_),
        steps_(state_.store, state_.rootfs),
        bound_(engine, state_.store),
        progress_(progress) {}
  BuildWorkshop(const BuildWorkshop&) = delete;
  BuildWorkshop& operator=(const BuildWorkshop&) = delete;
  ~BuildWorkshop() override;

  Result<sys::Fd> spool_input(const std::string& first);
  // `request`, whose secrets and agents may be used for what is fetched, outlives the object.
  void use(const build::BuildRequest& request) { request_ = &request; }
  void use(BuildShell shell) { shell_ = std::move(shell); }
  // Programs of RUN get their files in another order, with other numbers.
  void use_other_order() { has_other_order_ = true; }
  Result<> begin() {
    hold_ = TRY(steps_.hold());
    running_ = TRY(note_running(state_.store));
    return {};
  }

  Result<image::Image> find_image(const std::string& name, const std::string& platform,
                                  bool always) override;
  Result<image::Image> find_local(const std::string& name) override {
    return state_.images.find(name);
  }
  bool has_bytes(const Digest& digest) override { return state_.store.has_blob(digest); }
  Result<std::optional<build::StepLayer>> find_step(const Digest& key) override;
  Result<build::View> look(const build::Files& files) override;
  Result<std::unique_ptr<build::Running>> run(const build::RunRequest& request) override;
  Result<> open(const build::RunRequest& state) override;
  Result<build::StepLayer> change(
      const Change& change, const std::function<Result<>(const build::Target&)>& work) override;
  Result<build::StepLayer> merge(const Merge& merge) override;
  Result<image::Image> make_image(oci::ImageConfig config, const build::Files& files,
                                  const std::vector<std::string>& names,
                                  const std::map<std::string, std::string>& annotations) override;
  Result<std::unique_ptr<codec::Source>> open_archive(int file) override;
  Result<std::unique_ptr<codec::Source>> open_plain(int file) override;
  Result<std::string> make_directory() override;
  Result<sys::IdMap> mount_ids() override;
  Result<build::Fetched> fetch(const build::FetchRequest& request) override;
  Result<> keep_material(const image::Material& material, const std::string& what) override;
  std::string load_note(const std::string& name) override;
  void save_note(const std::string& name, std::string_view text) override;

  Result<> export_files(const build::Files& files, const BuildExport& exports,
                        const AttestedFiles& attested);
  void open_caches(const BuildCaches& caches);
  Result<> write_caches(const build::Built& built, const BuildCaches& caches,
                        const image::Secrets& secrets);

  // From now on the steps that are made go with this.
  void keep_no_steps() { keeps_steps_ = false; }

  static store::Store& store_of(Engine& engine) { return engine.state_->store; }
  static store::RootfsBackend& rootfs_of(Engine& engine) { return engine.state_->rootfs; }

 private:
  class RunningStep;
  struct StepContainer {
    std::string id;
    sys::Fd builder;  // Locked: there is somebody who removes it.
  };
  Result<StepContainer> make_container(const build::RunRequest& request,
                                       const CreateRequest& config);
  static Engine::StartRequest start_of(const build::RunRequest& request);
  // The step of this key, which is about to be kept, goes with this, or when we are killed.
  Result<> forget_later(const Digest& key);
  // The recorder of a RUN that is to have one, and what its program needs for it, in `request`.
  Result<std::unique_ptr<RunRecorder>> record(build::RunRequest& request);

  // Of a URL; of a git repository.
  Result<build::Fetched> fetch_url(const build::FetchRequest& request);
  Result<build::Fetched> fetch_git(const build::FetchRequest& request);
  Result<image::Image> find_in_layout(const std::string& place, const std::string& platform);
  void forget_layouts();
  struct GitWork;
  Result<GitWork> prepare_git(const build::FetchRequest& request);

  // Takes the step from a cache elsewhere, if one has it.
  std::optional<image::Step> find_elsewhere(const Digest& key);

  // Before anything is made that only this build and the next ones need.
  Result<> begin_work();
  // A mount of the files that is writable through `scratch`, or read-only.
  Result<sys::Fd> attach_files(const build::Files& files, const sys::IdMap& ids, int scratch,
                               bool read_only);
  // change(), in the directory `place`, which gets the upper directory.
  Result<build::StepLayer> change_in(int place, const Change& change,
                                     const std::function<Result<>(const build::Target&)>& work);
  // Keeps what is in the upper directory of `container`, which `root` is a mount of.
  Result<build::StepLayer> keep(const Change& change, int container, int root,
                                const sys::IdMap& ids, std::vector<std::string> places,
                                bool same_times, const store::LentContents* lent = nullptr);
  transfer::Proxies proxies_of_user() const;
  // `caches`: the volume of each mount that is one.
  CreateRequest container_of(const build::RunRequest& request,
                             const std::vector<std::string>& caches) const;
  Result<> note_other_order(const std::string& container) const;

  Engine& engine_;
  Engine::State& state_;
  image::Steps steps_;
  BuildBound bound_;
  const image::TransferProgress& progress_;
  sys::Fd hold_;
  std::optional<transfer::Authority> authority_;  // Of this build, when it is needed first.
  sys::Fd running_;
  std::vector<std::unique_ptr<image::BuildCache>> caches_;
  std::vector<store::Store::Scratch> directories_;
  std::vector<Digest> passing_;  // Steps that go with this.
  bool keeps_steps_ = true;
  bool has_worked_ = false;
  BuildShell shell_;
  bool has_other_order_ = false;
  const build::BuildRequest* request_ = nullptr;
  std::map<std::string, Digest> layouts_;    // Images that have their names for the build alone.
  std::optional<store::Unsynced> unsynced_;  // From the first step that is done on.
  std::optional<image::WebFiles> web_;       // When it is needed first.
};

}  // namespace tare::engine
